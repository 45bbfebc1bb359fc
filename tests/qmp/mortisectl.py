#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operator's tool against a running VM: verbs, tables, JSON, events, the shell, exit statuses."""

import json
import os
import pty
import re
import select
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.vm import BUILD, VM

TOOL = os.path.join(BUILD, "mortisectl")


def ctl(vm, *words, status=0, stdin="", socket=None):
    done = subprocess.run(
        [TOOL, "-s", socket or vm.qmp_path, *words], input=stdin, capture_output=True, text=True, timeout=60
    )
    tap.check_equal(done.returncode, status, f"exit status of {words}: {done.stderr}")
    return done.stdout if status == 0 else done.stderr


def says(output, words):
    tap.check(words in output, f"{words!r} is not in {output!r}")


@tap.test("status, stop, cont")
def life(vm):
    vm.qmp.execute("query-status")
    tap.check_equal(ctl(vm, "status"), "running\n")
    ctl(vm, "stop")
    tap.check_equal(ctl(vm, "status"), "paused\n")
    ctl(vm, "cont")
    tap.check_equal(json.loads(ctl(vm, "--json", "status"))["running"], True)


@tap.test("a disk is added, listed and removed")
def disk(vm):
    images.sparse(vm.file("a.img"), 3 << 20)
    tap.check_equal(ctl(vm, "disk", "add", vm.file("a.img"), "--addr", "0x1", "--read-only"), "disk-a.img\n")
    lines = ctl(vm, "disk", "list").splitlines()
    tap.check_equal(len(lines), 2, "lines of the table")
    for word in ("disk-a.img", "3.0 MiB", "yes", vm.file("a.img")):
        tap.check(word in lines[1], f"{word} is not in: {lines[1]}")
    tap.check_equal(json.loads(ctl(vm, "--json", "disk", "list"))[0]["inserted"]["ro"], True)
    images.sparse(vm.file("other.img"), 5 << 20)
    tap.check_equal(ctl(vm, "disk", "change", "disk-a.img", vm.file("other.img")), "", "output")
    for word in ("disk-a.img", "5.0 MiB", "yes", vm.file("other.img")):
        says(ctl(vm, "disk", "list"), word)
    tap.check_equal(json.loads(ctl(vm, "--json", "disk", "change", "disk-a.img", vm.file("a.img"), "--writable")), {}, "JSON")
    tap.check_equal(json.loads(ctl(vm, "--json", "disk", "list"))[0]["inserted"]["ro"], False)
    says(ctl(vm, "disk", "change", "disk-b.img", vm.file("a.img"), status=1), "disk-b.img")
    says(ctl(vm, "disk", "change", "disk-a.img", vm.file("absent"), status=1), "No such file")
    says(ctl(vm, "disk", "change", "disk-a.img", status=2), "usage")
    ctl(vm, "disk", "change", "disk-a.img", vm.file("a.img"), "--writable", "--read-only", status=2)
    says(ctl(vm, "raw", '{"execute": "blockdev-del", "arguments": {"node-name": "disk-a.img"}}', status=1), "in use")
    ctl(vm, "disk", "remove", "disk-a.img")
    tap.check_equal(len(ctl(vm, "disk", "list").splitlines()), 1, "lines of the empty table")


@tap.test("a refused disk leaves nothing behind")
def refused(vm):
    images.sparse(vm.file("b.img"), 1 << 20)
    says(ctl(vm, "disk", "add", vm.file("absent"), status=1), "No such file")
    says(ctl(vm, "disk", "add", vm.file("b.img"), "--addr", "6", status=1), "0x0 to 0x5")
    tap.check_equal(vm.qmp.execute("query-named-block-nodes"), [], "block nodes")


@tap.test("a NIC is added, listed and removed")
def nic(vm):
    tap.check_equal(ctl(vm, "nic", "add", "--id", "n0"), "n0\n")
    for word in ("n0", "DROPPED"):
        says(ctl(vm, "nic", "list"), word)
    says(ctl(vm, "plugin", "list"), "virtio-net")
    says(ctl(vm, "plugin", "upgrade", "virtio-net", status=1), "has not changed")
    ctl(vm, "nic", "remove", "n0")
    tap.check("n0" not in ctl(vm, "nic", "list"), "the NIC is still listed")


@tap.test("wrong usage and a missing socket have statuses of their own")
def statuses(vm):
    says(ctl(vm, "disk", "add", status=2), "usage")
    says(ctl(vm, "dance", status=2), "not known")
    ctl(vm, "status", "--follow", status=2)
    ctl(vm, "raw", "{", status=2)
    says(ctl(vm, "status", status=3, socket=vm.file("absent")), "absent")


@tap.test("the shell takes verbs, QMP commands and whole messages")
def shell(vm):
    out = ctl(vm, stdin='status\nquery-name\n# a comment\n{"execute": "query-status"}\nexit\nstop\n')
    tap.check_equal(out.splitlines()[0], "running")
    tap.check_equal(json.loads(out.splitlines()[2])["status"], "running")
    tap.check_equal(len(out.splitlines()), 3, "answers before exit")
    says(ctl(vm, stdin='device_del {"id": "nobody"}\n', status=1), "not found")


class Terminal:
    """The shell on a pseudo terminal."""

    def __init__(self, vm):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([TOOL, "-s", vm.qmp_path], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        cwd=vm.directory, env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        self.expect("mortise> ")

    def expect(self, words):
        """Reads until these words have been shown, line by line without the editor's movements."""
        seen = ""
        while words not in re.sub(r"\x1b\[[0-9]*[A-Z]|\r(?!\n)|\x07", "", seen):
            tap.check(select.select([self.master], [], [], 60)[0], f"{words!r} does not come after {seen!r}")
            seen += os.read(self.master, 4096).decode()

    def type(self, keys):
        os.write(self.master, keys.encode())


@tap.test("a Tab completes verbs, options, devices, QMP commands and their arguments; the history comes back")
def completion(vm):
    images.sparse(vm.file("c.img"), 1 << 20)
    ctl(vm, "disk", "add", vm.file("c.img"), "--id", "tenon")
    terminal = Terminal(vm)
    try:
        for keys, rest in (("sta\t", "tus "), ("di\t", "sk "), ("disk re\t", "move "), ("disk remove te\t", "non "), ("disk change te\t", "non "), ("disk change tenon c.i\t", "mg"),
                           
                           ("disk add --re\t", "ad-only "), ("query-na\t", "me"), ('blockdev-del {"no\t', 'de-name":'),
                           ("disk add c.i\t", "mg")):
            terminal.type(keys)
            terminal.expect(rest)
            terminal.type("\x15")  # ends the line without a word
        terminal.type("disk list\n")
        terminal.expect("tenon")
        terminal.type("\x1b[A\n")
        terminal.expect("tenon")
        terminal.type("exit\n")
        tap.check_equal(terminal.process.wait(60), 0, "exit status")
    finally:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.master)
    ctl(vm, "disk", "remove", "tenon")


@tap.test("events are followed to the end")
def events(vm):
    follower = subprocess.Popen(
        [TOOL, "-s", vm.qmp_path, "--json", "events", "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        # Events that come before the follower has connected are not for it: repeated until it has heard one.
        ctl(vm, "reset")
        while not select.select([follower.stdout], [], [], 1)[0]:
            ctl(vm, "reset")
        tap.check_equal(json.loads(follower.stdout.readline())["event"], "RESET")
        ctl(vm, "quit")
        rest, _ = follower.communicate(timeout=60)
        tap.check_equal(json.loads(rest.splitlines()[-1])["event"], "SHUTDOWN")
        tap.check_equal(follower.returncode, 3, "exit status once the VM is gone")
        tap.check_equal(vm.process.wait(60), 0, "exit status of mortise")
    finally:
        follower.kill()
        follower.wait()


if __name__ == "__main__":
    tap.main(lambda: VM(idle=True))
