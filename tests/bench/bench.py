#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the project's figures beside those of Debian's QEMU, taken in the same run on the same machine.

The guest is riscv64 in software; with MORTISE_TEST_ACCEL=kvm it is the host's own architecture under KVM, and QEMU's machine
is the leanest that it has for it.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import figures
import vmms
from harness import tap


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="how often each figure is taken; medians are shown (5)")
    parser.add_argument("--alone", action="store_true", help="leave QEMU out")
    parser.add_argument("figure", nargs="*", choices=[[], *figures.ALL], help=", ".join(figures.ALL) + "; all")
    arguments = parser.parse_args()

    vmms.describe()
    kinds = (vmms.Mortise,) if arguments.alone else vmms.present()
    try:
        for name in arguments.figure or figures.ALL:
            figures.ALL[name](kinds, arguments.runs)
    except tap.Skip as reason:
        sys.exit(f"bench: {reason}")


if __name__ == "__main__":
    main()
