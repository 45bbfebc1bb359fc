# SPDX-License-Identifier: Apache-2.0
"""Compares the software hart with its oracle, as oracle.py does, for one seed after the other until one differs.

usage: MORTISE_BUILD=BUILD python3 tests/hart/fuzz.py [--seed FIRST] [--count SEEDS] [PROGRAM...]
"""

import argparse
import itertools
import os
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]

import campaign  # noqa: E402
import toolchain  # noqa: E402
from generator import PROGRAMS  # noqa: E402


def run(seed, names):
    """True if nothing differs."""
    same = True
    with tempfile.TemporaryDirectory(prefix="mortise-hart.") as directory:
        generated = campaign.Campaign(directory, seed)
        for name in names:
            for mode in campaign.MODES:
                for how, accel in toolchain.ACCELS.items():
                    differences = list(generated.differences(name, mode, accel))
                    verdict = "differ" if differences else "are equal"
                    print(f"seed {seed}, {name}, {mode}, {how}: {generated.cases(name)} cases {verdict}")
                    print("".join(f"  {line}\n" for line in differences), end="", flush=True)
                    same = same and not differences
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--count", type=int, help="how many seeds; without end if not given")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}; all if none is given")
    options = parser.parse_args()
    seeds = itertools.count(options.seed) if options.count is None else range(options.seed, options.seed + options.count)
    sys.exit(not all(run(seed, options.programs or PROGRAMS) for seed in seeds))


if __name__ == "__main__":
    main()
