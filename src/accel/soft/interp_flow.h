/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp_flow.h - part of interp_run(): jumps and branches.
 */
/* These are labels and statements, which clang-format takes for declarations. */
/* clang-format off */

/* To the linked block, by way of follow the first time. */
#define GO_NEAR()                                                                                                      \
	do {                                                                                                           \
		struct op *to = op_link(op)->to;                                                                       \
		RETIRE();                                                                                              \
		if (hart_exit_requested(hart)) {                                                                       \
			hart->pc = page + near_offset(op);                                                             \
			return;                                                                                        \
		}                                                                                                      \
		if (unlikely(!to))                                                                                     \
			goto follow;                                                                                   \
		op = to;                                                                                               \
		DISPATCH();                                                                                            \
	} while (0)

/* To any address, by way of the jump cache. */
#define GO_FAR(target)                                                                                                 \
	do {                                                                                                           \
		hart->pc = (target);                                                                                   \
		RETIRE();                                                                                              \
		if (hart_exit_requested(hart))                                                                         \
			return;                                                                                        \
		jump = cache_jump(&hart->cache, hart->pc);                                                             \
		if (unlikely(!JUMP_HITS()))                                                                            \
			goto look_up;                                                                                  \
		op = jump->op;                                                                                         \
		page = hart->pc & PAGE_MASK;                                                                           \
		DISPATCH();                                                                                            \
	} while (0)

#define BRANCH(code, condition)                                                                                        \
	do_##code:                                                                                                     \
	if (condition)                                                                                                 \
		GO_NEAR();                                                                                             \
	op += 2;                                                                                                       \
	DISPATCH();                                                                                                    \
	do_##code##_FAR:                                                                                               \
	if (condition)                                                                                                 \
		GO_FAR(page + IMM);                                                                                    \
	NEXT()

BRANCH(BEQ, RS1 == RS2);
BRANCH(BNE, RS1 != RS2);
BRANCH(BLT, (int64_t)RS1 < (int64_t)RS2);
BRANCH(BGE, (int64_t)RS1 >= (int64_t)RS2);
BRANCH(BLTU, RS1 < RS2);
BRANCH(BGEU, RS1 >= RS2);

do_JAL:
	RD = NEXT_PC;
	GO_NEAR();

do_JAL_FAR:
	RD = NEXT_PC;
	GO_FAR(page + IMM);

do_JALR:
{
	uint64_t target = (RS1 + IMM) & ~UINT64_C(1);

	RD = NEXT_PC;
	GO_FAR(target);
}

do_FALL:
	GO_NEAR();

do_FALL_FAR:
	GO_FAR(page + IMM);

do_CROSS:
	hart->pc = PC;
	op = block_cross(hart, hart->pc);
	if (unlikely(!op))
		goto enter;
	DISPATCH();

do_DEAD:
	/* Jumps may still lead here; looking up replaces them. */
	hart->pc = PC;
	goto look_up;
