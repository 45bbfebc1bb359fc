/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/simplify.c - makes do with less for what an instruction comes to behind the others of its block.
 */
#include "accel/soft/simplify.h"

#include <stddef.h>
#include <string.h>

void simplify_start(struct simplifier *s, const struct op *ops)
{
	s->ops = ops;
	s->facts = FACTS_NONE;
	memset(s->writer, 0xff, sizeof(s->writer));
}

/* What wrote the register, if that was in this block. */
static const struct op *writer(const struct simplifier *s, unsigned reg)
{
	return s->writer[reg] < 0 ? NULL : &s->ops[s->writer[reg]];
}

/* Whether `reg` is still what it was when `op` read it. */
static bool unchanged_since(const struct simplifier *s, unsigned reg, const struct op *op)
{
	return s->writer[reg] < op - s->ops;
}

/* slli and srli of one register, by distances that add up to its width. */
static bool make_rotation(const struct simplifier *s, struct op *op, const struct op *left, const struct op *right)
{
	bool word = left && left->code == OP_SLLIW;

	if (!left || !right || (!word && left->code != OP_SLLI) || right->code != (word ? OP_SRLIW : OP_SRLI))
		return false;
	if (left->rs1 != right->rs1 || left->imm + right->imm != (word ? 32 : 64) || !left->imm || !right->imm)
		return false;
	if (!unchanged_since(s, left->rs1, left) || !unchanged_since(s, left->rs1, right))
		return false;
	op->code = word ? OP_RORIW : OP_RORI;
	op->rs1 = left->rs1;
	op->imm = right->imm;
	return true;
}

/* An immediate added to a constant or an address. */
static void add_constant(const struct simplifier *s, struct op *op)
{
	const struct op *base = writer(s, op->rs1);

	if (!base || (base->code != OP_CONST && base->code != OP_PCREL))
		return;
	if (op->code == OP_ADDIW && base->code == OP_PCREL)
		return;
	op->imm = (int64_t)((uint64_t)base->imm + (uint64_t)op->imm);
	if (op->code == OP_ADDIW)
		op->imm = (int32_t)op->imm;
	op->code = base->code;
}

static void shift_constant(const struct simplifier *s, struct op *op)
{
	const struct op *base = writer(s, op->rs1);

	if (!base || base->code != OP_CONST)
		return;
	op->imm = (int64_t)((uint64_t)base->imm << op->imm);
	op->code = OP_CONST;
}

/* A shift to the left and back is an extension. */
static bool make_extension(struct op *op, const struct op *left)
{
	bool is_signed = op->code == OP_SRAI;
	int64_t back = op->imm;

	if (left->code != OP_SLLI)
		return false;
	if (left->imm == 32 && back <= 32 && !is_signed) {
		op->code = OP_SLLI_UW;
		op->imm = 32 - back;
	} else if (left->imm == 48 && back == 48) {
		op->code = is_signed ? OP_SEXT_H : OP_ZEXT_H;
	} else if (left->imm == 56 && back == 56 && is_signed) {
		op->code = OP_SEXT_B;
	} else {
		return false;
	}
	op->rs1 = left->rs1;
	return true;
}

/* True as simplify(). */
static bool extend(const struct simplifier *s, struct op *op, unsigned index)
{
	const struct op *left = writer(s, op->rs1);
	bool last = left && s->writer[op->rs1] == (int)index - 1 && op->rd == op->rs1;

	return left && (last || unchanged_since(s, left->rs1, left)) && make_extension(op, left) && last;
}

static void rewrite(const struct simplifier *s, struct op *op)
{
	switch (op->code) {
	case OP_OR:
		if (!make_rotation(s, op, writer(s, op->rs1), writer(s, op->rs2)))
			make_rotation(s, op, writer(s, op->rs2), writer(s, op->rs1));
		break;
	case OP_ADDIW:
		if (op->imm == 0 && fact_word(&s->facts, op->rs1))
			op->code = OP_MV;
		else
			add_constant(s, op);
		break;
	case OP_ADDI:
		add_constant(s, op);
		break;
	case OP_SLLI:
		shift_constant(s, op);
		break;
	case OP_SRAIW:
		if (fact_word(&s->facts, op->rs1))
			op->code = OP_SRAI;
		break;
	case OP_SUBW:
		/* The difference of two that have no sign is a word. */
		if (fact_small(&s->facts, op->rs1) && fact_small(&s->facts, op->rs2))
			op->code = OP_SUB;
		break;
	}
}

bool simplify(struct simplifier *s, struct op *op, unsigned index)
{
	bool merged = false;

	if (op->code == OP_SRLI || op->code == OP_SRAI)
		merged = extend(s, op, index);
	else
		rewrite(s, op);
	facts_after(&s->facts, op);
	s->writer[op->rd] = (int16_t)(index - merged);
	return merged;
}
