/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/entry.c - the fixed code.
 */
#include "accel/soft/jit/entry.h"

#include "accel/soft/atomic.h"
#include "accel/soft/csr.h"
#include "accel/soft/jit/map.h"
#include "accel/soft/mem.h"
#include "accel/soft/trap.h"

const uint8_t jit_pinned[REG_COUNT] = {
	NO_REG, RBX,	R12,	NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, R13,	R14,	RSI,
	RDI,	R8,	R9,	R10,	R11,	NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG,
	NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG, NO_REG,
};

_Static_assert(offsetof(struct hart, x) == 0, "map_x() counts from the hart's start");
_Static_assert(sizeof(struct jit_jump) == 32, "the jump table is indexed by a shift");
_Static_assert(sizeof(struct tlb_entry) == 32, "and so is the TLB");

static const uint8_t callee_saved[] = {RBX, RBP, R12, R13, R14, R15};

/* Where guest register x`reg` is kept while C runs. */
static struct rm home(unsigned reg)
{
	return rm_mem(RBP, (int32_t)(8 * reg) - HART_BIAS);
}

static void save_registers(struct assembler *a)
{
	for (unsigned i = 0; i < REG_COUNT; i++)
		if (jit_pinned[i] != NO_REG)
			asm_rm(a, A_STORE | A_W, jit_pinned[i], home(i));
	asm_rm(a, A_STORE | A_W, INSTRET, HART(instret));
}

static void load_registers(struct assembler *a)
{
	for (unsigned i = 0; i < REG_COUNT; i++)
		if (jit_pinned[i] != NO_REG)
			asm_rm(a, A_MOV | A_W, jit_pinned[i], home(i));
	asm_rm(a, A_MOV | A_W, INSTRET, HART(instret));
}

/* A frame of 8 bytes more than the registers keeps RSP aligned in between. */
static void write_enter(struct assembler *a)
{
	for (unsigned i = 0; i < sizeof(callee_saved); i++) {
		if (callee_saved[i] & 8)
			asm_8(a, 0x41);
		asm_8(a, 0x50 | (callee_saved[i] & 7));
	}
	asm_imm(a, I_SUB, A_W, rm_reg(RSP), 8);
	asm_rm(a, A_LEA, RBP, rm_mem(RDI, HART_BIAS));
	asm_mov(a, RAX, rm_reg(RSI));
	load_registers(a);
	asm_rm(a, A_GROUP_FF, FF_JMP, rm_reg(RAX));
}

/* Returns EAX from enter. */
static void write_leave(struct assembler *a)
{
	save_registers(a);
	asm_imm(a, I_ADD, A_W, rm_reg(RSP), 8);
	for (unsigned i = sizeof(callee_saved); i-- > 0;) {
		if (callee_saved[i] & 8)
			asm_8(a, 0x41);
		asm_8(a, 0x58 | (callee_saved[i] & 7));
	}
	asm_8(a, 0xc3);
}

static void write_exit(struct assembler *a, enum jit_exit why, const uint8_t *leave)
{
	if (why != JIT_LOOK_UP) {
		asm_rm(a, A_ADD | A_W, RAX, HART(cache.arena));
		asm_rm(a, A_STORE | A_W, RAX, HART(jit.op));
	}
	asm_const(a, RAX, why);
	asm_jmp_to(a, leave);
}

/* RSP is 8 off alignment here, by the return address; a miss drops that and ends. */
static void write_call(struct assembler *a, bool (*function)(struct hart *hart, struct op *op), const uint8_t *look_up)
{
	uint8_t *trapped;

	save_registers(a);
	asm_imm(a, I_SUB, A_W, rm_reg(RSP), 8);
	asm_rm(a, A_LEA, RDI, rm_mem(RBP, -HART_BIAS));
	asm_mov(a, RSI, rm_reg(RAX));
	asm_rm(a, A_ADD | A_W, RSI, HART(cache.arena));
	asm_const(a, RAX, (int64_t)(uintptr_t)function);
	asm_rm(a, A_GROUP_FF, FF_CALL, rm_reg(RAX));
	load_registers(a);
	asm_imm(a, I_ADD, A_W, rm_reg(RSP), 8);
	asm_rm(a, 0x84 | A_BYTE, RAX, rm_reg(RAX));
	trapped = asm_jcc(a, CC_E);
	asm_8(a, 0xc3);
	asm_land(trapped, a->at);
	asm_imm(a, I_ADD, A_W, rm_reg(RSP), 8);
	asm_jmp_to(a, look_up);
}

static void set_pc(struct hart *hart, const struct op *op)
{
	hart->pc = hart->jit.page + op_offset(op);
}

/* Ends the block behind `op`. */
static bool leave_behind(struct hart *hart, const struct op *op)
{
	hart->pc = hart->jit.page + op_next(op);
	hart->instret += op->count + 1u;
	return false;
}

static bool call_memory(struct hart *hart, struct op *op)
{
	set_pc(hart, op);
	if (!mem_execute(hart, op)) {
		hart->instret += op->count;
		return false;
	}
	/* As in the interpreter: an MMIO access may have taken long. */
	return hart_exit_requested(hart) ? leave_behind(hart, op) : true;
}

static bool call_atomic(struct hart *hart, struct op *op)
{
	set_pc(hart, op);
	if (atomic_execute(hart, op))
		return true;
	hart->instret += op->count;
	return false;
}

static bool call_csr(struct hart *hart, struct op *op)
{
	set_pc(hart, op);
	switch (csr_execute(hart, (uint32_t)op->imm, op->count)) {
	case CSR_DONE:
		return true;
	case CSR_LEAVE:
		return leave_behind(hart, op);
	case CSR_ILLEGAL:
		break;
	}
	hart->instret += op->count;
	trap_raise(hart, CAUSE_ILLEGAL, (uint32_t)op->imm);
	return false;
}

void jit_write_entry(struct hart *hart)
{
	struct jit *jit = &hart->jit;
	struct assembler a = {.at = jit->memory};
	const uint8_t *leave, *look_up = a.at;

#define HERE ((uint32_t)(a.at - jit->memory))
	leave = a.at;
	write_leave(&a);
	look_up = a.at;
	jit->look_up = HERE;
	write_exit(&a, JIT_LOOK_UP, leave);
	jit->follow = HERE;
	write_exit(&a, JIT_FOLLOW, leave);
	jit->bail = HERE;
	write_exit(&a, JIT_BAIL, leave);
	jit->call_memory = HERE;
	write_call(&a, call_memory, look_up);
	jit->call_atomic = HERE;
	write_call(&a, call_atomic, look_up);
	jit->call_csr = HERE;
	write_call(&a, call_csr, look_up);
	jit->enter = (enum jit_exit(*)(struct hart *, uint64_t))(uintptr_t)(a.at + jit->to_exec);
	write_enter(&a);
	jit->blocks_start = HERE;
#undef HERE
}
