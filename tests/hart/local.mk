# SPDX-License-Identifier: Apache-2.0
# The software hart, beside QEMU's user mode emulation and from inside; skipped, and said so, without QEMU or the
# cross compiler.

HART_TESTS = tests/hart/oracle.py tests/hart/privileged.py
if HOST_X86_64
TESTS += $(HART_TESTS)
endif

EXTRA_DIST += $(HART_TESTS) tests/hart/campaign.py tests/hart/fuzz.py tests/hart/toolchain.py \
	tests/hart/generator/__init__.py tests/hart/generator/compressed.py tests/hart/generator/control.py \
	tests/hart/generator/decode.py tests/hart/generator/floating.py tests/hart/generator/integer.py \
	tests/hart/generator/isa.py tests/hart/generator/kernel.py tests/hart/generator/memory.py \
	tests/hart/generator/program.py tests/hart/generator/sequence.py tests/hart/generator/values.py \
	tests/hart/bare/check.c tests/hart/bare/check.h tests/hart/bare/code.c tests/hart/bare/console.c \
	tests/hart/bare/console.h tests/hart/bare/cpu.h tests/hart/bare/csrs.c tests/hart/bare/fences.c \
	tests/hart/bare/harts.c tests/hart/bare/instructions.c tests/hart/bare/interrupts.c tests/hart/bare/link.lds \
	tests/hart/bare/linux.S tests/hart/bare/mmu.c tests/hart/bare/offsets.h tests/hart/bare/other.c \
	tests/hart/bare/other.h tests/hart/bare/paging.c tests/hart/bare/paging.h tests/hart/bare/program.c \
	tests/hart/bare/sbi.c tests/hart/bare/sbi.h tests/hart/bare/sharing.c tests/hart/bare/start.S \
	tests/hart/bare/tlb.c tests/hart/bare/trap.c tests/hart/bare/traps.c tests/hart/bare/user.S

# Other programs than `make check`'s, from seed to seed until one differs; FUZZ_HART="--seed 5 --count 10" and so on.
fuzz-hart: all
	$(AM_TESTS_ENVIRONMENT) python3 $(srcdir)/tests/hart/fuzz.py $(FUZZ_HART)
.PHONY: fuzz-hart
