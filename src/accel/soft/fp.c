/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/fp.c - the part of F and D that is more than an instruction of the host.
 */
#include "accel/soft/fp.h"

#include "accel/soft/csr.h"
#include "accel/soft/fp_rmm.h"
#include "accel/soft/hart.h"

bool host_has_fma;

__attribute__((constructor)) static void find_fma(void)
{
	host_has_fma = __builtin_cpu_supports("fma");
}

static bool is_nan_s(uint32_t bits)
{
	return (bits & ~FP_SIGN_S) > 0x7f800000;
}

static bool is_nan_d(uint64_t bits)
{
	return (bits & ~FP_SIGN_D) > UINT64_C(0x7ff0000000000000);
}

static bool is_signaling_s(uint32_t bits)
{
	return is_nan_s(bits) && !(bits & 0x400000);
}

static bool is_signaling_d(uint64_t bits)
{
	return is_nan_d(bits) && !(bits & UINT64_C(0x8000000000000));
}

/* The order of floating-point numbers is that of these integers. */
static int64_t order_d(uint64_t bits)
{
	return bits & FP_SIGN_D ? (int64_t)(~bits | FP_SIGN_D) : (int64_t)bits;
}

static int32_t order_s(uint32_t bits)
{
	return bits & FP_SIGN_S ? (int32_t)(~bits | FP_SIGN_S) : (int32_t)bits;
}

uint64_t fp_min_max_s(uint64_t a, uint64_t b, bool max)
{
	uint32_t x = fp_bits_s(a), y = fp_bits_s(b);

	if (is_signaling_s(x) || is_signaling_s(y))
		fp_raise(FP_NV);
	if (is_nan_s(x))
		return FP_BOX | (is_nan_s(y) ? FP_NAN_S : y);
	if (is_nan_s(y))
		return FP_BOX | x;
	return FP_BOX | ((order_s(x) < order_s(y)) != max ? x : y);
}

uint64_t fp_min_max_d(uint64_t x, uint64_t y, bool max)
{
	if (is_signaling_d(x) || is_signaling_d(y))
		fp_raise(FP_NV);
	if (is_nan_d(x))
		return is_nan_d(y) ? FP_NAN_D : y;
	if (is_nan_d(y))
		return x;
	return (order_d(x) < order_d(y)) != max ? x : y;
}

/* fclass's bits: 0 -inf, 1 -normal, 2 -subnormal, 3 -0, 4 +0, 5 +subnormal, 6 +normal, 7 +inf, 8 sNaN, 9 qNaN. */
static unsigned class_bit(bool negative, bool exponent_max, bool exponent_zero, bool mantissa_zero, bool quiet)
{
	unsigned magnitude;

	if (exponent_max && !mantissa_zero)
		return 1u << (8 + quiet);
	magnitude = exponent_max ? 3 : !exponent_zero ? 2 : !mantissa_zero;
	return 1u << (negative ? 3 - magnitude : 4 + magnitude);
}

unsigned fp_class_s(uint64_t reg)
{
	uint32_t bits = fp_bits_s(reg), exponent = bits >> 23 & 255;

	return class_bit(bits >> 31, exponent == 255, exponent == 0, !(bits << 9), bits >> 22 & 1);
}

unsigned fp_class_d(uint64_t bits)
{
	unsigned exponent = bits >> 52 & 2047;

	return class_bit(bits >> 63, exponent == 2047, exponent == 0, !(bits << 12), bits >> 51 & 1);
}

/* Halved, keeping what is shifted out as sticky: doubling is then exact. */
static int64_t halve(uint64_t value)
{
	return (int64_t)(value >> 1 | (value & 1));
}

float fp_s_from_lu(uint64_t value)
{
	float half;

	if ((int64_t)value >= 0)
		return host_s_from_l((int64_t)value);
	half = host_s_from_l(halve(value));
	return host_add_s(half, half);
}

double fp_d_from_lu(uint64_t value)
{
	double half;

	if ((int64_t)value >= 0)
		return host_d_from_l((int64_t)value);
	half = host_d_from_l(halve(value));
	return host_add_d(half, half);
}

/* Rounds the magnitude whose integer part is `whole` and whose fraction, left-aligned in 64 bits, is `fraction`. */
static bool rounds_up(uint64_t whole, uint64_t fraction, bool negative, unsigned mode)
{
	const uint64_t half = UINT64_C(1) << 63;

	switch (mode) {
	case RNE:
		return fraction > half || (fraction == half && whole & 1);
	case RDN:
		return negative && fraction;
	case RUP:
		return !negative && fraction;
	case RMM:
		return fraction >= half;
	default:
		return false;
	}
}

static uint64_t saturated(bool negative, enum fp_int_kind kind)
{
	static const uint64_t least[] = {(uint64_t)INT32_MIN, 0, (uint64_t)INT64_MIN, 0};
	static const uint64_t greatest[] = {INT32_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX};

	fp_raise(FP_NV);
	return negative ? least[kind] : greatest[kind];
}

/* Greatest magnitudes, for either sign. */
static uint64_t magnitude_max(bool negative, enum fp_int_kind kind)
{
	static const uint64_t positive[] = {INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};

	return !negative ? positive[kind] : kind == FP_W || kind == FP_L ? positive[kind] + 1 : 0;
}

uint64_t fp_to_int(double value, enum fp_int_kind kind, unsigned mode)
{
	uint64_t bits, mantissa, whole, fraction;
	bool negative;
	int shift;

	/* The common case: truncation of what is far from any bound. */
	if (mode == RTZ && value > -2147483648.0 && value < 2147483648.0 && (kind == FP_W || kind == FP_L))
		return host_l_from_d(value);
	memcpy(&bits, &value, sizeof(bits));
	negative = bits >> 63;
	if (is_nan_d(bits))
		return saturated(false, kind);
	/* |value| = mantissa * 2^-shift */
	shift = 1075 - (int)(bits >> 52 & 2047);
	mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | (bits >> 52 & 2047 ? UINT64_C(1) << 52 : 0);
	if (shift < -11)
		return saturated(negative, kind);
	if (shift <= 0) {
		whole = mantissa << -shift;
		fraction = 0;
	} else if (shift < 64) {
		whole = mantissa >> shift;
		fraction = mantissa << (64 - shift);
	} else {
		whole = 0;
		fraction = mantissa != 0; /* below every half */
	}
	whole += rounds_up(whole, fraction, negative, mode);
	if (whole > magnitude_max(negative, kind))
		return saturated(negative, kind);
	if (fraction)
		fp_raise(FP_NX);
	if (negative)
		whole = -whole;
	return kind == FP_W || kind == FP_WU ? (uint64_t)(int64_t)(int32_t)whole : whole;
}

static void execute_s(struct hart *hart, uint32_t insn)
{
	float a = fp_single(hart->f[INSN_RS1(insn)]), b = fp_single(hart->f[INSN_RS2(insn)]);
	float c = fp_single(hart->f[insn >> 27]), result;

	switch (insn & 0x7f) {
	case 0x43:
		result = fp_fma_s(a, b, c);
		break;
	case 0x47:
		result = fp_fma_s(a, b, -c);
		break;
	case 0x4b:
		result = fp_fma_s(-a, b, c);
		break;
	case 0x4f:
		result = fp_fma_s(-a, b, -c);
		break;
	default:
		switch (insn >> 27) {
		case 0x00:
			result = host_add_s(a, b);
			break;
		case 0x01:
			result = host_sub_s(a, b);
			break;
		case 0x02:
			result = host_mul_s(a, b);
			break;
		case 0x03:
			result = host_div_s(a, b);
			break;
		default:
			result = host_sqrt_s(a);
			break;
		}
	}
	hart->f[INSN_RD(insn)] = fp_from_s(result);
}

static void execute_d(struct hart *hart, uint32_t insn)
{
	double a = fp_double(hart->f[INSN_RS1(insn)]), b = fp_double(hart->f[INSN_RS2(insn)]);
	double c = fp_double(hart->f[insn >> 27]), result;

	switch (insn & 0x7f) {
	case 0x43:
		result = fp_fma_d(a, b, c);
		break;
	case 0x47:
		result = fp_fma_d(a, b, -c);
		break;
	case 0x4b:
		result = fp_fma_d(-a, b, c);
		break;
	case 0x4f:
		result = fp_fma_d(-a, b, -c);
		break;
	default:
		switch (insn >> 27) {
		case 0x00:
			result = host_add_d(a, b);
			break;
		case 0x01:
			result = host_sub_d(a, b);
			break;
		case 0x02:
			result = host_mul_d(a, b);
			break;
		case 0x03:
			result = host_div_d(a, b);
			break;
		default:
			result = host_sqrt_d(a);
			break;
		}
	}
	hart->f[INSN_RD(insn)] = fp_from_d(result);
}

/* fcvt to a floating-point format. */
static void execute_convert(struct hart *hart, uint32_t insn)
{
	bool is_double = insn >> 25 & 1;
	uint64_t x = hart->x[INSN_RS1(insn)], *rd = &hart->f[INSN_RD(insn)];

	if (insn >> 27 == 0x08) {
		*rd = fp_from_s(host_s_from_d(fp_double(hart->f[INSN_RS1(insn)])));
		return;
	}
	switch (INSN_RS2(insn)) {
	case FP_W:
		x = (uint64_t)(int64_t)(int32_t)x;
		break;
	case FP_WU:
		x = (uint32_t)x;
		break;
	case FP_LU:
		*rd = is_double ? fp_from_d(fp_d_from_lu(x)) : fp_from_s(fp_s_from_lu(x));
		return;
	}
	*rd = is_double ? fp_from_d(host_d_from_l((int64_t)x)) : fp_from_s(host_s_from_l((int64_t)x));
}

void fp_execute(struct hart *hart, uint32_t insn, unsigned mode)
{
	unsigned funct5 = insn >> 27;

	if (mode == RMM) {
		fp_execute_rmm(hart, insn);
		return;
	}
	host_fp_set_rounding(mode);
	if ((insn & 0x7f) == 0x53 && (funct5 == 0x08 || funct5 == 0x1a))
		execute_convert(hart, insn);
	else if (insn >> 25 & 1)
		execute_d(hart, insn);
	else
		execute_s(hart, insn);
	host_fp_set_rounding(hart->frm <= RUP ? hart->frm : RNE);
}

/* Ops that leave registers and flags alone. */
static bool only_reads(unsigned code)
{
	switch (code) {
	case OP_FSW:
	case OP_FSD:
	case OP_FMV_X_W:
	case OP_FMV_X_D:
	case OP_FCLASS_S:
	case OP_FCLASS_D:
		return true;
	default:
		return false;
	}
}

static bool rounds_by_frm(const struct op *op)
{
	if (op->code == OP_FTOI_S || op->code == OP_FTOI_D)
		return op->rs2 == RM_DYNAMIC;
	return op->code >= OP_FADD_S && op->code <= OP_FCVT_S_D;
}

enum fp_unready fp_make_ready(struct hart *hart, const struct op *op)
{
	if (!hart->fp_on)
		return FP_ILLEGAL;
	if (rounds_by_frm(op) && hart->frm > RMM)
		return FP_ILLEGAL;
	if (!only_reads(op->code)) {
		hart->status |= STATUS_FS_DIRTY;
		csr_update_fp(hart);
	}
	if (!rounds_by_frm(op) || hart->fp_ready || op->code == OP_FTOI_S || op->code == OP_FTOI_D)
		return FP_RETRY;
	fp_execute(hart, op->imm, hart->frm);
	return FP_DONE;
}
