/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/host_fp.h - the host's floating-point unit: single instructions with the rounding mode and the sticky
 * flags that are in force, out of the compiler's reach.
 *
 * On x86-64 that is SSE, whose MXCSR holds both; its underflow is detected after rounding, as RISC-V wants it.
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/soft/decode.h"

/* RISC-V's flags, as in fflags. */
#define FP_NX 1
#define FP_UF 2
#define FP_OF 4
#define FP_DZ 8
#define FP_NV 16

/* The control word of a hart at reset, and of the host outside: all exceptions masked, to nearest, no flags. */
#define FP_CONTROL_RESET 0x1f80u

static inline uint32_t host_fp_control(void)
{
	uint32_t control;

	__asm__ volatile("stmxcsr %0" : "=m"(control));
	return control;
}

static inline void host_fp_set_control(uint32_t control)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(control));
}

static inline unsigned host_fp_flags(void)
{
	uint32_t control = host_fp_control();

	/* IE 0, ZE 2, OE 3, UE 4, PE 5. */
	return (control & 1) << 4 | (control & 4) << 1 | (control & 8) >> 1 | (control & 16) >> 3 | (control & 32) >> 5;
}

static inline void host_fp_set_flags(unsigned flags)
{
	uint32_t control = host_fp_control() & ~0x3fu;

	control |= (flags & FP_NV) >> 4 | (flags & FP_DZ) >> 1 | (flags & FP_OF) << 1 | (flags & FP_UF) << 3 |
		   (flags & FP_NX) << 5;
	host_fp_set_control(control);
}

/* RNE, RTZ, RDN or RUP. */
static inline void host_fp_set_rounding(unsigned mode)
{
	static const uint16_t modes[4] = {0x0000, 0x6000, 0x2000, 0x4000};

	host_fp_set_control((host_fp_control() & ~0x6000u) | modes[mode]);
}

#define HOST_FP_BINARY(name, type, instruction)                              \
	static inline type name(type a, type b)                              \
	{                                                                    \
		__asm__ volatile(instruction " %1, %0" : "+x"(a) : "xm"(b)); \
		return a;                                                    \
	}
HOST_FP_BINARY(host_add_s, float, "addss")
HOST_FP_BINARY(host_sub_s, float, "subss")
HOST_FP_BINARY(host_mul_s, float, "mulss")
HOST_FP_BINARY(host_div_s, float, "divss")
HOST_FP_BINARY(host_add_d, double, "addsd")
HOST_FP_BINARY(host_sub_d, double, "subsd")
HOST_FP_BINARY(host_mul_d, double, "mulsd")
HOST_FP_BINARY(host_div_d, double, "divsd")
#undef HOST_FP_BINARY

#define HOST_FP_CONVERT(name, to, from, instruction, constraint)                                           \
	static inline to name(from a)                                                                      \
	{                                                                                                  \
		to result;                                                                                 \
		/* Cleared first: these instructions leave the rest of the register as it was. */          \
		__asm__ volatile("pxor %0, %0\n\t" instruction " %1, %0" : "=&x"(result) : constraint(a)); \
		return result;                                                                             \
	}
HOST_FP_CONVERT(host_sqrt_s, float, float, "sqrtss", "x")
HOST_FP_CONVERT(host_sqrt_d, double, double, "sqrtsd", "x")
HOST_FP_CONVERT(host_d_from_s, double, float, "cvtss2sd", "x")
HOST_FP_CONVERT(host_s_from_d, float, double, "cvtsd2ss", "x")
HOST_FP_CONVERT(host_s_from_l, float, int64_t, "cvtsi2ssq", "r")
HOST_FP_CONVERT(host_d_from_l, double, int64_t, "cvtsi2sdq", "r")
#undef HOST_FP_CONVERT

/* Truncation of a value that is in range. */
static inline int64_t host_l_from_d(double a)
{
	int64_t result;

	__asm__ volatile("cvttsd2siq %1, %0" : "=r"(result) : "x"(a));
	return result;
}

/* Comparisons set `equal` and `less`; unordered is neither. The signaling ones object to any NaN, quiet ones to sNaN.
 */
#define HOST_FP_COMPARE(name, type, instruction)                                  \
	static inline void name(type a, type b, bool *equal, bool *less)          \
	{                                                                         \
		bool zero, parity, carry;                                         \
		__asm__ volatile(instruction " %4, %3"                            \
				 : "=@ccz"(zero), "=@ccp"(parity), "=@ccc"(carry) \
				 : "x"(a), "x"(b));                               \
		*equal = zero & !parity;                                          \
		*less = carry & !parity;                                          \
	}
HOST_FP_COMPARE(host_quiet_s, float, "ucomiss")
HOST_FP_COMPARE(host_quiet_d, double, "ucomisd")
HOST_FP_COMPARE(host_signaling_s, float, "comiss")
HOST_FP_COMPARE(host_signaling_d, double, "comisd")
#undef HOST_FP_COMPARE

/* a * b + c, rounded once. The C library does without the FMA instructions, slowly, where the host has none. */
extern bool host_has_fma;

static inline float host_fma_s(float a, float b, float c)
{
	if (!host_has_fma)
		return fmaf(a, b, c);
	__asm__ volatile("vfmadd213ss %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));
	return a;
}

static inline double host_fma_d(double a, double b, double c)
{
	if (!host_has_fma)
		return fma(a, b, c);
	__asm__ volatile("vfmadd213sd %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));
	return a;
}
