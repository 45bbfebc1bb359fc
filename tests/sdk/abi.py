#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public headers' types against the dumps of every ABI minor: structures may have grown at their end, enumerations may
have got more values, and nothing else may differ.

abidw writes and reads the dumps, tests/sdk/abi/minor-N.abi. abidiff is of no use here: a suppression for members added at
the end also hides whatever else has changed in the same structure.

usage: tests/sdk/abi.py [--dump FILE]     writes today's dump, for when a minor ends
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import SOURCE

INCLUDE = os.path.join(SOURCE, "include")

# What plugins allocate and hosts write to, or read, without being told its size: these cannot grow.
FIXED = ("mortise_block_request", "mortise_error")

DUMPS = sorted(glob.glob(os.path.join(SOURCE, "tests/sdk/abi/minor-*.abi")))


def source():
    """C that uses every type of the headers, and each constant macro as an enumerator."""
    text, headers = "", sorted(glob.glob(os.path.join(INCLUDE, "mortise/*.h")))
    for path in headers:
        with open(path, encoding="utf-8") as file:
            text += file.read()
    types = re.findall(r"^((?:struct|enum) mortise_\w+) \{$", text, re.M)
    constants = re.findall(r"^#define (MORTISE_\w+) (?:\d|UINT)", text, re.M)
    constants.remove("MORTISE_ABI_MINOR")
    lines = [f"#include <mortise/{os.path.basename(path)}>" for path in headers]
    lines += ["enum constants {", *(f"\tOF_{name} = {name}," for name in constants), "};"]
    lines += ["struct all {", "\tenum constants constants;"]
    lines += [f"\t{name} *member_{number};" for number, name in enumerate(types)]
    lines += ["};", "void use(struct all *all);", "void use(struct all *all)", "{", "}", ""]
    return "\n".join(lines)


def dump(path):
    """Today's types, as abidw writes them."""
    with tempfile.TemporaryDirectory(prefix="mortise-abi.") as directory:
        code, built = os.path.join(directory, "all.c"), os.path.join(directory, "all.so")
        with open(code, "w", encoding="utf-8") as file:
            file.write(source())
        subprocess.run(["gcc", "-std=gnu11", "-g", "-fPIC", "-shared", "-I", INCLUDE, "-o", built, code], check=True)
        subprocess.run(["abidw", "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--out-file", path, built],
                       check=True)


class Types:
    """The aggregates of a dump by name, each a list of what it consists of, in the order of its layout."""

    def __init__(self, path):
        self.elements = {}
        self.aggregates = {}
        for element in xml.parse(path).iter():
            if "id" in element.attrib:
                self.elements[element.attrib["id"]] = element
        for element in self.elements.values():
            if element.tag in ("class-decl", "union-decl", "enum-decl") and "is-declaration-only" not in element.attrib:
                self.aggregates[element.attrib["name"]] = self.parts(element)
        self.aggregates.pop("all", None)

    def parts(self, element):
        if element.tag == "enum-decl":
            return [f"{each.attrib['name']} = {each.attrib['value']}" for each in element.iter("enumerator")]
        found = []
        for member in element.iter("data-member"):
            variable = member.find("var-decl")
            offset = int(member.attrib.get("layout-offset-in-bits", "0"))
            found.append((offset, f"{self.name(variable.attrib['type-id'])} {variable.attrib['name']} at bit {offset}"))
        return [text for _, text in sorted(found, key=lambda each: each[0])]

    def name(self, identity):
        """A type in words. Aggregates go by their names: what is in them is compared on its own."""
        element = self.elements[identity]
        kind, attributes = element.tag, element.attrib
        if kind == "pointer-type-def":
            return self.name(attributes["type-id"]) + " *"
        if kind == "qualified-type-def":
            return self.name(attributes["type-id"]) + " const" * (attributes.get("const") == "yes")
        if kind == "typedef-decl":
            return self.name(attributes["type-id"])
        if kind == "array-type-def":
            return self.name(attributes["type-id"]) + "".join(f"[{each.attrib['length']}]" for each in element.iter("subrange"))
        if kind == "function-type":
            parameters = ["..." if "is-variadic" in each.attrib else self.name(each.attrib["type-id"])
                          for each in element.iter("parameter")]
            return f"{self.name(element.find('return').attrib['type-id'])} ({', '.join(parameters)})"
        size = f":{attributes['size-in-bits']}" if kind == "type-decl" and "size-in-bits" in attributes else ""
        return attributes["name"] + size


def check_grown(name, old, new):
    """What was there is there still, in its place."""
    tap.check(new is not None, f"{name} is gone")
    tap.check(name not in FIXED or len(new) == len(old), f"{name} has grown, which plugins that allocate it cannot know")
    for was, now in zip(old, new + [None] * len(old)):
        tap.check_equal(now, was, name)


def register(path, today):
    minor = os.path.basename(path)[: -len(".abi")]

    @tap.test(f"no type of {minor} has changed but by growing at its end")
    def compare():
        old = Types(path)
        tap.check("mortise_host" in old.aggregates and "constants" in old.aggregates, f"{minor} has no types")
        for name, parts in sorted(old.aggregates.items()):
            new = today.aggregates.get(name)
            if name == "constants":
                tap.check_equal(sorted(set(parts) - set(new)), [], "constants that are gone or changed")
            elif name.startswith("mortise_"):
                check_grown(name, parts, new)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--dump":
        dump(sys.argv[2])
        return
    if not shutil.which("abidw"):
        print("1..0 # SKIP no abidw here: install abigail-tools")
        return
    with tempfile.TemporaryDirectory(prefix="mortise-abi.") as directory:
        path = os.path.join(directory, "today.abi")
        dump(path)
        today = Types(path)

    @tap.test("a dump of today's types holds each of them")
    def complete():
        wanted = re.findall(r"(?:struct|enum) (mortise_\w+) \*member", source())
        tap.check_equal(sorted(set(wanted) - set(today.aggregates)), [], "types that are missing")
        tap.check(wanted, "no type was found in the headers")

    for each in DUMPS:
        register(each, today)
    tap.main()


if __name__ == "__main__":
    main()
