# SPDX-License-Identifier: Apache-2.0
# Figures, never tests: make bench [BENCH='--runs 3 boot hotplug block']

BENCH =
bench: all
	$(AM_V_GEN)$(AM_TESTS_ENVIRONMENT) PYTHONDONTWRITEBYTECODE=1 python3 $(top_srcdir)/tests/bench/bench.py $(BENCH)
.PHONY: bench

EXTRA_DIST += tests/bench/bench.py tests/bench/diskload.c tests/bench/figures.py tests/bench/measure.py \
	tests/bench/newc.py tests/bench/vmms.py
