/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/facts.c - what is known of the registers' values.
 */
#include "accel/soft/facts.h"

enum known { UNKNOWN, WORD, SMALL };

bool op_is_word(const struct op *op)
{
	switch (op->code) {
	case OP_ADDIW:
	case OP_SLLIW:
	case OP_SRLIW:
	case OP_SRAIW:
	case OP_ADDW:
	case OP_SUBW:
	case OP_SLLW:
	case OP_SRLW:
	case OP_SRAW:
	case OP_MULW:
	case OP_ROLW:
	case OP_RORW:
	case OP_RORIW:
		return true;
	default:
		return false;
	}
}

static enum known register_known(const struct facts *facts, unsigned reg)
{
	return fact_small(facts, reg) ? SMALL : fact_word(facts, reg) ? WORD : UNKNOWN;
}

static enum known constant_known(int64_t value)
{
	return value != (int32_t)value ? UNKNOWN : value < 0 ? WORD : SMALL;
}

static enum known lesser(enum known a, enum known b)
{
	return a < b ? a : b;
}

/* Of bits that are in both: one operand without sign leaves none. */
static enum known and_known(enum known a, enum known b)
{
	return a == SMALL || b == SMALL ? SMALL : lesser(a, b);
}

static enum known result_known(const struct facts *facts, const struct op *op)
{
	enum known a = register_known(facts, op->rs1), b = register_known(facts, op->rs2);
	enum known imm = constant_known(op->imm);

	switch (op->code) {
	case OP_CONST:
		return imm;
	case OP_MV:
		return a;
	case OP_ANDI:
		return and_known(a, imm);
	case OP_AND:
		return and_known(a, b);
	case OP_ORI:
	case OP_XORI:
		return lesser(a, imm);
	case OP_OR:
	case OP_XOR:
	case OP_MAX:
	case OP_MAXU:
	case OP_MIN:
	case OP_MINU:
		return lesser(a, b);
	case OP_XNOR:
	case OP_ORN:
	case OP_ANDN:
		return a && b ? WORD : UNKNOWN;
	case OP_SRLI:
		return op->imm > 32 ? SMALL : a == SMALL ? SMALL : op->imm == 0 ? a : UNKNOWN;
	case OP_SRAI:
		return a == UNKNOWN && op->imm >= 32 ? WORD : a;
	case OP_SRLIW:
		return op->imm ? SMALL : WORD;
	case OP_SLTI:
	case OP_SLTIU:
	case OP_SLT:
	case OP_SLTU:
	case OP_LBU:
	case OP_LHU:
	case OP_ZEXT_H:
	case OP_CLZ:
	case OP_CTZ:
	case OP_CPOP:
	case OP_CLZW:
	case OP_CTZW:
	case OP_CPOPW:
	case OP_BEXT:
	case OP_BEXTI:
		return SMALL;
	case OP_LB:
	case OP_LH:
	case OP_LW:
	case OP_SEXT_B:
	case OP_SEXT_H:
	case OP_DIVW:
	case OP_DIVUW:
	case OP_REMW:
	case OP_REMUW:
		return WORD;
	default:
		return op_is_word(op) ? WORD : UNKNOWN;
	}
}

void facts_after(struct facts *facts, const struct op *op)
{
	uint64_t bit = UINT64_C(1) << op->rd;
	enum known known = result_known(facts, op);

	/* x0 stays what it is, whatever an op without a result has in that field. */
	if (op->rd == 0)
		return;
	facts->word = known >= WORD ? facts->word | bit : facts->word & ~bit;
	facts->small = known == SMALL ? facts->small | bit : facts->small & ~bit;
}
