#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The guides in docs/, word for word: their files are written, their commands and QMP lines run, against an installed tree."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.qmp import QMP
from harness.vm import SOURCE
from workshop import workshop as fixture

GUIDES = ("writing-a-plugin.md", "writing-a-backend.md")
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(guide):
    with open(os.path.join(SOURCE, "docs", guide), encoding="utf-8") as file:
        return [(kind, words.strip(), text) for kind, words, text in BLOCK.findall(file.read())]


@tap.test("the pkg-config file knows the ABI of the headers")
def abi(workshop):
    with open(os.path.join(workshop.prefix, "include/mortise/plugin.h"), encoding="utf-8") as file:
        numbers = dict(re.findall(r"#define MORTISE_ABI_(MAJOR|MINOR) (\d+)", file.read()))
    seen = workshop.sh("pkg-config --variable=abi mortise-plugin 2>&1").splitlines()[-1]
    tap.check_equal(seen, f"{numbers['MAJOR']}.{numbers['MINOR']}", "abi")


def talk(shop, text):
    """Says what the lines say, and hears that."""
    qmp = QMP(os.path.join(shop.folder, "qmp.sock"), negotiate=False, alive=lambda: shop.background.poll() is None)
    for line in text.splitlines():
        direction, message = line.split(" ", 1)
        if direction == "->":
            qmp.send(json.loads(message))
            continue
        seen = qmp.receive()
        while "event" in seen:
            seen = qmp.receive()
        tap.check_equal(seen, json.loads(message), "answer")


def register(guide):
    @tap.test(f"{guide}: files are written, commands succeed and QMP answers as it says, in its order")
    def follow(shop):
        # The kernel of this VM only waits: tests/guest has devices used for real.
        images.idle_kernel(os.path.join(shop.folder, "kernel"))
        images.sparse(os.path.join(shop.folder, "initrd"), 4096)
        kinds = set()
        for kind, words, text in blocks(guide):
            kinds.add(kind)
            if kind == "c":
                with open(os.path.join(shop.folder, words.removeprefix("file=")), "w", encoding="utf-8") as file:
                    file.write(text)
            elif kind == "sh":
                shop.sh(text, words == "background")
            elif kind == "json":
                talk(shop, text)
        tap.check_equal(kinds, {"c", "sh", "json"}, "kinds of blocks")
        shop.stop()


for each in GUIDES:
    register(each)


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
