#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-serial stdio on a terminal: raw while the VM runs, as it was before however it ends; Ctrl-a's keys."""

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.vm import SOURCE

CTRL_A = b"\x01"
DEADLINE = 60


class Terminal:
    """mortise on a pseudo terminal of its own."""

    def __init__(self, directory):
        self.master, self.slave = pty.openpty()
        self.before = self.settings()
        kernel = images.idle_kernel(os.path.join(directory, "idle-kernel"))
        self.process = subprocess.Popen(
            [os.path.join(SOURCE, "run"), "-kernel", kernel, "-serial", "stdio"],
            stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, start_new_session=True,
        )
        self.output = b""

    def settings(self):
        return termios.tcgetattr(self.slave), fcntl.fcntl(self.slave, fcntl.F_GETFL)

    def type(self, keys):
        os.write(self.master, keys)

    def wait_for_help(self):
        """That help answers shows that the terminal has been taken: until then keys are the line discipline's."""
        while b"Ctrl-a x" not in self.output:
            self.type(CTRL_A + b"h")
            if select.select([self.master], [], [], 0.2)[0]:
                self.output += os.read(self.master, 4096)
            tap.check(self.process.poll() is None, "mortise has ended")

    def wait(self):
        return self.process.wait(DEADLINE)


@contextlib.contextmanager
def terminal():
    directory = tempfile.mkdtemp(prefix="mortise-test.")
    taken = Terminal(directory)
    try:
        yield taken
    finally:
        taken.process.kill()
        taken.process.wait()
        taken.process.stderr.close()
        os.close(taken.master)
        os.close(taken.slave)
        shutil.rmtree(directory)


@tap.test("raw while it runs; Ctrl-a h helps, Ctrl-a x quits and restores it")
def keys():
    with terminal() as it:
        it.wait_for_help()
        (_, _, _, local, *_), flags = it.settings()
        tap.check_equal(local & (termios.ICANON | termios.ECHO | termios.ISIG), 0, "canonical mode, echo and signals")
        tap.check(flags & os.O_NONBLOCK, "the terminal would block")
        it.type(b"\x03x" + CTRL_A + b"x")
        tap.check_equal(it.wait(), 0, "exit status")
        tap.check_equal(it.settings(), it.before, "settings afterwards")


for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGABRT):

    @tap.test(f"restored after {number.name}")
    def ended(number=number):
        with terminal() as it:
            it.wait_for_help()
            it.process.send_signal(number)
            status = it.wait()
            fatal = number in (signal.SIGSEGV, signal.SIGABRT)
            tap.check(status != 0 if fatal else status == 0, f"exit status {status}")
            tap.check_equal(it.settings(), it.before, "settings afterwards")


if __name__ == "__main__":
    tap.main()
