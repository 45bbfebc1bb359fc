/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/need.c - how much of each result of a block is needed, from its end to its start.
 */
#include "accel/soft/jit/need.h"

#include <string.h>

#include "accel/soft/cache.h"
#include "accel/soft/facts.h"

/* What is needed of each register: of those in neither set, nothing. */
struct wanted {
	uint64_t all, low;
};

static const struct wanted everything = {UINT32_MAX, 0};

static enum need need_of(const struct wanted *wanted, unsigned reg)
{
	return wanted->all >> reg & 1 ? NEED_ALL : wanted->low >> reg & 1 ? NEED_LOW : NEED_NONE;
}

static void want(struct wanted *wanted, unsigned reg, enum need need)
{
	uint64_t bit = UINT64_C(1) << reg;

	if (need == NEED_ALL)
		wanted->all |= bit;
	else if (need == NEED_LOW)
		wanted->low |= bit;
}

/* Nobody but what comes behind it can tell whether the op was executed: its template always exists and never bails. */
static bool is_plain(const struct op *op)
{
	if (op->code > OP_BSETI)
		return false;
	switch (op->code) {
	case OP_DIV:
	case OP_DIVU:
	case OP_REM:
	case OP_REMU:
	case OP_DIVW:
	case OP_DIVUW:
	case OP_REMW:
	case OP_REMUW:
	case OP_CLZ:
	case OP_CTZ:
	case OP_CPOP:
	case OP_CLZW:
	case OP_CTZW:
	case OP_CPOPW:
	case OP_ORC_B:
		return false;
	default:
		return true;
	}
}

/* What a plain op reads when so much of its result is needed. */
static void want_operands(struct wanted *wanted, const struct op *op, enum need need)
{
	enum need left = NEED_ALL, right = NEED_ALL;

	switch (op->code) {
	case OP_CONST:
	case OP_PCREL:
		return;
	case OP_ANDI:
		left = op->imm >= 0 ? NEED_LOW : need;
		right = NEED_NONE;
		break;
	case OP_SLLI:
		left = op->imm >= 32 ? NEED_LOW : need;
		right = NEED_NONE;
		break;
	case OP_MV:
	case OP_ADDI:
	case OP_XORI:
	case OP_ORI:
		left = need;
		right = NEED_NONE;
		break;
	case OP_ADD:
	case OP_SUB:
	case OP_XOR:
	case OP_OR:
	case OP_AND:
	case OP_ANDN:
	case OP_ORN:
	case OP_XNOR:
	case OP_MUL:
	case OP_SH1ADD:
	case OP_SH2ADD:
	case OP_SH3ADD:
		left = right = need;
		break;
	case OP_ADD_UW:
	case OP_SH1ADD_UW:
	case OP_SH2ADD_UW:
	case OP_SH3ADD_UW:
		left = NEED_LOW;
		right = need;
		break;
	case OP_ADDIW:
	case OP_SLLIW:
	case OP_SRLIW:
	case OP_SRAIW:
	case OP_RORIW:
	case OP_SLLI_UW:
	case OP_SEXT_B:
	case OP_SEXT_H:
	case OP_ZEXT_H:
		left = NEED_LOW;
		right = NEED_NONE;
		break;
	case OP_SLTI:
	case OP_SLTIU:
	case OP_SRLI:
	case OP_SRAI:
	case OP_RORI:
	case OP_REV8:
	case OP_BCLRI:
	case OP_BEXTI:
	case OP_BINVI:
	case OP_BSETI:
		right = NEED_NONE;
		break;
	default:
		if (op_is_word(op))
			left = right = NEED_LOW;
	}
	want(wanted, op->rs1, left);
	want(wanted, op->rs2, right);
}

static bool is_branch(const struct op *op)
{
	return op->code >= OP_BEQ && op->code <= OP_BGEU;
}

static bool may_loop(const struct op *op)
{
	return is_branch(op) || (op->code == OP_JAL && op->rd == REG_SINK);
}

/*
 * Behind the loop's jump the block starts again, with `start` wanted. What is not wanted whole is left unextended if
 * the loop made it a word: the ways out can make good for that.
 */
static void go_round(struct needs *needs, struct wanted *wanted, const struct wanted *start, uint64_t words)
{
	const struct op *op = needs->loop;

	needs->extend = words & ~start->all & UINT32_MAX & ~1u;
	wanted->all = UINT32_MAX & ~needs->extend;
	wanted->low = needs->extend;
	if (!is_branch(op))
		return;
	/* Words compare as their lower halves do. */
	needs->loop_words = words >> op->rs1 & words >> op->rs2 & 1;
	if (!needs->loop_words) {
		want(wanted, op->rs1, NEED_ALL);
		want(wanted, op->rs2, NEED_ALL);
	}
}

/* Goes from `op` to what is before it. */
static void step_back(struct needs *needs, struct wanted *wanted, const struct op *op)
{
	enum need need = need_of(wanted, op->rd);

	if (!is_plain(op)) {
		*wanted = everything;
		return;
	}
	needs->result[op - needs->ops] = (uint8_t)need;
	if (need == NEED_NONE)
		return;
	wanted->all &= ~(UINT64_C(1) << op->rd);
	wanted->low &= ~(UINT64_C(1) << op->rd);
	want_operands(wanted, op, need);
}

void jit_find_needs(struct needs *needs, const struct block *block)
{
	const struct op *ops[BLOCK_OPS];
	struct facts facts = FACTS_NONE;
	uint64_t words = 0; /* at the loop's jump: what was made a word since the start */
	struct wanted start = everything, wanted;
	unsigned count = 0;

	needs->ops = block->ops;
	needs->loop = NULL;
	needs->extend = 0;
	memset(needs->result, NEED_ALL, sizeof(needs->result));
	needs->loop_words = false;
	for (const struct op *op = block->ops;; op += op_slots(op)) {
		ops[count++] = op;
		if (may_loop(op) && near_offset(op) == block->start) {
			needs->loop = op;
			words = facts.word;
		}
		facts_after(&facts, op);
		if (op_ends_block(op))
			break;
	}
	/* Once for what the loop's start wants when all is wanted at its end, and again with that. */
	for (unsigned pass = 0; pass < 2; pass++) {
		wanted = everything;
		for (unsigned i = count; i-- > 0;) {
			if (ops[i] == needs->loop && pass)
				go_round(needs, &wanted, &start, words);
			else
				step_back(needs, &wanted, ops[i]);
		}
		start = wanted;
		if (!needs->loop)
			break;
	}
}
