# SPDX-License-Identifier: Apache-2.0
# Tests with a real guest; they skip, and say so, where scripts/guest has not been run.

GUEST_TESTS = tests/guest/balloon.py tests/guest/boot.py tests/guest/bootdisks.py tests/guest/cycles.py tests/guest/demo.py tests/guest/disks.py \
	tests/guest/nbd.py tests/guest/netcycles.py tests/guest/netpair.py tests/guest/netqueues.py tests/guest/nets.py tests/guest/netuser.py tests/guest/plugin.py \
	tests/guest/pmem.py tests/guest/power.py tests/guest/reopen.py tests/guest/rng.py tests/guest/serial.py tests/guest/smallcache.py \
	tests/guest/smp.py tests/guest/unplug.py
GUEST_TESTS += tests/guest/upgrade.py tests/guest/upgradeall.py tests/guest/vendor.py tests/guest/virtiofs.py tests/guest/vsock.py
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

# Under KVM, with a guest of the host's own architecture: the same tests, and those of what only that board has. An emulated
# KVM host is slow: there `make check-kvm` runs the first of them, `make check-kvm-all` every one.
KVM_GUEST_TESTS = tests/guest/kvm/boot.kvm tests/guest/kvm/bootdisks.kvm tests/guest/kvm/cycles.kvm tests/guest/kvm/disks.kvm \
	tests/guest/kvm/power.kvm
KVM_SLOW_GUEST_TESTS = tests/guest/kvm/balloon.kvm tests/guest/kvm/nets.kvm tests/guest/kvm/pmem.kvm tests/guest/kvm/rng.kvm \
	tests/guest/kvm/serial.kvm tests/guest/kvm/smp.kvm tests/guest/kvm/unplug.kvm tests/guest/kvm/virtiofs.kvm tests/guest/kvm/vsock.kvm
if HOST_X86_64
KVM_GUEST_TESTS += tests/guest/kvm/acpi.kvm
KVM_SLOW_GUEST_TESTS += tests/guest/kvm/acpioff.kvm
endif
KVM_TESTS += $(KVM_GUEST_TESTS)
KVM_SLOW_TESTS += $(KVM_SLOW_GUEST_TESTS)
check-kvm-all:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(KVM_TESTS) $(KVM_SLOW_TESTS)'
.PHONY: check-kvm-all

# The riscv64 board under KVM: a build of its own, on an emulated riscv64 host.
check-kvm-riscv64:
	$(top_srcdir)/scripts/check-riscv64
.PHONY: check-kvm-riscv64

# In a folder of their own, for a test's log is named after it: there `make` cannot take boot.py for where boot.log comes from.
$(KVM_GUEST_TESTS) $(KVM_SLOW_GUEST_TESTS):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo "MORTISE_TEST_ACCEL=kvm exec python3 \"\$$MORTISE_SOURCE/tests/guest/$$(basename $@ .kvm).py\"" >$@
CLEANFILES += $(KVM_GUEST_TESTS) $(KVM_SLOW_GUEST_TESTS)

GUEST_PLUGINS = tests/guest/plugins/echo.la tests/guest/plugins/gate.la
check_LTLIBRARIES += $(GUEST_PLUGINS)
tests_guest_plugins_echo_la_SOURCES = tests/guest/plugins/echo.c
tests_guest_plugins_echo_la_CPPFLAGS = $(PLUGIN_CPP)
tests_guest_plugins_echo_la_CFLAGS = $(PLUGIN_CC)
tests_guest_plugins_echo_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere
tests_guest_plugins_gate_la_SOURCES = tests/guest/plugins/gate.c
tests_guest_plugins_gate_la_CPPFLAGS = $(PLUGIN_CPP)
tests_guest_plugins_gate_la_CFLAGS = $(PLUGIN_CC)
tests_guest_plugins_gate_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

EXTRA_DIST += $(GUEST_TESTS) tests/guest/vsockcat.c tests/guest/acpi.py tests/guest/acpioff.py tests/guest/debian.py tests/guest/plug.py tests/harness/__init__.py \
	tests/harness/console.py tests/harness/disks.py tests/harness/images.py tests/harness/net.py tests/harness/plugins.py \
	tests/harness/qmp.py tests/harness/serial.py tests/harness/tap.py tests/harness/vhostuser.py \
	tests/harness/vm.py tests/harness/vsock.py

# A guest has nothing for vsock but this. (Sanitizers cannot be linked statically.)
KVM_SLOW_TESTS += tests/guest/vhost.py
EXTRA_DIST += tests/guest/vhost.py
if !SANITIZE
check_PROGRAMS += tests/guest/vsock
tests_guest_vsock_SOURCES = tests/guest/vsock.c
tests_guest_vsock_LDFLAGS = -all-static
endif
