/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/decode_fp.c - the decoder of F and D.
 */
#include "accel/soft/decode.h"

#include <stdbool.h>

/* The distance between the code of an instruction's single and its double form. */
#define DOUBLE (OP_FADD_D - OP_FADD_S)
_Static_assert(OP_FNMADD_D - OP_FNMADD_S == DOUBLE, "the rounded group is laid out alike for both formats");
_Static_assert(OP_FCLASS_D - OP_FCLASS_S == OP_FSGNJ_D - OP_FSGNJ_S, "and so is the exact one");

static bool load_store(struct op *op, uint32_t insn)
{
	unsigned funct3 = INSN_FUNCT3(insn);
	bool store = insn & 0x20;

	if (funct3 != 2 && funct3 != 3)
		return false;
	op->code = (store ? OP_FSW : OP_FLW) + (funct3 - 2);
	op->rd = INSN_RD(insn);
	op->imm = store ? insn_imm_s(insn) : insn_imm_i(insn);
	return true;
}

/* An instruction that rounds: `code` when the mode is frm's, FP_ROUNDED when the instruction names another. */
static bool rounded(struct op *op, unsigned code, uint32_t insn)
{
	unsigned rm = INSN_FUNCT3(insn);

	if (rm == 5 || rm == 6)
		return false;
	op->code = rm == RM_DYNAMIC ? code : OP_FP_ROUNDED;
	return true;
}

/* The same for one whose result is always exact: a fixed mode does not matter. */
static bool exact(struct op *op, unsigned code, uint32_t insn)
{
	op->code = code;
	return INSN_FUNCT3(insn) != 5 && INSN_FUNCT3(insn) != 6;
}

static bool to_integer(struct op *op, uint32_t insn, bool is_double)
{
	unsigned rd = INSN_RD(insn), rm = INSN_FUNCT3(insn);

	if (op->rs2 > 3 || rm == 5 || rm == 6)
		return false;
	op->code = is_double ? OP_FTOI_D : OP_FTOI_S;
	op->rd = rd ? rd : REG_SINK;
	op->rs2 = rm;
	return true;
}

static bool from_integer(struct op *op, uint32_t insn, bool is_double)
{
	static const uint8_t single[4] = {OP_FCVT_S_W, OP_FCVT_S_WU, OP_FCVT_S_L, OP_FCVT_S_LU};

	if (op->rs2 > 3)
		return false;
	if (!is_double)
		return rounded(op, single[op->rs2], insn);
	if (op->rs2 < 2)
		return exact(op, OP_FCVT_D_W + op->rs2, insn);
	return rounded(op, OP_FCVT_D_L + op->rs2 - 2, insn);
}

/* Moves between the register files, and classify. */
static bool move_or_class(struct op *op, uint32_t insn, bool is_double, bool to_x)
{
	unsigned funct3 = INSN_FUNCT3(insn), rd = INSN_RD(insn);

	if (op->rs2 || funct3 > to_x)
		return false;
	if (!to_x) {
		op->code = is_double ? OP_FMV_D_X : OP_FMV_W_X;
		return true;
	}
	op->rd = rd ? rd : REG_SINK;
	op->code = funct3 ? (is_double ? OP_FCLASS_D : OP_FCLASS_S) : (is_double ? OP_FMV_X_D : OP_FMV_X_W);
	return true;
}

static bool arithmetic(struct op *op, uint32_t insn)
{
	bool is_double = insn >> 25 & 1;
	unsigned funct3 = INSN_FUNCT3(insn), wide = is_double ? DOUBLE : 0,
		 exact_wide = is_double ? OP_FSGNJ_D - OP_FSGNJ_S : 0;
	unsigned rd = INSN_RD(insn);

	if (insn >> 25 & 2) /* neither single nor double */
		return false;
	switch (insn >> 27) {
	case 0x00: /* fadd */
	case 0x01: /* fsub */
	case 0x02: /* fmul */
	case 0x03: /* fdiv */
		return rounded(op, OP_FADD_S + wide + (insn >> 27), insn);
	case 0x0b: /* fsqrt */
		return op->rs2 == 0 && rounded(op, OP_FSQRT_S + wide, insn);
	case 0x04: /* fsgnj, fsgnjn, fsgnjx */
		op->code = OP_FSGNJ_S + exact_wide + funct3;
		return funct3 < 3;
	case 0x05: /* fmin, fmax */
		op->code = OP_FMIN_S + exact_wide + funct3;
		return funct3 < 2;
	case 0x08: /* fcvt between the formats */
		if (op->rs2 != !is_double)
			return false;
		return is_double ? exact(op, OP_FCVT_D_S, insn) : rounded(op, OP_FCVT_S_D, insn);
	case 0x14: /* fle, flt, feq */
		op->code = (funct3 == 2 ? OP_FEQ_S : funct3 == 1 ? OP_FLT_S : OP_FLE_S) + exact_wide;
		op->rd = rd ? rd : REG_SINK;
		return funct3 < 3;
	case 0x18:
		return to_integer(op, insn, is_double);
	case 0x1a:
		return from_integer(op, insn, is_double);
	case 0x1c:
		return move_or_class(op, insn, is_double, true);
	case 0x1e:
		return move_or_class(op, insn, is_double, false);
	default:
		return false;
	}
}

int decode_fp(struct op *op, uint32_t insn)
{
	unsigned opcode = insn & 0x7f;

	if (opcode == 0x07 || opcode == 0x27)
		return load_store(op, insn);
	op->imm = insn;
	op->rd = INSN_RD(insn);
	if (opcode == 0x53)
		return arithmetic(op, insn);
	/* fmadd, fmsub, fnmsub, fnmadd: rs3 is taken from imm. */
	if (insn >> 25 & 2)
		return false;
	return rounded(op, OP_FMADD_S + (opcode >> 2 & 3) + (insn >> 25 & 1 ? DOUBLE : 0), insn);
}
