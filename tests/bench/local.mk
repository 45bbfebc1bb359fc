# SPDX-License-Identifier: Apache-2.0
# Figures, never tests: make bench [BENCH='--runs 3 start boot hotplug block network plugins']

BENCH =
# Plugins that figures are taken of, built for tests.
PLUGIN_FIGURES = tests/plugins/blk-2.la tests/plugins/blk-2-1.la tests/plugins/block-null-plugin.la
bench: all $(PLUGIN_FIGURES)
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) PYTHONDONTWRITEBYTECODE=1 python3 $(top_srcdir)/tests/bench/bench.py $(BENCH)

# The same under KVM, on an emulated KVM host where there is no /dev/kvm; one figure is enough for a run there.
# make bench-kvm [BENCH='--runs 3 start boot hotplug block network']
bench-kvm: all
	$(AM_TESTS_ENVIRONMENT) MORTISE_TEST_ACCEL=kvm; export MORTISE_TEST_ACCEL; PYTHONDONTWRITEBYTECODE=1 \
	$(top_srcdir)/scripts/with-kvm python3 $(top_srcdir)/tests/bench/bench.py $(BENCH)

# What a guest's CPU does, beside QEMU's and the host's own: make bench-cpu [BENCH_CPU='--runs 3 --peer QEMU crc fib']
BENCH_CPU =
bench-cpu: all
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) PYTHONDONTWRITEBYTECODE=1 python3 $(top_srcdir)/tests/bench/cpu.py $(BENCH_CPU)
.PHONY: bench bench-cpu bench-kvm

EXTRA_DIST += tests/bench/bench.py tests/bench/cpu.c tests/bench/cpu.py tests/bench/diskload.c tests/bench/figures.py tests/bench/measure.py \
	tests/bench/netfigures.py tests/bench/netload.c tests/bench/newc.py tests/bench/pluginfigures.py tests/bench/tools.py tests/bench/vmms.py
