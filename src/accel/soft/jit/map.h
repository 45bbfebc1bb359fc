/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/map.h - where the guest's state lives while code runs.
 *
 *	RBX ra   R12 sp   R13 s0   R14 s1   RSI RDI R8 R9 R10 R11 a0 to a5
 *	R15 instret
 *	RBP hart + HART_BIAS, so that x0 to x31 are in reach of a one-byte displacement
 *	RAX RCX RDX XMM0 XMM1 scratch, undefined between ops save for what jit_held() tells of RAX
 *	RSP 16-byte aligned, nothing on it
 *
 * The other integer registers, all floating-point registers, pc and the page stay in struct hart. hart->pc is set by
 * far jumps only. MXCSR is the guest's, as in the interpreter. Called C code finds every register in the hart.
 */
#pragma once

#include <stddef.h>

#include "accel/soft/hart.h"
#include "accel/soft/jit/asm.h"

#define HART_BIAS 128
#define INSTRET R15

#define HART(member) rm_mem(RBP, (int32_t)offsetof(struct hart, member) - HART_BIAS)

/* The host register that a guest register is pinned to, or NO_REG. */
extern const uint8_t jit_pinned[REG_COUNT];

/* Where a guest register is. */
static inline struct rm map_x(unsigned reg)
{
	return jit_pinned[reg] != NO_REG ? rm_reg(jit_pinned[reg]) : rm_mem(RBP, (int32_t)(8 * reg) - HART_BIAS);
}

static inline struct rm map_f(unsigned reg)
{
	return rm_mem(RBP, (int32_t)(offsetof(struct hart, f) + 8 * reg) - HART_BIAS);
}

/* The upper half, which boxes a single. */
static inline struct rm map_f_box(unsigned reg)
{
	return rm_mem(RBP, (int32_t)(offsetof(struct hart, f) + 8 * reg + 4) - HART_BIAS);
}
