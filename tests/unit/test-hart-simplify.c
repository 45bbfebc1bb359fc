/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-hart-simplify.c - what instructions come to behind each other, and what of their results is needed.
 */
#include "unit.h"

#include <stdlib.h>

#include "accel/soft/cache.h"
#include "accel/soft/decode.h"
#include "accel/soft/jit/need.h"
#include "accel/soft/simplify.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "rv.h"

#define SLLIW(rd, rs1, by) rv_i(0x1b, 1, rd, rs1, by)
#define SRLIW(rd, rs1, by) rv_i(0x1b, 5, rd, rs1, by)
#define SRLI(rd, rs1, by) rv_i(0x13, 5, rd, rs1, by)
#define ADDIW(rd, rs1, imm) rv_i(0x1b, 0, rd, rs1, imm)
#define ADDW(rd, rs1, rs2) rv_r(0x3b, 0, 0, rd, rs1, rs2)
#define SUBW(rd, rs1, rs2) rv_r(0x3b, 0, 0x20, rd, rs1, rs2)
#define OR(rd, rs1, rs2) rv_r(0x33, 6, 0, rd, rs1, rs2)
#define XOR(rd, rs1, rs2) rv_r(0x33, 4, 0, rd, rs1, rs2)
#define ANDI(rd, rs1, imm) rv_i(0x13, 7, rd, rs1, imm)

struct made {
	struct op ops[16];
	unsigned count;
};

/* A block of these instructions. */
static struct made make(const uint32_t *insns, unsigned count)
{
	struct made made = {.count = 0};
	struct simplifier simplifier;

	simplify_start(&simplifier, made.ops);
	for (unsigned i = 0; i < count; i++) {
		struct op op = {0};

		decode(&op, insns[i]);
		made.count -= simplify(&simplifier, &op, made.count);
		made.ops[made.count++] = op;
	}
	return made;
}

#define MAKE(...) make((const uint32_t[]){__VA_ARGS__}, ARRAY_SIZE(((const uint32_t[]){__VA_ARGS__})))

static void check_last(const struct made *made, unsigned code, unsigned rs1, int64_t imm)
{
	const struct op *op = &made->ops[made->count - 1];

	assert_int_equal(op->code, code);
	assert_int_equal(op->rs1, rs1);
	assert_int_equal(op->imm, imm);
}

static void two_shifts_rotate(void **state)
{
	struct made made = MAKE(SLLIW(a1, a0, 7), SRLIW(a2, a0, 25), OR(a3, a1, a2));

	check_last(&made, OP_RORIW, a0, 25);
	made = MAKE(SLLI(a1, a0, 40), SRLI(a2, a0, 24), OR(a1, a2, a1));
	check_last(&made, OP_RORI, a0, 24);
}

static void other_shifts_do_not(void **state)
{
	struct made made = MAKE(SLLIW(a1, a0, 7), SRLIW(a2, a0, 24), OR(a3, a1, a2));

	assert_int_equal(made.ops[2].code, OP_OR);
	made = MAKE(SLLIW(a1, a0, 7), SRLIW(a2, a3, 25), OR(a3, a1, a2));
	assert_int_equal(made.ops[2].code, OP_OR);
	made = MAKE(SLLIW(a1, a0, 7), SRLI(a2, a0, 25), OR(a3, a1, a2));
	assert_int_equal(made.ops[2].code, OP_OR);
	/* What was shifted is no more. */
	made = MAKE(SLLIW(a1, a0, 7), SRLIW(a0, a0, 25), OR(a3, a1, a0));
	assert_int_equal(made.ops[2].code, OP_OR);
	made = MAKE(SLLIW(a1, a0, 7), SRLIW(a2, a0, 25), ADDI(a0, a0, 1), OR(a3, a1, a2));
	assert_int_equal(made.ops[3].code, OP_OR);
}

static void a_shift_there_and_back_extends(void **state)
{
	struct made made = MAKE(SLLI(a0, a0, 32), SRLI(a0, a0, 32));

	assert_int_equal(made.count, 1);
	check_last(&made, OP_SLLI_UW, a0, 0);
	made = MAKE(SLLI(a1, a0, 32), SRLI(a1, a1, 30));
	assert_int_equal(made.count, 1);
	check_last(&made, OP_SLLI_UW, a0, 2);
	/* The value between stays where somebody may read it. */
	made = MAKE(SLLI(a1, a0, 48), SRLI(a2, a1, 48 | 1 << 10));
	assert_int_equal(made.count, 2);
	assert_int_equal(made.ops[1].code, OP_SEXT_H);
	made = MAKE(SLLI(a0, a0, 32), ADDI(a1, a0, 1), SRLI(a0, a0, 32));
	assert_int_equal(made.count, 3);
	assert_int_equal(made.ops[2].code, OP_SRLI);
}

static void constants_are_put_together(void **state)
{
	struct made made = MAKE(LUI(a0, 0x12345), ADDI(a0, a0, 0x678));

	check_last(&made, OP_CONST, a0, 0x12345678);
	made = MAKE(LUI(a0, 0x80000), ADDIW(a0, a0, -1));
	check_last(&made, OP_CONST, a0, 0x7fffffff);
	made = MAKE(LUI(a0, 0x80000), ADDI(a0, a0, -1), SLLI(a0, a0, 4));
	check_last(&made, OP_CONST, a0, -((INT64_C(0x80000001)) << 4));
	made = MAKE(AUIPC(a0, 1), ADDI(a1, a0, -4));
	check_last(&made, OP_PCREL, a0, 0xffc);
}

static void signs_are_not_extended_twice(void **state)
{
	struct made made = MAKE(ADDW(a0, a1, a2), ADDIW(a3, a0, 0));

	check_last(&made, OP_MV, a0, 0);
	made = MAKE(ADD(a0, a1, a2), ADDIW(a3, a0, 0));
	assert_int_equal(made.ops[1].code, OP_ADDIW);
	made = MAKE(ANDI(a0, a0, 1), SUBW(a0, zero, a0));
	assert_int_equal(made.ops[1].code, OP_SUB);
}

/* The needs of a block at offset 0 of a page. */
static struct needs find_needs(const struct made *made)
{
	_cleanup_free_ struct block *block = calloc(1, sizeof(*block) + sizeof(made->ops));
	struct needs needs;

	assert_non_null(block);
	memcpy(block->ops, made->ops, sizeof(made->ops));
	jit_find_needs(&needs, block);
	return needs;
}

static void what_nobody_reads_is_not_needed(void **state)
{
	struct made made = MAKE(ADDI(a0, a1, 1), ADDW(a2, a3, a4), ADDW(a0, a2, a3), XOR(a2, a0, a1), RET());
	struct needs needs = find_needs(&made);

	assert_int_equal(needs.result[0], NEED_NONE);
	assert_int_equal(needs.result[1], NEED_LOW);
	assert_int_equal(needs.result[2], NEED_ALL);
	assert_int_equal(needs.result[3], NEED_ALL);
}

/* A load may trap, and then all registers show. */
static void all_is_needed_at_a_trap(void **state)
{
	struct made made = MAKE(ADDI(a0, a1, 1), LD(a5, 0, a4), ADDI(a0, a1, 2), RET());

	assert_int_equal(find_needs(&made).result[0], NEED_ALL);
}

static void a_loop_extends_on_its_ways_out(void **state)
{
	struct made made = MAKE(ADDW(a0, a0, a1), ADDIW(a2, a2, -1));
	struct needs needs;

	made.ops[2] = (struct op){.code = OP_BNE, .rs1 = a2, .rs2 = zero, .imm = near_imm(0, 0)};
	made.ops[4] = (struct op){.code = OP_JALR, .rd = REG_SINK, .rs1 = ra};
	needs = find_needs(&made);
	assert_int_equal(needs.result[0], NEED_LOW);
	assert_int_equal(needs.result[1], NEED_LOW);
	assert_true(needs.loop_words);
	assert_int_equal(needs.extend, 1u << a0 | 1u << a2);
	/* One that the loop's start reads whole. */
	made = MAKE(XOR(a3, a0, a1), ADDW(a0, a0, a1));
	made.ops[2] = (struct op){.code = OP_BNE, .rs1 = a3, .rs2 = zero, .imm = near_imm(0, 0)};
	made.ops[4] = (struct op){.code = OP_JALR, .rd = REG_SINK, .rs1 = ra};
	needs = find_needs(&made);
	assert_int_equal(needs.result[1], NEED_ALL);
	assert_false(needs.loop_words);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_shifts_rotate),
		cmocka_unit_test(other_shifts_do_not),
		cmocka_unit_test(a_shift_there_and_back_extends),
		cmocka_unit_test(constants_are_put_together),
		cmocka_unit_test(signs_are_not_extended_twice),
		cmocka_unit_test(what_nobody_reads_is_not_needed),
		cmocka_unit_test(all_is_needed_at_a_trap),
		cmocka_unit_test(a_loop_extends_on_its_ways_out),
	};

	return cmocka_run_group_tests_name("hart-simplify", tests, NULL, NULL);
}
