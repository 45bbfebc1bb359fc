/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/group.c - loads and stores off one base register, checked together: a look-up in the TLB tells that
 * all of them are in one page that allows them and are aligned; what remains of each is one instruction of the host.
 * Where that does not hold, a stub does them one by one.
 *
 * Translations stay as they are to the block's end, for this hart serves what others ask only between blocks.
 */
#include "accel/soft/jit/translate.h"

#define SPAN_MAX 1024 /* bytes between the first and the last */

struct group {
	struct op *end; /* behind the last access */
	unsigned accesses;
	unsigned base;	   /* guest register */
	int32_t low, high; /* the bytes accessed, relative to it */
	int32_t widest;	   /* relative to it: an access of the greatest size, */
	int32_t size;	   /* which is this */
	bool loads, stores;
};

/* How an access is done once its address is known. */
struct access {
	unsigned opcode;
	uint8_t size;
	bool store, fp;
};

static bool find_access(const struct op *op, struct access *access)
{
	static const struct access accesses[] = {
		[OP_LB - OP_LB] = {A_MOVSX8, 1},
		[OP_LH - OP_LB] = {A_MOVSX16, 2},
		[OP_LW - OP_LB] = {A_MOVSXD, 4},
		[OP_LD - OP_LB] = {A_MOV | A_W, 8},
		[OP_LBU - OP_LB] = {A_MOVZX8, 1},
		[OP_LHU - OP_LB] = {A_MOVZX16, 2},
		[OP_LWU - OP_LB] = {A_MOV, 4},
		[OP_SB - OP_LB] = {A_STORE8, 1, .store = true},
		[OP_SH - OP_LB] = {A_STORE16, 2, .store = true},
		[OP_SW - OP_LB] = {A_STORE, 4, .store = true},
		[OP_SD - OP_LB] = {A_STORE | A_W, 8, .store = true},
		[OP_FLW - OP_LB] = {A_MOV, 4, .fp = true},
		[OP_FLD - OP_LB] = {A_MOV | A_W, 8, .fp = true},
		[OP_FSW - OP_LB] = {A_STORE, 4, .store = true, .fp = true},
		[OP_FSD - OP_LB] = {A_STORE | A_W, 8, .store = true, .fp = true},
	};

	if (op->code < OP_LB || op->code > OP_FSD)
		return false;
	*access = accesses[op->code - OP_LB];
	return true;
}

/* Integer templates that leave RDX alone; all but those of products' upper halves and of divisions. */
static bool keeps_address(const struct op *op)
{
	return op->code <= OP_BSETI && (op->code < OP_MULH || op->code > OP_REMU) &&
	       (op->code < OP_DIVW || op->code > OP_REMUW);
}

/* Takes an access in; false: it is too far away, or not aligned when the others are. */
static bool join(struct group *group, const struct op *op, const struct access *access)
{
	int32_t imm = (int32_t)op->imm, size = access->size;
	int32_t low = imm < group->low ? imm : group->low;
	int32_t high = imm + size > group->high ? imm + size : group->high;

	if ((imm - group->widest) % (size < group->size ? size : group->size) || high - low > SPAN_MAX)
		return false;
	if (size > group->size) {
		group->widest = imm;
		group->size = size;
	}
	group->low = low;
	group->high = high;
	group->loads |= !access->store;
	group->stores |= access->store;
	group->accesses++;
	return true;
}

/* The group that starts with `op`. */
static void plan(struct group *group, struct op *op)
{
	struct access access;

	*group = (struct group){.base = op->rs1,
				.low = (int32_t)op->imm,
				.high = (int32_t)op->imm,
				.widest = (int32_t)op->imm,
				.size = 1};
	for (;; op++) {
		if (find_access(op, &access)) {
			if (op->rs1 != group->base || !join(group, op, &access))
				return;
			group->end = op + 1;
			if (!access.store && !access.fp && op->rd == group->base)
				return;
		} else if (!keeps_address(op) || op->rd == group->base) {
			return;
		}
	}
}

/* RDX = the host address of what is at the base, less the base if that is in a register; or jumps to the stub. */
static void check(struct translation *t, const struct group *group)
{
	struct assembler *a = &t->a;
	/* Aligned as the widest. */
	int32_t low = group->widest - (group->widest - group->low + group->size - 1) / group->size * group->size;

	jit_load(t, RAX, group->base);
	if (low)
		asm_imm(a, I_ADD, A_W, rm_reg(RAX), low);
	asm_rm(a, A_MOV, RCX, rm_reg(RAX));
	asm_shift_imm(a, S_SHR, 0, RCX, PAGE_SHIFT - 5);
	asm_imm(a, I_AND, 0, rm_reg(RCX), (TLB_ENTRIES - 1) * sizeof(struct tlb_entry));
	asm_rm(a, A_ADD | A_W, RCX, HART(bank));
	if (group->size > 1) {
		asm_rm(a, 0xf6 | A_BYTE, 0, rm_reg(RAX)); /* TEST */
		asm_8(a, (unsigned)group->size - 1);
		jit_stub_group(t, asm_jcc(a, CC_NE), group->end);
	}
	/* The entry is the first byte's: it holds the last one's page only if that is the same. */
	asm_rm(a, A_LEA, RDX, rm_mem(RAX, group->high - low - 1));
	asm_imm(a, I_AND, A_W, rm_reg(RDX), (int32_t)PAGE_MASK);
	if (group->loads) {
		asm_rm(a, A_CMP | A_W, RDX, rm_mem(RCX, offsetof(struct tlb_entry, read)));
		jit_stub_group(t, asm_jcc(a, CC_NE), group->end);
	}
	if (group->stores) {
		asm_rm(a, A_CMP | A_W, RDX, rm_mem(RCX, offsetof(struct tlb_entry, write)));
		jit_stub_group(t, asm_jcc(a, CC_NE), group->end);
	}
	asm_rm(a, A_MOV | A_W, RDX, rm_mem(RCX, offsetof(struct tlb_entry, addend)));
	if (jit_pinned[group->base] == NO_REG)
		asm_rm(a, A_ADD | A_W, RDX, map_x(group->base));
}

static void access_at(struct translation *t, const struct access *access)
{
	const struct op *op = t->op;
	enum host_reg base = jit_pinned[op->rs1], reg = RAX;
	struct rm at = base != NO_REG ? rm_sum(RDX, base, (int32_t)op->imm) : rm_mem(RDX, (int32_t)op->imm);

	if (access->fp)
		jit_fp_need(t, access->store ? FP_KNOWN_ON : FP_KNOWN_DIRTY);
	if (access->store) {
		if (access->fp)
			asm_rm(&t->a, A_MOV | (access->opcode & A_W), RAX, map_f(op->rs2));
		else
			reg = jit_use(t, op->rs2, RAX);
		asm_rm(&t->a, access->opcode, reg, at);
	} else if (access->fp) {
		asm_rm(&t->a, access->opcode, RAX, at);
		asm_rm(&t->a, A_STORE | (access->opcode & A_W), RAX, map_f(op->rd));
		if (access->size == 4)
			asm_store_const(&t->a, 0, map_f_box(op->rd), -1);
	} else {
		reg = jit_target(op->rd);
		asm_rm(&t->a, access->opcode, reg, at);
		jit_put(t, op->rd, reg);
	}
}

struct op *jit_group(struct translation *t)
{
	unsigned first = t->stub_count;
	struct access access;
	struct group group;

	if (!find_access(t->op, &access))
		return NULL;
	plan(&group, t->op);
	if (group.accesses < 2)
		return NULL;
	check(t, &group);
	for (; t->op < group.end; t->op++)
		if (find_access(t->op, &access))
			access_at(t, &access);
		else if (!jit_int(t))
			jit_bail(t);
	/* All of the group's own stubs end here. */
	jit_forget(t);
	for (unsigned i = first; i < t->stub_count; i++)
		if (t->stubs[i].kind == STUB_GROUP)
			t->stubs[i].back = t->a.at;
	return group.end;
}
