# SPDX-License-Identifier: Apache-2.0
"""One generated program on the oracle and on the hart: what differs, as words."""

import os
import random

import toolchain
from generator import PROGRAMS, Program

# How a program runs on the bare machine (bare/program.c).
MODES = {
    "BARE": "in S mode",
    "PAGED": "in S mode under Sv39",
    "USER": "in U mode under Sv39, with timer interrupts",
}
MARK = b"records:\n"
SHOWN = 16  # mismatches shown, at most two a group


class Campaign:
    """A seed's programs in a directory; each is made, and run on the oracle, once."""

    def __init__(self, directory, seed):
        self.directory = directory
        self.seed = seed
        self._made = {}
        self._bare = {}

    def program(self, name):
        """The program, its object and the oracle's records."""
        if name not in self._made:
            groups = PROGRAMS[name](random.Random(f"{self.seed}:{name}"))
            self._made[name] = self._make(Program(name, groups))
        return self._made[name]

    def cases(self, name):
        return self.program(name)[0].cases

    def differences(self, name, mode, accel="soft"):
        """Runs a program in one mode; yields what differs from the oracle, in words."""
        program, body, wanted = self.program(name)
        shown, numbers = {}, {}
        count = 0
        for group, number, words in program.compare(wanted, self._run(program, body, mode, accel)):
            count += 1
            numbers.setdefault(group, []).append(number)
            if shown.setdefault(group, 0) < 2 and sum(shown.values()) < SHOWN:
                shown[group] += 1
                yield words
        if count:
            yield f"{count} of {program.cases} cases differ, in {len(numbers)} of {len(program.groups)} groups"
            yield from self._closer(numbers, mode, accel)

    def _closer(self, numbers, mode, accel):
        """Runs what shows more of the groups that went wrong."""
        for group, wrong in list(numbers.items())[:3]:
            groups = group.closer(wrong[:SHOWN])
            if not groups:
                continue
            program, body, wanted = self._make(Program("closer", groups))
            for _, _, words in program.compare(wanted, self._run(program, body, mode, accel)):
                yield f"closer: {words}"
                if len(groups) > 1:  # the first says it
                    break

    def _file(self, name):
        return os.path.join(self.directory, name)

    def _make(self, program):
        body = toolchain.compile_object(program.write(self.directory), self._file(f"{program.name}.o"))
        linux = toolchain.bare_objects(self.directory, "linux.S")
        process = toolchain.link([body, *linux], self._file(f"{program.name}.process"))
        return program, body, toolchain.run_process(process)

    def _run(self, program, body, mode, accel):
        if mode not in self._bare:
            directory = self._file(mode)
            os.mkdir(directory)
            names = ("start.S", "trap.c", "console.c", "paging.c", "program.c")
            self._bare[mode] = toolchain.bare_objects(directory, *names, flags=[f"-DMODE={mode}"])
        name = self._file(f"{program.name}.{mode}")
        machine = toolchain.link([body, *self._bare[mode]], name)
        said = toolchain.run_machine(machine, f"{name}.serial", accel=accel)
        os.unlink(f"{name}.serial")
        if MARK not in said:
            raise AssertionError(f"no records, but: {said.decode(errors='replace')}")
        return said.split(MARK, 1)[1]
