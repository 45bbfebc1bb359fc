#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/demo shows: the tour of a built Mortise sees each of its steps."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import BOOT_TIMEOUT, BUILD, SOURCE, guest_image


@tap.test("every step of the demo is seen")
def tour():
    guest_image("kernel")
    environment = dict(os.environ, MORTISE_BUILD=BUILD)
    done = subprocess.run(
        [sys.executable, os.path.join(SOURCE, "scripts/tour")],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=2 * BOOT_TIMEOUT,
    )
    tap.check(done.returncode == 0 and "Every step was seen." in done.stdout, done.stdout)


if __name__ == "__main__":
    tap.main()
