# SPDX-License-Identifier: Apache-2.0
# Tests of the whole program over QMP, with a kernel that only waits: they need no guest.

QMP_TESTS = tests/qmp/errors.py tests/qmp/mortisectl.py tests/qmp/objects.py tests/qmp/policy.py tests/qmp/protocol.py tests/qmp/schema.py
# Memory is measured, which a sanitizer's own would drown.
if !SANITIZE
QMP_TESTS += tests/qmp/cycles.py tests/qmp/oldplugins.py tests/qmp/upgrade.py
endif
TESTS += $(QMP_TESTS)

EXTRA_DIST += tests/qmp/cycles.py tests/qmp/errors.py tests/qmp/mortisectl.py tests/qmp/objects.py tests/qmp/oldplugins.py tests/qmp/policy.py tests/qmp/protocol.py tests/qmp/schema.py tests/qmp/upgrade.py \
	tests/old-plugins/README.md tests/old-plugins/build tests/old-plugins/minor-0.c tests/old-plugins/minor-0.so \
	tests/old-plugins/minor-1.c tests/old-plugins/minor-1.so
