# SPDX-License-Identifier: Apache-2.0
# The software hart beside QEMU's user mode emulation; they skip, and say so, without it or the cross compiler.

TESTS += tests/hart/oracle.py

EXTRA_DIST += tests/hart/oracle.py tests/hart/campaign.py tests/hart/fuzz.py tests/hart/toolchain.py \
	tests/hart/generator/__init__.py tests/hart/generator/compressed.py tests/hart/generator/control.py \
	tests/hart/generator/decode.py tests/hart/generator/floating.py tests/hart/generator/integer.py \
	tests/hart/generator/isa.py tests/hart/generator/kernel.py tests/hart/generator/memory.py \
	tests/hart/generator/program.py tests/hart/generator/sequence.py tests/hart/generator/values.py \
	tests/hart/bare/console.c tests/hart/bare/console.h tests/hart/bare/cpu.h tests/hart/bare/link.lds \
	tests/hart/bare/linux.S tests/hart/bare/offsets.h tests/hart/bare/paging.c tests/hart/bare/paging.h \
	tests/hart/bare/program.c tests/hart/bare/sbi.h tests/hart/bare/start.S tests/hart/bare/trap.c

# Other programs than `make check`'s, from seed to seed until one differs; FUZZ_HART="--seed 5 --count 10" and so on.
fuzz-hart: all
	$(AM_TESTS_ENVIRONMENT) python3 $(srcdir)/tests/hart/fuzz.py $(FUZZ_HART)
.PHONY: fuzz-hart
