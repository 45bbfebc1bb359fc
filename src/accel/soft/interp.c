/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp.c - the interpreter: threaded code, one label an op. What the ops do is in interp_*.h, which are
 * parts of the one function here.
 */
#include "accel/soft/interp.h"

#include "accel/soft/atomic.h"
#include "accel/soft/block.h"
#include "accel/soft/code.h"
#include "accel/soft/csr.h"
#include "accel/soft/fp.h"
#include "accel/soft/hart.h"
#include "accel/soft/host.h"
#include "accel/soft/mem.h"
#include "accel/soft/sbi.h"
#include "accel/soft/trap.h"

#define unlikely(condition) __builtin_expect(!!(condition), 0)

static uint64_t high_unsigned(uint64_t a, uint64_t b)
{
	return (unsigned __int128)a * b >> 64;
}

static uint64_t high_signed(int64_t a, int64_t b)
{
	return (__int128)a * b >> 64;
}

static uint64_t high_mixed(int64_t a, uint64_t b)
{
	return (__int128)a * b >> 64;
}

/* Division by zero and overflow have results, not traps. */
#define DEFINE_DIVISION(suffix, type, utype)                              \
	static type div_##suffix(type a, type b)                          \
	{                                                                 \
		return b == 0 ? -1 : b == -1 ? (type) - (utype)a : a / b; \
	}                                                                 \
	static type rem_##suffix(type a, type b)                          \
	{                                                                 \
		return b == 0 ? a : b == -1 ? 0 : a % b;                  \
	}                                                                 \
	static utype divu_##suffix(utype a, utype b)                      \
	{                                                                 \
		return b == 0 ? (utype)-1 : a / b;                        \
	}                                                                 \
	static utype remu_##suffix(utype a, utype b)                      \
	{                                                                 \
		return b == 0 ? a : a % b;                                \
	}
DEFINE_DIVISION(d, int64_t, uint64_t)
DEFINE_DIVISION(w, int32_t, uint32_t)

static uint64_t rotate_right(uint64_t value, unsigned by)
{
	return value >> (by & 63) | value << (-by & 63);
}

static uint32_t rotate_right_w(uint32_t value, unsigned by)
{
	return value >> (by & 31) | value << (-by & 31);
}

/* 0xff in each byte that is not zero. */
static uint64_t or_combine(uint64_t value)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);

	return ((((value & low) + low) | value) & ~low) / 128 * 255;
}

/* Registers and operands of the present op. */
#define RD hart->x[op->rd]
#define RS1 hart->x[op->rs1]
#define RS2 hart->x[op->rs2]
#define IMM op->imm
#define FRD hart->f[op->rd]
#define FRS1 hart->f[op->rs1]
#define FRS2 hart->f[op->rs2]
#define FRS3 hart->f[(uint32_t)op->imm >> 27]

#define PC (page + op_offset(op))
#define NEXT_PC (page + op_next(op))

/* Whether `jump` leads to hart->pc under the present translation. */
#define JUMP_HITS()                                                                           \
	(jump->pc == hart->pc && tlb_entry(bank, hart->pc)->exec == (hart->pc & PAGE_MASK) && \
	 tlb_entry(bank, hart->pc)->addend == jump->addend)

#define DISPATCH() goto *labels[op->code]
#define NEXT()              \
	do {                \
		op++;       \
		DISPATCH(); \
	} while (0)

/* The instructions up to the present one ran, the present one included or not. */
#define RETIRE() (hart->instret += op->count + 1)
#define RETIRE_BEFORE() (hart->instret += op->count)

#define RAISE(cause, value)                     \
	do {                                    \
		hart->pc = PC;                  \
		RETIRE_BEFORE();                \
		trap_raise(hart, cause, value); \
		goto enter;                     \
	} while (0)

/* The present op is done, and the next instruction is to be looked up. */
#define LEAVE()                     \
	do {                        \
		hart->pc = NEXT_PC; \
		RETIRE();           \
		goto enter;         \
	} while (0)

/* Floating-point registers are there when FS says so (fp_on), and may be written when it says dirty. */
#define FP_NEEDS(state)                     \
	do {                                \
		if (unlikely(!hart->state)) \
			goto fp_unready;    \
	} while (0)

#define SIMPLE(code, statement) \
	do_##code : statement;  \
	NEXT()

/* Runs from `op`, if there is one, and then from block to block, unless `rest_only`. */
static void run(struct hart *hart, struct op *op, bool rest_only)
{
	/* clang-format off */
#define OP_LABEL(name) [OP_##name] = &&do_##name,
	static const void *const labels[OP_COUNT] = { OPS_ALL(OP_LABEL) };
#undef OP_LABEL
	/* clang-format on */
	struct tlb_bank *bank; /* hart->bank */
	uint64_t page;	       /* the virtual address of the page that `op` is from */
	struct jump *jump;

	if (op) {
		bank = hart->bank;
		page = hart->pc & PAGE_MASK;
		DISPATCH();
	}
enter:
	if (hart_exit_requested(hart))
		return;
	bank = hart->bank;
	jump = cache_jump(&hart->cache, hart->pc);
	if (unlikely(!JUMP_HITS()))
		goto look_up;
	op = jump->op;
	page = hart->pc & PAGE_MASK;
	DISPATCH();

look_up:
	if (rest_only)
		return;
	page = hart->pc & PAGE_MASK;
	op = block_enter(hart, hart->pc);
	if (unlikely(!op))
		goto enter;
	DISPATCH();

follow: /* a near jump that has no link yet */
	hart->pc = page + near_offset(op);
	if (rest_only)
		return;
	op = block_follow(hart, op, hart->pc);
	if (unlikely(!op))
		goto enter;
	DISPATCH();

memory: /* a load or store that the TLB did not answer */
	hart->pc = PC;
	if (unlikely(!mem_execute(hart, op)))
		goto trapped;
	/* An MMIO access may have taken long; what was asked meanwhile does not wait for the block's end. */
	if (hart_exit_requested(hart))
		LEAVE();
	NEXT();

trapped: /* on the way; hart->pc is the handler's */
	RETIRE_BEFORE();
	goto enter;

fp_unready:
	switch (fp_make_ready(hart, op)) {
	case FP_RETRY:
		DISPATCH();
	case FP_DONE:
		NEXT();
	case FP_ILLEGAL:
		RAISE(CAUSE_ILLEGAL, op->code >= OP_FADD_S ? (uint32_t)IMM : 0);
	}

#include "accel/soft/interp_flow.h"
#include "accel/soft/interp_fp.h"
#include "accel/soft/interp_int.h"
#include "accel/soft/interp_mem.h"
#include "accel/soft/interp_system.h"
}

void interp_run(struct hart *hart)
{
	run(hart, NULL, false);
}

void interp_rest(struct hart *hart, struct op *op)
{
	run(hart, op, true);
}
