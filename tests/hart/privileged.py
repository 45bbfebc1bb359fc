# SPDX-License-Identifier: Apache-2.0
"""The software hart's privileged side: programs for the bare machine (bare/*.c) that test it from inside and report by TAP."""

import os
import re
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]

import toolchain  # noqa: E402
from harness import tap  # noqa: E402

# What is linked to each of them.
LIBRARY = ("start.S", "trap.c", "console.c", "check.c", "paging.c", "user.S", "other.c")
PROGRAMS = ("mmu", "tlb", "traps", "interrupts", "csrs", "instructions", "code", "harts", "sharing", "fences", "sbi")
HARTS = 2


def report(program, how, said):
    """Takes what a program said apart: (words, failure or None) of each test."""
    results, notes = [], []
    plan = re.search(r"^1\.\.(\d+)$", said, re.MULTILINE)
    for line in said.splitlines():
        if match := re.match(r"(not )?ok \d+ - (.*)", line):
            results.append((f"{program}, {how}: {match[2]}", "\n".join(notes) if match[1] else None))
            notes = []
        elif line.startswith(("#", "Bail out!")):
            notes.append(line.lstrip("# "))
    if not plan or len(results) != int(plan[1]):
        results.append((f"{program}, {how}: runs to its end", f"it said:\n{said[-2000:]}"))
    return results


def run(directory, library, program, how):
    objects = [*library, *toolchain.bare_objects(directory, f"{program}.c")]
    machine = toolchain.link(objects, os.path.join(directory, program))
    said = toolchain.run_machine(machine, os.path.join(directory, f"{program}.{how}.serial"), HARTS, toolchain.ACCELS[how])
    return report(program, how, said.decode(errors="replace"))


def add(words, failure):
    @tap.test(words)
    def result():
        tap.check(failure is None, failure)


def main():
    try:
        toolchain.need(toolchain.COMPILER)
    except tap.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return
    with tempfile.TemporaryDirectory(prefix="mortise-hart.") as directory:
        library = toolchain.bare_objects(directory, *LIBRARY)
        for program in sys.argv[1:] or PROGRAMS:
            for how in toolchain.ACCELS:
                try:
                    results = run(directory, library, program, how)
                except Exception as error:  # whatever it is, the other programs run
                    results = [(f"{program}, {how}: runs", str(error))]
                for words, failure in results:
                    add(words, failure)
    tap.main()


if __name__ == "__main__":
    main()
