/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/translate.c - a block's code: its ops' templates one behind the other, then the stubs.
 */
#include "accel/soft/jit/translate.h"

#include "accel/soft/cache.h"

void jit_stub(struct translation *t, enum stub_kind kind, uint8_t *from, const uint8_t *back)
{
	t->stubs[t->stub_count++] = (struct stub){.kind = kind, .from = from, .back = back, .op = t->op, .fp = t->fp};
	if (back)
		jit_forget(t);
}

void jit_stub_group(struct translation *t, uint8_t *from, struct op *end)
{
	jit_stub(t, STUB_GROUP, from, NULL);
	t->stubs[t->stub_count - 1].end = end;
}

void jit_load_op(struct translation *t, const struct op *op)
{
	asm_const(&t->a, RAX, (int64_t)((uintptr_t)op - t->arena));
}

void jit_call(struct translation *t, uint32_t fixed)
{
	jit_load_op(t, t->op);
	asm_call_to(&t->a, jit_fixed(t, fixed));
}

enum host_reg jit_use(struct translation *t, unsigned reg, enum host_reg scratch)
{
	if (jit_pinned[reg] != NO_REG)
		return jit_pinned[reg];
	jit_load(t, scratch, reg);
	return scratch;
}

void jit_load(struct translation *t, enum host_reg to, unsigned reg)
{
	if (!reg) {
		asm_const(&t->a, to, 0);
	} else if (jit_held(t, reg)) {
		asm_mov(&t->a, to, rm_reg(RAX));
		t->held_at = t->a.at;
	} else {
		asm_mov(&t->a, to, map_x(reg));
	}
}

enum host_reg jit_target(unsigned reg)
{
	return jit_pinned[reg] != NO_REG ? jit_pinned[reg] : RAX;
}

void jit_put(struct translation *t, unsigned reg, enum host_reg from)
{
	struct rm at = map_x(reg);

	if (at.reg != from)
		asm_rm(&t->a, A_STORE | A_W, from, at);
	if (at.reg == NO_REG && from == RAX) {
		t->held = reg;
		t->held_at = t->a.at;
	}
}

void jit_page_plus(struct translation *t, enum host_reg to, int64_t offset)
{
	asm_mov(&t->a, to, HART(jit.page));
	if (offset != (int32_t)offset) {
		asm_const(&t->a, RCX, offset);
		asm_rm(&t->a, A_ADD | A_W, to, rm_reg(RCX));
	} else if (offset) {
		asm_imm(&t->a, I_ADD, A_W, rm_reg(to), (int32_t)offset);
	}
}

void jit_bail(struct translation *t)
{
	jit_load_op(t, t->op);
	asm_jmp_to(&t->a, jit_fixed(t, t->jit->bail));
}

/* What a group's check did not allow together. */
static void write_one_by_one(struct translation *t, const struct stub *stub)
{
	struct op *end = stub->end;
	const uint8_t *back = stub->back;

	for (t->fp = stub->fp; t->op < end; t->op++)
		if (!jit_int(t) && !jit_mem(t))
			jit_bail(t);
	asm_jmp_to(&t->a, back);
}

/* Whether the next stub does the same, so that this one's jump may lead there. */
static bool shared(const struct translation *t, unsigned i)
{
	const struct stub *stub = &t->stubs[i], *next = stub + 1;

	return i + 1 < t->stub_count && (stub->kind == STUB_BAIL || stub->kind == STUB_GROUP) &&
	       next->kind == stub->kind && next->op == stub->op;
}

static void write_stub(struct translation *t, unsigned i)
{
	const struct stub *stub = &t->stubs[i];

	asm_land(stub->from, t->a.at);
	jit_forget(t);
	if (shared(t, i))
		return;
	t->op = stub->op;
	switch (stub->kind) {
	case STUB_BAIL:
		jit_bail(t);
		break;
	case STUB_GROUP:
		write_one_by_one(t, stub);
		break;
	case STUB_MEMORY:
		jit_call(t, t->jit->call_memory);
		asm_jmp_to(&t->a, stub->back);
		break;
	case STUB_TAKEN:
		jit_take_near(t, stub->op);
		break;
	case STUB_FAR:
		jit_take_far(t, stub->op);
		break;
	}
}

static void translate(struct translation *t, struct op *op)
{
	for (struct op *behind;; op += op_slots(op)) {
		t->op = op;
		while ((behind = jit_group(t)) != NULL)
			t->op = op = behind;
		if (!jit_int(t) && !jit_mem(t) && !jit_flow(t) && !jit_fp(t)) {
			jit_bail(t);
			break;
		}
		if (op_ends_block(op) && op->code != OP_CROSS)
			break;
	}
	for (unsigned i = 0; i < t->stub_count; i++)
		write_stub(t, i);
}

uint64_t jit_translate(struct hart *hart, struct block *block)
{
	struct jit *jit = &hart->jit;
	struct translation t;

	if (block->code)
		return block->code;
	if (jit->size - jit->used < JIT_BLOCK_MAX) {
		cache_flush(hart);
		return 0;
	}
	t.a.at = jit->memory + jit->used;
	t.jit = jit;
	t.arena = (uintptr_t)hart->cache.arena;
	t.fp = FP_UNKNOWN;
	t.stub_count = 0;
	jit_forget(&t);
	jit_find_needs(&t.needs, block);
	translate(&t, block->ops);
	block->code = (uintptr_t)(jit->memory + jit->used) + (uint64_t)jit->to_exec;
	/* Entries are aligned as the host fetches. */
	jit->used = (size_t)(t.a.at - jit->memory + 15) & ~(size_t)15;
	return block->code;
}
