# SPDX-License-Identifier: Apache-2.0
# Tests with a real guest; they skip, and say so, where scripts/guest has not been run.

GUEST_TESTS = tests/guest/boot.py
# Under a sanitizer a guest is slow: fewer of them go over the same code there.
GUEST_TESTS_SANITIZED = tests/guest/boot.py

if SANITIZE
TESTS += $(GUEST_TESTS_SANITIZED)
else
TESTS += $(GUEST_TESTS)
endif

EXTRA_DIST += $(GUEST_TESTS) tests/harness/__init__.py tests/harness/console.py tests/harness/images.py \
	tests/harness/qmp.py tests/harness/tap.py tests/harness/vm.py
