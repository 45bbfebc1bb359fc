/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/mem.c - templates of loads, stores and atomics: the TLB's look-up as in interp_mem.h.
 */
#include "accel/soft/jit/translate.h"

/* RAX = rs1 + imm. */
static void address(struct translation *t)
{
	const struct op *op = t->op;

	if (jit_pinned[op->rs1] != NO_REG && op->imm) {
		asm_rm(&t->a, A_LEA, RAX, rm_mem(jit_pinned[op->rs1], (int32_t)op->imm));
	} else {
		jit_load(t, RAX, op->rs1);
		if (op->imm)
			asm_imm(&t->a, I_ADD, A_W, rm_reg(RAX), (int32_t)op->imm);
	}
}

/* Where the memory is that RAX is the guest's address of, in terms of RAX and RCX. */
static const struct rm there = {.reg = NO_REG, .base = RAX, .index = RCX, .indexed = true};

/* Makes `there` valid if the TLB allows an aligned access; else jumps, to what returns. */
static uint8_t *translate_address(struct translation *t, unsigned tag, unsigned size)
{
	struct assembler *a = &t->a;
	uint8_t *miss;

	asm_rm(a, A_MOV, RCX, rm_reg(RAX));
	asm_shift_imm(a, S_SHR, 0, RCX, PAGE_SHIFT - 5);
	asm_imm(a, I_AND, 0, rm_reg(RCX), (TLB_ENTRIES - 1) * sizeof(struct tlb_entry));
	asm_rm(a, A_ADD | A_W, RCX, HART(bank));
	asm_mov(a, RDX, rm_reg(RAX));
	asm_imm(a, I_AND, A_W, rm_reg(RDX), (int32_t)(PAGE_MASK | (size - 1)));
	asm_rm(a, A_CMP | A_W, RDX, rm_mem(RCX, (int32_t)tag));
	miss = asm_jcc(a, CC_NE);
	asm_rm(a, A_MOV | A_W, RCX, rm_mem(RCX, offsetof(struct tlb_entry, addend)));
	return miss;
}

static void load(struct translation *t, unsigned opcode, unsigned size)
{
	enum host_reg rd = jit_target(t->op->rd);
	uint8_t *miss;

	address(t);
	miss = translate_address(t, offsetof(struct tlb_entry, read), size);
	asm_rm(&t->a, opcode, rd, there);
	jit_put(t, t->op->rd, rd);
	jit_stub(t, STUB_MEMORY, miss, t->a.at);
}

/* Floating-point registers are in memory: the value goes by way of an integer register. */
static void load_fp(struct translation *t, unsigned width)
{
	uint8_t *miss;

	jit_fp_need(t, FP_KNOWN_DIRTY);
	address(t);
	miss = translate_address(t, offsetof(struct tlb_entry, read), width ? 8 : 4);
	asm_rm(&t->a, A_MOV | width, RAX, there);
	asm_rm(&t->a, A_STORE | width, RAX, map_f(t->op->rd));
	if (!width)
		asm_store_const(&t->a, 0, map_f_box(t->op->rd), -1);
	jit_stub(t, STUB_MEMORY, miss, t->a.at);
}

static void store_fp(struct translation *t, unsigned width)
{
	uint8_t *miss;

	jit_fp_need(t, FP_KNOWN_ON);
	address(t);
	miss = translate_address(t, offsetof(struct tlb_entry, write), width ? 8 : 4);
	asm_rm(&t->a, A_MOV | width, RDX, map_f(t->op->rs2));
	asm_rm(&t->a, A_STORE | width, RDX, there);
	jit_stub(t, STUB_MEMORY, miss, t->a.at);
}

static void store(struct translation *t, unsigned opcode, unsigned size)
{
	enum host_reg value;
	uint8_t *miss;

	address(t);
	miss = translate_address(t, offsetof(struct tlb_entry, write), size);
	value = jit_use(t, t->op->rs2, RDX);
	asm_rm(&t->a, opcode, value, there);
	jit_stub(t, STUB_MEMORY, miss, t->a.at);
}

bool jit_mem(struct translation *t)
{
	unsigned code = t->op->code;

	switch (code) {
	case OP_LB:
		load(t, A_MOVSX8, 1);
		break;
	case OP_LH:
		load(t, A_MOVSX16, 2);
		break;
	case OP_LW:
		load(t, A_MOVSXD, 4);
		break;
	case OP_LD:
		load(t, A_MOV | A_W, 8);
		break;
	case OP_LBU:
		load(t, A_MOVZX8, 1);
		break;
	case OP_LHU:
		load(t, A_MOVZX16, 2);
		break;
	case OP_LWU:
		load(t, A_MOV, 4);
		break;
	case OP_SB:
		store(t, A_STORE8, 1);
		break;
	case OP_SH:
		store(t, A_STORE16, 2);
		break;
	case OP_SW:
		store(t, A_STORE, 4);
		break;
	case OP_SD:
		store(t, A_STORE | A_W, 8);
		break;
	case OP_FLW:
		load_fp(t, 0);
		break;
	case OP_FLD:
		load_fp(t, A_W);
		break;
	case OP_FSW:
		store_fp(t, 0);
		break;
	case OP_FSD:
		store_fp(t, A_W);
		break;
	default:
		if (code < OP_LR_W || code > OP_AMOMAXU_D)
			return false;
		jit_call(t, t->jit->call_atomic);
	}
	return true;
}
