#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/writing-a-plugin.md, word for word: its files are written, its commands and QMP lines run, against an installed tree."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.qmp import QMP
from harness.vm import SOURCE
from workshop import workshop as fixture

GUIDE = os.path.join(SOURCE, "docs/writing-a-plugin.md")
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind):
    with open(GUIDE, encoding="utf-8") as file:
        return [(words.strip(), text) for found, words, text in BLOCK.findall(file.read()) if found == kind]


@tap.test("the pkg-config file knows the ABI of the headers")
def abi(workshop):
    with open(os.path.join(workshop.prefix, "include/mortise/plugin.h"), encoding="utf-8") as file:
        numbers = dict(re.findall(r"#define MORTISE_ABI_(MAJOR|MINOR) (\d+)", file.read()))
    seen = workshop.sh("pkg-config --variable=abi mortise-plugin 2>&1").splitlines()[-1]
    tap.check_equal(seen, f"{numbers['MAJOR']}.{numbers['MINOR']}", "abi")


@tap.test("every block of the guide is of a kind that is run")
def kinds(workshop):
    with open(GUIDE, encoding="utf-8") as file:
        found = {kind for kind, _, _ in BLOCK.findall(file.read())}
    tap.check_equal(found, {"c", "sh", "json"}, "kinds")


@tap.test("files are written and commands succeed, in the order of the guide")
def commands(workshop):
    for words, text in blocks("c"):
        with open(os.path.join(workshop.folder, words.removeprefix("file=")), "w", encoding="utf-8") as file:
            file.write(text)
    # The kernel of this VM only waits: tests/guest has devices used for real.
    images.idle_kernel(os.path.join(workshop.folder, "kernel"))
    images.sparse(os.path.join(workshop.folder, "initrd"), 4096)
    for words, text in blocks("sh"):
        workshop.sh(text, words == "background")


@tap.test("QMP answers as the guide says")
def answers(workshop):
    alive = lambda: workshop.background.poll() is None
    qmp = QMP(os.path.join(workshop.folder, "qmp.sock"), negotiate=False, alive=alive)
    for _, text in blocks("json"):
        for line in text.splitlines():
            direction, message = line.split(" ", 1)
            if direction == "->":
                qmp.send(json.loads(message))
                continue
            seen = qmp.receive()
            while "event" in seen:
                seen = qmp.receive()
            tap.check_equal(seen, json.loads(message), "answer")


@tap.test("the plugin exports its description alone and is bound at once")
def exports(workshop):
    symbols = workshop.sh("nm -D --defined-only coin.so 2>/dev/null").splitlines()
    tap.check_equal([line.split()[-1] for line in symbols if not line.startswith("+")], ["mortise_plugin_v1"], "exports")
    tap.check("NOW" in workshop.sh("readelf -d coin.so"), "coin.so is bound lazily")


@tap.test("manual pages are well-formed, and there is one for each program, plugin and host service")
def pages(workshop):
    folder = f"{workshop.prefix}/share/man"
    workshop.sh(f"for page in {folder}/man*/*; do test -z \"$(groff -man -ww -z $page 2>&1)\"; done")
    with open(os.path.join(workshop.prefix, "include/mortise/plugin.h"), encoding="utf-8") as file:
        table = re.search(r"^struct mortise_host \{(.*?)^\};", file.read(), re.MULTILINE | re.DOTALL)[1]
    wanted = {f"man3/mortise_host_{name}.3" for name in re.findall(r"\(\*(\w+)\)\(", table)}
    wanted |= {f"man1/{name}.1" for name in os.listdir(f"{workshop.prefix}/bin")}
    # A plugin with several drivers has a link for each further one.
    plugins = [each.name.removesuffix(".so") for each in os.scandir(f"{workshop.prefix}/lib/mortise") if not each.is_symlink()]
    wanted |= {f"man7/mortise-{name}.7" for name in plugins}
    tap.check_equal(sorted(each for each in wanted if not os.path.exists(os.path.join(folder, each))), [], "missing pages")


if __name__ == "__main__":
    tap.main(fixture)
