/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/fp.h - F and D on the host's floating-point unit, with RISC-V's NaN rules.
 *
 * While a hart runs guest code its thread's floating-point mode is the guest's: frm's rounding mode, and fflags are the
 * host's sticky flags. fp_enter() and fp_leave() bracket that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "accel/soft/host_fp.h"

struct hart;

#define FP_BOX (UINT64_MAX << 32)
#define FP_NAN_S UINT32_C(0x7fc00000)
#define FP_NAN_D UINT64_C(0x7ff8000000000000)
#define FP_SIGN_S (UINT32_C(1) << 31)
#define FP_SIGN_D (UINT64_C(1) << 63)

static inline void fp_enter(uint32_t control)
{
	host_fp_set_control(control);
}

static inline uint32_t fp_leave(void)
{
	uint32_t control = host_fp_control();

	host_fp_set_control(FP_CONTROL_RESET);
	return control;
}

static inline unsigned fp_flags(void)
{
	return host_fp_flags();
}

static inline void fp_set_flags(unsigned flags)
{
	host_fp_set_flags(flags);
}

static inline void fp_raise(unsigned flags)
{
	if (flags)
		host_fp_set_flags(host_fp_flags() | flags);
}

static inline void fp_set_rounding(unsigned mode)
{
	host_fp_set_rounding(mode);
}

/* A register's value as single: what is not boxed is a NaN. */
static inline uint32_t fp_bits_s(uint64_t reg)
{
	return (reg & FP_BOX) == FP_BOX ? (uint32_t)reg : FP_NAN_S;
}

static inline float fp_single(uint64_t reg)
{
	uint32_t bits = fp_bits_s(reg);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline double fp_double(uint64_t reg)
{
	double value;

	memcpy(&value, &reg, sizeof(value));
	return value;
}

/* Results: NaNs become the canonical one. */
static inline uint64_t fp_from_s(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (__builtin_expect((bits & ~FP_SIGN_S) > 0x7f800000, 0))
		bits = FP_NAN_S;
	return FP_BOX | bits;
}

static inline uint64_t fp_from_d(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (__builtin_expect((bits & ~FP_SIGN_D) > UINT64_C(0x7ff0000000000000), 0))
		bits = FP_NAN_D;
	return bits;
}

/* a * b + c. An infinity times zero is invalid even when a quiet NaN is added, which x86 lets pass. */
static inline float fp_fma_s(float a, float b, float c)
{
	float result = host_fma_s(a, b, c);

	if (__builtin_expect(__builtin_isnan(result), 0) && (__builtin_isinf(a) || __builtin_isinf(b)))
		(void)host_mul_s(a, b);
	return result;
}

static inline double fp_fma_d(double a, double b, double c)
{
	double result = host_fma_d(a, b, c);

	if (__builtin_expect(__builtin_isnan(result), 0) && (__builtin_isinf(a) || __builtin_isinf(b)))
		(void)host_mul_d(a, b);
	return result;
}

/* Minimum or maximum of register values; -0 is below +0, a NaN loses. */
uint64_t fp_min_max_s(uint64_t a, uint64_t b, bool max);
uint64_t fp_min_max_d(uint64_t a, uint64_t b, bool max);

unsigned fp_class_s(uint64_t reg);
unsigned fp_class_d(uint64_t reg);

/* 64-bit unsigned to floating point, by the mode in force. */
float fp_s_from_lu(uint64_t value);
double fp_d_from_lu(uint64_t value);

/* Integer kinds of conversions, as rs2 encodes them. */
enum fp_int_kind { FP_W, FP_WU, FP_L, FP_LU };

/* Floating point to integer: saturates, NaN is the greatest. Exact value in, so it serves both formats. */
uint64_t fp_to_int(double value, enum fp_int_kind kind, unsigned mode);

/* One instruction of the rounded group of OPS_FP under `mode`, whatever mode is in force. */
void fp_execute(struct hart *hart, uint32_t insn, unsigned mode);

/*
 * For an op of OPS_FP, or a floating-point load or store, that found the state not ready. FP_RETRY: it is now; FP_DONE:
 * the op was executed; FP_ILLEGAL: it is to trap.
 */
enum fp_unready { FP_RETRY, FP_DONE, FP_ILLEGAL };
enum fp_unready fp_make_ready(struct hart *hart, const struct op *op);
