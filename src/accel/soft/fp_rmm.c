/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/fp_rmm.c - RMM: computes in 113 bits, rounded to odd (truncated, with the lowest bit set when inexact),
 * and rounds that once more by hand. To-odd with two more bits than twice the target's makes the second rounding exact.
 */
#include "accel/soft/fp_rmm.h"

#include <string.h>

#include "accel/soft/fp.h"
#include "accel/soft/hart.h"
#include "base/util.h"

typedef __float128 wide;
typedef unsigned __int128 bits128;

#define WIDE_MANTISSA 112
#define WIDE_BIAS 16383

struct format {
	unsigned mantissa; /* explicit bits */
	int bias;
};

static const struct format single_format = {23, 127}, double_format = {52, 1023};

static bits128 wide_bits(wide value)
{
	bits128 bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* The value as the format's bits, rounded to nearest, ties away. Neither NaN nor infinity. */
static uint64_t round_wide(wide value, const struct format *format)
{
	bits128 bits = wide_bits(value), mantissa = bits & (((bits128)1 << WIDE_MANTISSA) - 1), rest, half;
	uint64_t sign = (uint64_t)(bits >> 127) << (format->mantissa + (format->bias == 127 ? 8 : 11));
	int exponent = (int)(bits >> WIDE_MANTISSA & 0x7fff) - WIDE_BIAS, min = 1 - format->bias;
	unsigned drop = WIDE_MANTISSA - format->mantissa;
	uint64_t result, infinity = (uint64_t)(2 * format->bias + 1) << format->mantissa, least_normal;
	bool tiny, inexact;

	if (value == 0)
		return sign;
	mantissa |= (bits128)1 << WIDE_MANTISSA;
	least_normal = UINT64_C(1) << format->mantissa;
	/* Tiny is judged as if the exponent had no bound: a result that rounds up to the least normal is not. */
	tiny = exponent < min &&
	       !(exponent == min - 1 && (mantissa + ((bits128)1 << (drop - 1))) >> (WIDE_MANTISSA + 1));
	if (exponent < min) {
		/* Far below the least subnormal all that counts is that it is not zero. */
		unsigned more = MIN(min - exponent, (int)(WIDE_MANTISSA + 2 - drop));

		drop += more;
		exponent = min;
	}
	half = (bits128)1 << (drop - 1);
	rest = drop < 128 ? mantissa & ((half << 1) - 1) : mantissa;
	result = (uint64_t)(mantissa >> drop);
	result += rest >= half;
	/* A leading one adds one to the exponent field. */
	result += result >= least_normal || drop == WIDE_MANTISSA - format->mantissa
			  ? (uint64_t)(exponent - min) << format->mantissa
			  : 0;
	inexact = rest != 0;
	if (result >= infinity) {
		fp_raise(FP_OF | FP_NX);
		return sign | infinity;
	}
	fp_raise((inexact ? FP_NX : 0) | (inexact && tiny ? FP_UF : 0));
	return sign | result;
}

enum { ADD, SUB, MUL, DIV, FUSED = 32 };

/* The result rounded to odd. Flags are left as they were. */
static wide compute_odd(unsigned operation, wide a, wide b, wide c)
{
	uint32_t control = host_fp_control();
	volatile wide x = a, y = b, z = c, result;
	bits128 bits;

	host_fp_set_control(FP_CONTROL_RESET);
	host_fp_set_rounding(RTZ);
	switch (operation) {
	case ADD:
		result = x + y;
		break;
	case SUB:
		result = x - y;
		break;
	case MUL:
		result = x * y;
		break;
	case DIV:
		result = x / y;
		break;
	default: /* the product is exact: 106 bits at most */
		result = x * y;
		result = result + z;
		break;
	}
	bits = wide_bits(result);
	if (host_fp_flags() & FP_NX)
		bits |= 1;
	host_fp_set_control(control);
	memcpy(&a, &bits, sizeof(a));
	return a;
}

static bool is_finite(uint64_t bits, const struct format *format)
{
	uint64_t exponent = (uint64_t)(2 * format->bias + 1) << format->mantissa;

	return (bits & exponent) != exponent;
}

static wide widen(uint64_t bits, bool is_double)
{
	float single = 0;
	uint32_t low = bits;

	if (is_double)
		return fp_double(bits);
	memcpy(&single, &low, sizeof(single));
	return single;
}

static void convert_integer(struct hart *hart, uint32_t insn, const struct format *format, uint64_t box)
{
	uint64_t x = hart->x[INSN_RS1(insn)];
	wide value;

	switch (INSN_RS2(insn)) {
	case FP_W:
		value = (int32_t)x;
		break;
	case FP_WU:
		value = (uint32_t)x;
		break;
	case FP_L:
		value = (int64_t)x;
		break;
	default:
		value = x;
		break;
	}
	hart->f[INSN_RD(insn)] = box | round_wide(value, format);
}

void fp_execute_rmm(struct hart *hart, uint32_t insn)
{
	bool is_double = insn >> 25 & 1, fused = (insn & 0x7f) != 0x53, negate_c = insn & 4, negate_product = insn & 8;
	const struct format *format = is_double ? &double_format : &single_format, *source = format;
	uint64_t box = is_double ? 0 : FP_BOX, a = hart->f[INSN_RS1(insn)], b = hart->f[INSN_RS2(insn)],
		 c = hart->f[insn >> 27];
	unsigned funct5 = fused ? FUSED : insn >> 27; /* in place of funct5 a fused one has its third register */
	wide result;

	if (funct5 == 0x1a) {
		convert_integer(hart, insn, format, box);
		return;
	}
	if (funct5 == 0x08) {
		source = &double_format;
	} else if (!is_double) {
		a = fp_bits_s(a);
		b = fp_bits_s(b);
		c = fp_bits_s(c);
	}
	/* What has no ties, or no number as its result, is the same in every mode to nearest. */
	if (funct5 == 0x0b || !is_finite(a, source) || (funct5 != 0x08 && !is_finite(b, source)) ||
	    (fused && !is_finite(c, source)) || (funct5 == 0x03 && !(b << (is_double ? 1 : 33)))) {
		fp_execute(hart, insn, RNE);
		return;
	}
	if (fused) {
		wide x = widen(a, is_double), z = widen(c, is_double);

		/* fnmsub and fnmadd negate the product; fmsub and fnmadd subtract. */
		result = compute_odd(FUSED, negate_product ? -x : x, widen(b, is_double), negate_c ? -z : z);
	} else if (funct5 == 0x08) {
		result = widen(a, true);
	} else {
		result = compute_odd(funct5, widen(a, is_double), widen(b, is_double), 0);
	}
	/* Truncating makes an exact zero positive, as to nearest does. */
	hart->f[INSN_RD(insn)] = box | round_wide(result, format);
}
