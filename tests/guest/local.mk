# SPDX-License-Identifier: Apache-2.0
# Tests with a real guest; they skip, and say so, where scripts/guest has not been run.

GUEST_TESTS = tests/guest/balloon.py tests/guest/boot.py tests/guest/bootdisks.py tests/guest/cycles.py tests/guest/disks.py \
	tests/guest/netcycles.py tests/guest/netpair.py tests/guest/netqueues.py tests/guest/nets.py tests/guest/netuser.py tests/guest/plugin.py \
	tests/guest/power.py tests/guest/reopen.py tests/guest/rng.py tests/guest/serial.py tests/guest/smallcache.py \
	tests/guest/smp.py tests/guest/unplug.py
GUEST_TESTS += tests/guest/upgrade.py tests/guest/virtiofs.py
# A guest is slow under a sanitizer: these go over most of the code.
GUEST_TESTS_SANITIZED = tests/guest/disks.py tests/guest/netqueues.py tests/guest/reopen.py tests/guest/unplug.py

if SANITIZE
TESTS += $(GUEST_TESTS_SANITIZED)
else
TESTS += $(GUEST_TESTS)
endif

# A Debian installs itself; takes minutes, and scripts/guest-debian before.
check-debian: all
	$(AM_TESTS_ENVIRONMENT) PYTHONDONTWRITEBYTECODE=1 python3 $(srcdir)/tests/guest/debian.py
.PHONY: check-debian

EXTRA_DIST += $(GUEST_TESTS) tests/guest/debian.py tests/harness/__init__.py tests/harness/console.py tests/harness/disks.py \
	tests/harness/images.py tests/harness/net.py tests/harness/qmp.py tests/harness/tap.py tests/harness/vm.py
EXTRA_DIST += tests/harness/plugins.py tests/harness/vhostuser.py
