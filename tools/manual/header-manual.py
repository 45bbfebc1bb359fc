#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the manual pages of the plugin ABI from the public headers' comments: mortise-plugin(3) from its template, and a page
for each host service. Run by make; what a page says is said in the header and nowhere else.

usage: header-manual.py VERSION HEADERS-FOLDER TEMPLATE OUTPUT-FOLDER"""

import os
import re
import sys

TOKEN = re.compile(r"/\*(?P<comment>.*?)\*/|(?P<code>[^;{}/]*(?:\{[^}]*\})?[^;{}/]*;)", re.DOTALL)
SERVICE = re.compile(r"\(\*(\w+)\)\((.*)\)$", re.DOTALL)
LISTED = re.compile(r"^(\w+)\(([^)]*)\): ", re.MULTILINE)


class Member:
    """One field of a structure: how it is declared, and what its comment says."""

    def __init__(self, declaration, comment):
        self.declaration = re.sub(r"\s+", " ", declaration.strip().rstrip(";"))
        self.declaration = re.sub(r"^MORTISE_PRINTF\([^)]*\) ", "", self.declaration)
        self.comment = comment
        found = SERVICE.search(self.declaration)
        self.function = bool(found)
        self.name = found[1] if found else re.search(r"(\w+)(\[.*\])?$", self.declaration)[1]


def text_of(comment):
    """A comment's text without its frame, indentation inside it kept."""
    lines = [re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment.split("\n")]
    return "\n".join(lines).strip("\n ")


def members_of(header, structure):
    """The fields of a structure in their order; fields that share a comment share it here too."""
    body = re.search(r"^struct " + structure + r" \{\n(.*?)^\};", header, re.DOTALL | re.MULTILINE)[1]
    members, comment, used, end = [], "", False, 0
    for token in TOKEN.finditer(body):
        # A comment on the line where a field ends is that field's alone.
        trailing = members and "\n" not in body[end : token.start()]
        end = token.end()
        if token["comment"] is None:
            members.append(Member(token["code"], comment))
            used = True
        elif trailing:
            members[-1].comment = text_of(token["comment"])
        elif re.match(r"\s*---", token["comment"]):
            comment, used = "", False
        else:
            comment, used = text_of(token["comment"]), False
    return members


def listed_services(header):
    """Services that a header describes in one comment, as `name(arguments): text` each."""
    found = {}
    for comment in re.findall(r"/\*(.*?)\*/", header, re.DOTALL):
        text = text_of(comment)
        places = list(LISTED.finditer(text)) if "services in struct mortise_host" in text else []
        for place, following in zip(places, places[1:] + [None]):
            piece = text[place.end() : following.start() if following else len(text)]
            found[place[1]] = re.sub(r"\n +", "\n", piece).strip()
    return found


def escaped(line):
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + line if line.startswith((".", "'")) else line


def troff(text):
    """Paragraphs; what is indented stays as it is drawn."""
    out = []
    for paragraph in re.split(r"\n\n+(?! )|\n\n(?=    )", text):
        lines = [escaped(line) for line in paragraph.split("\n")]
        if paragraph.startswith("    "):
            out += [".PP", ".nf", ".ft CW", *lines, ".ft", ".fi"]
        else:
            out += [".PP", *lines]
    return "\n".join(out[1:] if out[0] == ".PP" and out[1] != ".nf" else out)


def sentence(text):
    """The first sentence, in one line, for the page's name."""
    first = re.split(r"(?<=[a-z\)])[.:;](?:\s|$)", re.sub(r"\s+", " ", text), maxsplit=1)[0]
    return first[:1].upper() + first[1:]


def fields(members):
    return "\n".join(f".TP\n.B {escaped(each.declaration)}\n{troff(each.comment)}" for each in members)


def title(name, section, version):
    return (
        f'.\\" SPDX-License-Identifier: Apache-2.0\n.\\" Made by header-manual.py from include/mortise.\n'
        f'.TH {escaped(name.upper())} {section} "" "mortise {version}" "Plugins"\n'
    )


def service_page(member, version):
    name = f"mortise_host_{member.name}"
    prototype = member.declaration.replace(f"(*{member.name})", f"host->{member.name}")
    return (
        title(name, 3, version)
        + f".SH NAME\n{name} \\- {escaped(sentence(member.comment))}\n"
        + f".SH SYNOPSIS\n.nf\n#include <mortise/plugin.h>\n\n{escaped(prototype)};\n.fi\n"
        + f".SH DESCRIPTION\n{troff(member.comment)}\n"
        + ".SH AVAILABILITY\nA host of an older ABI minor may not have it:\n"
        + f".B MORTISE_HAS(host, {member.name})\ntells.\n.SH SEE ALSO\n.BR mortise\\-plugin (3)\n"
    )


def main():
    version, headers, template, output = sys.argv[1:]
    texts = {}
    for name in sorted(os.listdir(headers)):
        with open(os.path.join(headers, name), encoding="utf-8") as file:
            texts[name] = file.read()
    plugin = texts["plugin.h"]
    services = [each for each in members_of(plugin, "mortise_host") if each.function]
    listed = {name: text for header in texts.values() for name, text in listed_services(header).items()}
    os.makedirs(output, exist_ok=True)
    for each in services:
        each.comment = listed.get(each.name, each.comment)
        if not each.comment:
            sys.exit(f"header-manual: service '{each.name}' is described in no header")
        with open(os.path.join(output, f"mortise_host_{each.name}.3"), "w", encoding="utf-8") as file:
            file.write(service_page(each, version))

    with open(template, encoding="utf-8") as file:
        page = file.read()
    # The head of plugin.h up to its first blank line names the file; the rest is the story.
    story = text_of(re.search(r"/\*\n \* mortise/plugin\.h.*?\*/", plugin, re.DOTALL)[0][2:-2])
    page = page.replace("@VERSION@", version).replace("@STORY@\n", troff(story.split("\n\n", 1)[1]) + "\n")
    page = page.replace("@SERVICES@\n", "\n".join(f".TP\n.BR mortise_host_{s.name} (3)\n{escaped(sentence(s.comment))}." for s in services) + "\n")
    for structure in ("mortise_plugin", "mortise_class"):
        page = page.replace(f"@{structure}@\n", fields(members_of(plugin, structure)) + "\n")
    page = page.replace("@mortise_property@\n", fields(members_of(texts["property.h"], "mortise_property")) + "\n")
    with open(os.path.join(output, "mortise-plugin.3"), "w", encoding="utf-8") as file:
        file.write(page)


if __name__ == "__main__":
    main()
