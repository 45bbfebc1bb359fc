# SPDX-License-Identifier: Apache-2.0
# Tests of the whole program over QMP, with a kernel that only waits: they need no guest.

QMP_TESTS = tests/qmp/errors.py tests/qmp/mortisectl.py tests/qmp/objects.py tests/qmp/protocol.py tests/qmp/schema.py
# Memory is measured, which a sanitizer's own would drown.
if !SANITIZE
QMP_TESTS += tests/qmp/cycles.py
endif
TESTS += $(QMP_TESTS)

EXTRA_DIST += tests/qmp/cycles.py tests/qmp/errors.py tests/qmp/mortisectl.py tests/qmp/objects.py tests/qmp/protocol.py tests/qmp/schema.py
