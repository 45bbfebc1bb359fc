# SPDX-License-Identifier: Apache-2.0
# The program as its user meets it: options, what it prints, the terminal. They need no guest.

CLI_TESTS = tests/cli/accel.py tests/cli/kata.py tests/cli/options.py
# A sanitizer takes the fatal signals for itself.
if !SANITIZE
CLI_TESTS += tests/cli/terminal.py
endif
TESTS += $(CLI_TESTS)
EXTRA_DIST += tests/cli/accel.py tests/cli/kata.py tests/cli/options.py tests/cli/terminal.py
