/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/block.c - builds blocks of ops. A block starts where it was jumped to and runs on, past untaken branches,
 * to the first jump, the first instruction that may change how instructions are fetched, or the page's end.
 */
#include "accel/soft/block.h"

#include <string.h>

#include "accel/soft/cache.h"
#include "accel/soft/code.h"
#include "accel/soft/decode.h"
#include "accel/soft/hart.h"
#include "accel/soft/mmu.h"
#include "accel/soft/simplify.h"
#include "accel/soft/soft.h"
#include "base/util.h"

/* A copy of the code to decode: what the guest changes meanwhile is noticed by comparing again. */
struct window {
	unsigned start; /* offset in the page */
	unsigned size;
	uint8_t bytes[BLOCK_INSNS * 4];
};

struct builder {
	struct window window;
	uint16_t beyond; /* the halfword behind the page, where an instruction goes on there */
	uint32_t page;
	unsigned offset; /* of the next instruction, in the page */
	unsigned insns, branches;
	bool for_jit; /* simplified, and whole; the interpreter, its oracle, takes instructions as they are */
	struct simplifier simplifier;
	struct op ops[BLOCK_OPS];
	unsigned count;
};

/* Reads guest code, which other harts may write meanwhile: the unit that RISC-V fetches atomically is a halfword. */
static void read_code(void *to, const uint8_t *from, unsigned size)
{
	uint16_t *out = to;

	for (unsigned i = 0; i < size / 2; i++)
		out[i] = __atomic_load_n((const uint16_t *)from + i, __ATOMIC_RELAXED);
}

static uint32_t window_insn(const struct window *window, unsigned offset)
{
	uint32_t insn = 0;

	memcpy(&insn, window->bytes + (offset - window->start), 2);
	if (insn_length(insn) == 4 && offset + 4 <= PAGE_SIZE)
		memcpy(&insn, window->bytes + (offset - window->start), 4);
	return insn;
}

static bool is_branch(unsigned code)
{
	return code >= OP_BEQ && code <= OP_BGEU;
}

/* Register computations without another effect than their result. */
static bool is_pure(unsigned code)
{
	return code <= OP_BSETI;
}

static struct op *emit(struct builder *b, const struct op *op)
{
	struct op *at = &b->ops[b->count++];

	*at = *op;
	return at;
}

/* Gives a jump whose imm is relative to `offset` its final form: near with room for a link, or far. */
static void emit_jump(struct builder *b, const struct op *op, unsigned offset, bool near_allowed)
{
	int64_t target = offset + op->imm;
	struct op *at = emit(b, op);

	if (near_allowed && target >= 0 && target < (int64_t)PAGE_SIZE) {
		at->imm = near_imm(b->page, target);
		b->ops[b->count++] = (struct op){.code = 0};
	} else {
		at->code += OP_NEAR_TO_FAR;
		at->imm = target;
	}
}

/* The end of a block that has no jump of its own. */
static void emit_fall(struct builder *b, bool near_allowed)
{
	struct op fall = {.code = OP_FALL, .count = b->insns - 1, .pc = b->offset};

	emit_jump(b, &fall, b->offset, near_allowed);
}

/* The instruction that starts in this page and ends in the next, and what goes on behind it. Neither is near anything.
 */
static void emit_crossing(struct builder *b, uint32_t insn)
{
	struct op op = {.pc = b->offset | (insn_length(insn) == 4)};

	decode(&op, insn);
	if (op.code == OP_PCREL)
		op.imm += b->offset;
	if (op_is_near(&op))
		emit_jump(b, &op, b->offset, false);
	else
		emit(b, &op);
	b->offset = op_next(&op);
	b->insns = 1;
	emit_fall(b, false);
}

/* Decodes one instruction; false when it ended the block. */
static bool build_insn(struct builder *b)
{
	uint32_t insn = window_insn(&b->window, b->offset);
	unsigned length = insn_length(insn);
	struct op op = {.count = b->insns, .pc = b->offset | (length == 4)};

	if (b->offset + length > PAGE_SIZE)
		op.code = OP_CROSS;
	else
		decode(&op, insn);
	if (op.code == OP_PCREL)
		op.imm += b->offset;
	if (op.code == OP_CROSS && b->insns) {
		emit_fall(b, true);
		return false;
	}
	if (op.code == OP_CROSS && b->for_jit) {
		op.imm = b->beyond;
		emit(b, &op);
		emit_crossing(b, insn | (uint32_t)b->beyond << 16);
		return false;
	}
	if (op_is_near(&op))
		emit_jump(b, &op, b->offset, true);
	else if (!is_pure(op.code) || op.rd != REG_SINK || b->insns == 0) {
		if (b->for_jit)
			b->count -= simplify(&b->simplifier, &op, b->count);
		emit(b, &op);
	}
	b->offset += length;
	b->insns++;
	b->branches += is_branch(op.code);
	return !op_ends_block(&op);
}

static void build(struct builder *b, const uint8_t *host, uint32_t page, unsigned offset)
{
	b->window.start = b->offset = offset;
	b->window.size = MIN(sizeof(b->window.bytes), PAGE_SIZE - offset);
	b->page = page;
	b->insns = b->branches = b->count = 0;
	simplify_start(&b->simplifier, b->ops);
	read_code(b->window.bytes, host + offset, b->window.size);
	for (;;) {
		if (b->offset >= PAGE_SIZE || b->insns == BLOCK_INSNS || b->branches == BLOCK_BRANCHES) {
			emit_fall(b, true);
			return;
		}
		if (!build_insn(b))
			return;
	}
}

static uint64_t page_host(const struct hart *hart, uint32_t page)
{
	return (uintptr_t)hart->soft->ram->host + page * PAGE_SIZE;
}

/* Whether the code from which `b` was built is still there. */
static bool still_there(const struct builder *b, const uint8_t *host, unsigned end)
{
	uint8_t bytes[sizeof(b->window.bytes)];
	unsigned size = end - b->window.start;

	read_code(bytes, host + b->window.start, size);
	return memcmp(bytes, b->window.bytes, size) == 0;
}

/* Fetches the second half of an instruction that starts with `low`, if it has one; false: that trapped. */
static bool fetch_beyond(struct hart *hart, uint64_t pc, uint16_t low, uint16_t *high)
{
	const struct tlb_entry *entry;

	if (insn_length(low) != 4)
		return true;
	entry = mmu_fetch(hart, pc + 2);
	if (entry)
		read_code(high, (const uint8_t *)(uintptr_t)(pc + 2 + entry->addend), sizeof(*high));
	return entry;
}

/*
 * Builds the block at `pc`, which is in `page`; NULL when it trapped, or when translations or the code itself changed
 * on the way and everything is to be looked up again.
 */
static struct block *build_block(struct hart *hart, uint64_t pc, uint32_t page)
{
	const uint8_t *host = (const uint8_t *)(uintptr_t)page_host(hart, page);
	uint64_t flushes = hart->tlb.flushes;
	unsigned offset = pc & ~PAGE_MASK, end;
	struct builder b = {.for_jit = hart->jit.memory};
	struct block *block;
	uint16_t low;

	if (b.for_jit && offset == PAGE_SIZE - sizeof(low)) {
		read_code(&low, host + offset, sizeof(low));
		if (!fetch_beyond(hart, pc, low, &b.beyond))
			return NULL;
	}
	build(&b, host, page, offset);
	end = MIN(b.offset, PAGE_SIZE);
	code_claim(hart, page, code_lines(offset, end - offset));
	if (hart->tlb.flushes != flushes || !still_there(&b, host, end))
		return NULL;
	block = cache_reserve(hart, b.count);
	block->page = page;
	block->start = offset;
	block->end = end;
	memcpy(block->ops, b.ops, b.count * sizeof(b.ops[0]));
	cache_insert(hart, block, b.count);
	return block;
}

struct block *block_look_up(struct hart *hart, uint64_t pc)
{
	struct block *block = NULL;

	/* Until it is found, or a trap leads elsewhere. */
	while (!block && hart->pc == pc) {
		const struct tlb_entry *entry = mmu_fetch(hart, pc);
		uint32_t page;

		if (!entry || hart_exit_requested(hart))
			return NULL;
		page = soft_page(hart->soft, pc + entry->addend);
		block = cache_find(&hart->cache, page, pc & ~PAGE_MASK);
		if (!block)
			block = build_block(hart, pc, page);
	}
	return block;
}

uint64_t block_host(const struct hart *hart, const struct block *block)
{
	return page_host(hart, block->page);
}

struct op *block_enter(struct hart *hart, uint64_t pc)
{
	const struct tlb_entry *entry = mmu_fetch(hart, pc);
	struct jump *jump = cache_jump(&hart->cache, pc);
	struct block *block;

	if (!entry)
		return NULL;
	/* Often it was only the translation that was missing. */
	if (jump->pc == pc && jump->addend == entry->addend && jump->op->code != OP_DEAD)
		return jump->op;
	block = block_look_up(hart, pc);
	if (!block)
		return NULL;
	*jump = (struct jump){pc, block_host(hart, block) - (pc & PAGE_MASK), block->ops};
	return block->ops;
}

/* Has the near jump `op` go straight to `target` from now on. */
static void link_ops(struct hart *hart, struct op *op, struct block *target)
{
	op_link(op)->to = target->ops;
	cache_link(&hart->cache, op, target);
}

struct op *block_follow(struct hart *hart, struct op *op, uint64_t pc)
{
	uint64_t generation = hart->cache.generation, page = near_page(op);
	struct block *block = block_look_up(hart, pc);

	if (!block)
		return NULL;
	/* The source may be gone, or the virtual page may have come to mean another. */
	if (hart->cache.generation == generation && block->page == page)
		link_ops(hart, op, block);
	return block->ops;
}

struct op *block_cross(struct hart *hart, uint64_t pc)
{
	struct cross *cross = &hart->cache.cross[pc >> PAGE_SHIFT & (CROSS_SLOTS - 1)];
	const struct tlb_entry *entry = mmu_fetch(hart, pc);
	uint16_t low, high = 0;
	uint32_t insn;

	if (!entry)
		return NULL;
	read_code(&low, (const uint8_t *)(uintptr_t)(pc + entry->addend), sizeof(low));
	if (!fetch_beyond(hart, pc, low, &high))
		return NULL;
	insn = low | (uint32_t)high << 16;
	if (!cross->valid || cross->insn != insn) {
		struct builder b = {.offset = pc & ~PAGE_MASK};

		emit_crossing(&b, insn);
		memcpy(cross->ops, b.ops, sizeof(cross->ops));
		cross->insn = insn;
		cross->valid = true;
	}
	return cross->ops;
}
