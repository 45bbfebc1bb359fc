# SPDX-License-Identifier: Apache-2.0

# What needs /dev/kvm: part of `make check` where it is; elsewhere `make check-kvm`, in one go with scripts/with-kvm, when
# `make check` has built it all.
KVM_TESTS =
KVM_SLOW_TESTS =
check-kvm:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(KVM_TESTS)'
.PHONY: check-kvm

include $(top_srcdir)/tests/unit/local.mk
include $(top_srcdir)/tests/plugins/local.mk
include $(top_srcdir)/tests/hart/local.mk
include $(top_srcdir)/tests/guest/local.mk
include $(top_srcdir)/tests/cli/local.mk
include $(top_srcdir)/tests/qmp/local.mk
include $(top_srcdir)/tests/sdk/local.mk
include $(top_srcdir)/tests/fuzz/local.mk
include $(top_srcdir)/tests/bench/local.mk

if HAVE_KVM
TESTS += $(KVM_TESTS) $(KVM_SLOW_TESTS)
endif
