# SPDX-License-Identifier: Apache-2.0
"""The guest's serial console over two pipes: everything it says is kept, and its shell can be made to run commands."""

import os
import re
import select
import threading
import time
from collections import namedtuple

Result = namedtuple("Result", "status output")

# A busybox shell without line editing, prompt or echo: it reads a number and an escaped command, runs that in a shell of
# its own and frames the output. The frames are not in these words as they are in the output, so an echo cannot forge one.
AGENT = (
    "stty -echo -onlcr; exec sh -c 'printf \"\\n<%s>\\n\" agent; while IFS= read -r n && IFS= read -r c; do "
    'printf "\\n<%s\\n" "$n"; (eval "$(printf %b "$c")") </dev/null 2>&1; printf "\\n<%s:%d>\\n" "$n" $?; done\'\n'
)
LONGEST_LINE = 4000  # the tty's canonical mode holds 4096


class ConsoleError(Exception):
    pass


class Console:
    """Reads on a thread of its own, so that the guest never waits for a test; all else is the caller's thread."""

    def __init__(self, reader, writer):
        self._writer = writer
        self._text = ""
        self._changed = threading.Condition()
        self._closed = False
        self._number = 0
        self._thread = threading.Thread(target=self._read, args=(reader,), daemon=True)
        self._thread.start()

    def _read(self, reader):
        while piece := os.read(reader.fileno(), 1 << 16):
            with self._changed:
                self._text += piece.decode("utf-8", "replace")
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def text(self):
        with self._changed:
            return self._text

    def mark(self):
        """A place in what the guest said, for wait()'s start."""
        return len(self.text)

    def wait(self, pattern, timeout, start=0):
        """Waits until what the guest said from there on matches; the match. Says what came instead when it does not."""
        expression = re.compile(pattern, re.MULTILINE | re.DOTALL)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if match := expression.search(self._text, start):
                    return match
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    why = "the VMM has closed the console" if self._closed else f"waited {timeout} s"
                    raise ConsoleError(f"{pattern!r} did not come ({why}); the console's end:\n{self._text[-3000:]}")
                self._changed.wait(left)

    def write(self, text):
        """Writes to the guest's terminal; the pipe holds 64 KiB, the guest takes it at its own speed."""
        data = text.encode()
        while data:
            _, ready, _ = select.select([], [self._writer], [], 60)
            if not ready:
                raise ConsoleError("the VMM takes no console input")
            data = data[os.write(self._writer.fileno(), data[: select.PIPE_BUF]) :]

    def take_shell(self, timeout, start=0):
        """Waits for a shell's prompt and puts the agent in its place."""
        prompt = self.wait(r"[#$] (\x1b\[6n)?\Z", timeout, start)
        self.write(AGENT)
        self.wait(r"^<agent>\n", timeout, prompt.end())

    def post(self, command):
        """Sends a command to the guest's shell and waits for nothing; the number that frames its output."""
        self._number += 1
        escaped = command.replace("\\", "\\\\").replace("\n", "\\n")
        if len(escaped.encode()) > LONGEST_LINE:
            raise ValueError("the command is longer than the guest's terminal takes")
        self.write(f"{self._number}\n{escaped}\n")
        return self._number

    def sh(self, command, timeout):
        """Runs a command in the guest's shell: its exit status, and its output with one final newline cut."""
        start = self.mark()
        number = self.post(command)
        match = self.wait(rf"\n<{number}\n(.*)\n<{number}:(\d+)>\n", timeout, start)
        return Result(int(match[2]), match[1].removesuffix("\n"))
