#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/writing-a-plugin.md, word for word: its files are written, its commands and QMP lines run, against an installed tree."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.qmp import QMP
from harness.vm import BUILD, EXIT_TIMEOUT, SOURCE

GUIDE = os.path.join(SOURCE, "docs/writing-a-plugin.md")
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Workshop:
    """An empty folder, and the environment of someone who has installed Mortise under `root`."""

    def __init__(self, directory):
        self.root = os.path.join(directory, "root")
        self.folder = os.path.join(directory, "work")
        os.mkdir(self.folder, 0o755)
        install = ["make", "-C", BUILD, "install", f"DESTDIR={self.root}"]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "DESTDIR"))}
        made = subprocess.run(install, env=clean, capture_output=True, text=True)
        tap.check(made.returncode == 0, made.stdout + made.stderr)
        self.prefix = self._relocate()
        self.environment = dict(
            clean,
            DESTDIR=os.path.join(directory, "package"),
            PATH=f"{self.prefix}/bin:{clean['PATH']}",
            PKG_CONFIG_PATH=f"{self.prefix}/lib/pkgconfig",
        )
        self.background = None

    def _relocate(self):
        """Makes the pkg-config file tell where things are now; the prefix."""
        (path,) = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.root)
            for name in names
            if name == "mortise-plugin.pc"
        ]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        prefix = self.root + re.search(r"^prefix=(.*)$", text, re.MULTILINE).group(1)
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^prefix=.*$", f"prefix={prefix}", text, flags=re.MULTILINE))
        return prefix

    def sh(self, commands, background=False):
        arguments = dict(cwd=self.folder, env=self.environment, text=True)
        if background:
            self.background = subprocess.Popen(["sh", "-c", f"exec {commands.strip()}"], **arguments)
            return ""
        done = subprocess.run(["sh", "-exc", commands], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **arguments)
        tap.check(done.returncode == 0, f"{commands}\n{done.stdout}")
        return done.stdout

    def stop(self):
        if self.background:
            self.background.terminate()
            tap.check_equal(self.background.wait(EXIT_TIMEOUT), 0, "mortise's exit status")


def blocks(kind):
    with open(GUIDE, encoding="utf-8") as file:
        return [(words.strip(), text) for found, words, text in BLOCK.findall(file.read()) if found == kind]


@contextlib.contextmanager
def fixture():
    if not shutil.which("pkg-config"):
        raise tap.Skip("no pkg-config")
    with tempfile.TemporaryDirectory(prefix="mortise-guide.") as directory:
        workshop = Workshop(directory)
        yield workshop
        workshop.stop()


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


if __name__ == "__main__":
    tap.main(fixture)
