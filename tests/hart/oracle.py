# SPDX-License-Identifier: Apache-2.0
"""The software hart against an oracle that it did not write: generated programs for every instruction of RV64GC, Zba, Zbb and
Zbs leave the same records on the hart and under QEMU's user mode emulation. fuzz.py does it with other seeds."""

import contextlib
import os
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]

import campaign  # noqa: E402
import toolchain  # noqa: E402
from generator import PROGRAMS  # noqa: E402
from harness import tap  # noqa: E402

SEED = 1


@contextlib.contextmanager
def fixture():
    toolchain.need(toolchain.COMPILER, toolchain.EMULATOR)
    with tempfile.TemporaryDirectory(prefix="mortise-hart.") as directory:
        yield campaign.Campaign(directory, SEED)


def add(name, mode, how):
    @tap.test(f"{name} instructions {campaign.MODES[mode]}, {how}" if name != "sequence" else f"sequences {campaign.MODES[mode]}, {how}")
    def compare(generated):
        differences = list(generated.differences(name, mode, toolchain.ACCELS[how]))
        tap.check(not differences, "the hart is not as the oracle:\n" + "\n".join(differences))
        tap.note(f"{generated.cases(name)} cases are equal")


for program_name in PROGRAMS:
    for mode_name in campaign.MODES:
        for how_name in toolchain.ACCELS:
            add(program_name, mode_name, how_name)

if __name__ == "__main__":
    tap.main(fixture)
