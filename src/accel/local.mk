# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/accel/accel.c \
	src/accel/accel.h \
	src/accel/kvm/kvm.c \
	src/accel/kvm/kvm.h \
	src/accel/kvm/vcpu.c \
	src/accel/rest.c \
	src/accel/rest.h \
	src/accel/sbi-console.c \
	src/accel/sbi-console.h \
	src/accel/soft/ops.h

# Accelerators know the hosts that they run on.
ACCEL_X86_64 = \
	src/accel/kvm/x86-cpuid.c \
	src/accel/kvm/x86-state.c \
	src/accel/kvm/x86.c \
	src/accel/kvm/x86.h \
	src/accel/soft/atomic.c \
	src/accel/soft/atomic.h \
	src/accel/soft/block.c \
	src/accel/soft/block.h \
	src/accel/soft/cache.c \
	src/accel/soft/cache.h \
	src/accel/soft/clock.c \
	src/accel/soft/clock.h \
	src/accel/soft/code.c \
	src/accel/soft/code.h \
	src/accel/soft/csr.c \
	src/accel/soft/csr.h \
	src/accel/soft/decode.c \
	src/accel/soft/decode.h \
	src/accel/soft/decode_fp.c \
	src/accel/soft/facts.c \
	src/accel/soft/facts.h \
	src/accel/soft/fence.c \
	src/accel/soft/fence.h \
	src/accel/soft/fp.c \
	src/accel/soft/fp.h \
	src/accel/soft/fp_rmm.c \
	src/accel/soft/fp_rmm.h \
	src/accel/soft/futex.h \
	src/accel/soft/hart.c \
	src/accel/soft/hart.h \
	src/accel/soft/host.h \
	src/accel/soft/host_fp.h \
	src/accel/soft/interp.c \
	src/accel/soft/interp.h \
	src/accel/soft/interp_flow.h \
	src/accel/soft/interp_fp.h \
	src/accel/soft/interp_int.h \
	src/accel/soft/interp_mem.h \
	src/accel/soft/interp_system.h \
	src/accel/soft/jit/asm.c \
	src/accel/soft/jit/asm.h \
	src/accel/soft/jit/entry.c \
	src/accel/soft/jit/entry.h \
	src/accel/soft/jit/flow.c \
	src/accel/soft/jit/fp.c \
	src/accel/soft/jit/group.c \
	src/accel/soft/jit/host.c \
	src/accel/soft/jit/host.h \
	src/accel/soft/jit/int.c \
	src/accel/soft/jit/jit.c \
	src/accel/soft/jit/jit.h \
	src/accel/soft/jit/map.h \
	src/accel/soft/jit/mem.c \
	src/accel/soft/jit/memory.c \
	src/accel/soft/jit/memory.h \
	src/accel/soft/jit/need.c \
	src/accel/soft/jit/need.h \
	src/accel/soft/jit/translate.c \
	src/accel/soft/jit/translate.h \
	src/accel/soft/mem.c \
	src/accel/soft/mem.h \
	src/accel/soft/mmu.c \
	src/accel/soft/mmu.h \
	src/accel/soft/op.h \
	src/accel/soft/rvc.c \
	src/accel/soft/rvc.h \
	src/accel/soft/sbi.c \
	src/accel/soft/sbi.h \
	src/accel/soft/simplify.c \
	src/accel/soft/simplify.h \
	src/accel/soft/soft.c \
	src/accel/soft/soft.h \
	src/accel/soft/tlb.c \
	src/accel/soft/tlb.h \
	src/accel/soft/trap.c \
	src/accel/soft/trap.h

ACCEL_RISCV64 = \
	src/accel/kvm/riscv-isa.c \
	src/accel/kvm/riscv-state.c \
	src/accel/kvm/riscv.c \
	src/accel/kvm/riscv.h \
	src/accel/soft/absent.c

if HOST_X86_64
libmortise_a_SOURCES += $(ACCEL_X86_64)
else
libmortise_a_SOURCES += $(ACCEL_RISCV64)
endif
