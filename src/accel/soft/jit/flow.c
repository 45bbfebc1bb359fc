/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/flow.c - templates of jumps and branches, and of what else ends in C: CSRs and fences.
 */
#include "accel/soft/jit/translate.h"

static void retire(struct translation *t, const struct op *op)
{
	asm_imm(&t->a, I_ADD, A_W, rm_reg(INSTRET), op->count + 1);
}

/* Where the loop to the block's own start is left, the registers become what they should be. */
static void leave_loop(struct translation *t)
{
	for (unsigned reg = 1; reg < REG_SINK; reg++)
		if (t->needs.extend >> reg & 1) {
			enum host_reg to = jit_target(reg);

			asm_rm(&t->a, A_MOVSXD, to, map_x(reg));
			jit_put(t, reg, to);
		}
}

/*
 * An unlinked jump goes to the next byte, where the request to link it is. Forward jumps inside a page need not look at
 * exit_request: no loop is without another kind.
 */
void jit_take_near(struct translation *t, struct op *op)
{
	uint8_t *site;

	retire(t, op);
	if (near_offset(op) <= op_offset(op)) {
		asm_imm(&t->a, I_CMP, 0, HART(exit_request), 0);
		site = asm_jcc(&t->a, CC_E);
	} else {
		site = asm_jmp(&t->a);
	}
	op_link(op)->site = (uint32_t)(site - t->jit->memory);
	if (op == t->needs.loop)
		leave_loop(t);
	jit_load_op(t, op);
	asm_jmp_to(&t->a, jit_fixed(t, t->jit->follow));
}

/*
 * Goes on at the virtual address in RAX, by way of the jump table, as GO_FAR() in interp_flow.h. In each place anew:
 * the host predicts the targets of an indirect jump by where it is.
 */
static void jump(struct translation *t)
{
	struct assembler *a = &t->a;
	const uint8_t *look_up = jit_fixed(t, t->jit->look_up);
	const int32_t jumps = offsetof(struct hart, jit.jumps) - HART_BIAS;
	uint8_t *misses[3];

	asm_rm(a, A_STORE | A_W, RAX, HART(pc));
	asm_imm(a, I_CMP, 0, HART(exit_request), 0);
	asm_land(asm_jcc(a, CC_NE), look_up);
	asm_mov(a, RCX, rm_reg(RAX));
	asm_imm(a, I_AND, 0, rm_reg(RCX), (JIT_JUMPS - 1) << 1);
	asm_shift_imm(a, S_SHL, 0, RCX, 4);
	asm_rm(a, A_ADD | A_W, RCX, rm_reg(RBP));
	asm_mov(a, RDX, rm_reg(RAX));
	asm_shift_imm(a, S_SHR, 0, RDX, PAGE_SHIFT - 5);
	asm_imm(a, I_AND, 0, rm_reg(RDX), (TLB_ENTRIES - 1) * sizeof(struct tlb_entry));
	asm_rm(a, A_ADD | A_W, RDX, HART(bank));
	asm_rm(a, A_CMP | A_W, RAX, rm_mem(RCX, jumps + (int32_t)offsetof(struct jit_jump, pc)));
	misses[0] = asm_jcc(a, CC_NE);
	asm_imm(a, I_AND, A_W, rm_reg(RAX), (int32_t)PAGE_MASK);
	asm_rm(a, A_CMP | A_W, RAX, rm_mem(RDX, offsetof(struct tlb_entry, exec)));
	misses[1] = asm_jcc(a, CC_NE);
	asm_rm(a, A_MOV | A_W, RDX, rm_mem(RDX, offsetof(struct tlb_entry, addend)));
	asm_rm(a, A_CMP | A_W, RDX, rm_mem(RCX, jumps + (int32_t)offsetof(struct jit_jump, addend)));
	misses[2] = asm_jcc(a, CC_NE);
	asm_rm(a, A_STORE | A_W, RAX, HART(jit.page));
	asm_rm(a, A_GROUP_FF, FF_JMP, rm_mem(RCX, jumps + (int32_t)offsetof(struct jit_jump, code)));
	for (unsigned i = 0; i < 3; i++)
		asm_land(misses[i], look_up);
}

void jit_take_far(struct translation *t, struct op *op)
{
	retire(t, op);
	jit_page_plus(t, RAX, op->imm);
	jump(t);
}

/* Sets the host's flags as rs1 and rs2 compare. */
static void compare(struct translation *t)
{
	const struct op *op = t->op;
	unsigned width = op == t->needs.loop && t->needs.loop_words ? 0 : A_W;
	enum host_reg left;

	if (op->rs2 == 0 && jit_pinned[op->rs1] != NO_REG)
		asm_rm(&t->a, A_TEST | width, jit_pinned[op->rs1], rm_reg(jit_pinned[op->rs1]));
	else if (op->rs2 == 0)
		asm_imm(&t->a, I_CMP, width, jit_held(t, op->rs1) ? rm_reg(RAX) : map_x(op->rs1), 0);
	else {
		left = jit_use(t, op->rs1, RAX);
		asm_rm(&t->a, A_CMP | width, left, map_x(op->rs2));
	}
}

static void branch(struct translation *t, enum host_cond cond)
{
	struct op *op = t->op;
	uint8_t *untaken;

	compare(t);
	if (op->code >= OP_JAL_FAR) {
		jit_stub(t, STUB_FAR, asm_jcc(&t->a, cond), NULL);
	} else if (near_offset(op) > op_offset(op)) {
		jit_stub(t, STUB_TAKEN, asm_jcc(&t->a, cond), NULL);
	} else {
		untaken = asm_jcc(&t->a, cond ^ 1);
		jit_take_near(t, op);
		asm_land(untaken, t->a.at);
		jit_forget(t);
		if (op == t->needs.loop)
			leave_loop(t);
	}
}

/* rd = the address behind the jump. */
static void link_register(struct translation *t)
{
	const struct op *op = t->op;
	enum host_reg rd = jit_target(op->rd);

	if (op->rd == REG_SINK)
		return;
	if (rd == RAX)
		rd = RCX; /* RAX may hold the target */
	jit_page_plus(t, rd, (int64_t)op_next(op));
	jit_put(t, op->rd, rd);
}

static void jump_register(struct translation *t)
{
	const struct op *op = t->op;

	jit_load(t, RAX, op->rs1);
	if (op->imm)
		asm_imm(&t->a, I_ADD, A_W, rm_reg(RAX), (int32_t)op->imm);
	asm_imm(&t->a, I_AND, A_W, rm_reg(RAX), -2);
	link_register(t);
	retire(t, op);
	jump(t);
}

/*
 * Lets code decoded from this page's end and the next one's start run if that is what is there now. The first half is
 * watched as all code is; the second, in a page that depends on the address space, is compared.
 */
static void cross(struct translation *t)
{
	struct assembler *a = &t->a;

	jit_page_plus(t, RAX, PAGE_SIZE);
	asm_rm(a, A_MOV, RCX, rm_reg(RAX));
	asm_shift_imm(a, S_SHR, 0, RCX, PAGE_SHIFT - 5);
	asm_imm(a, I_AND, 0, rm_reg(RCX), (TLB_ENTRIES - 1) * sizeof(struct tlb_entry));
	asm_rm(a, A_ADD | A_W, RCX, HART(bank));
	asm_rm(a, A_CMP | A_W, RAX, rm_mem(RCX, offsetof(struct tlb_entry, exec)));
	jit_bail_if(t, CC_NE);
	asm_rm(a, A_ADD | A_W, RAX, rm_mem(RCX, offsetof(struct tlb_entry, addend)));
	asm_rm(a, A_MOVZX16, RAX, rm_mem(RAX, 0));
	asm_imm(a, I_CMP, 0, rm_reg(RAX), (int32_t)t->op->imm);
	jit_bail_if(t, CC_NE);
}

/* Orders earlier writes before later reads, as host_fence() does. */
static void fence(struct translation *t)
{
	if (!t->op->imm)
		return;
	asm_8(&t->a, 0xf0);
	asm_imm(&t->a, I_OR, 0, rm_mem(RSP, 0), 0);
}

bool jit_flow(struct translation *t)
{
	static const uint8_t conditions[] = {CC_E, CC_NE, CC_L, CC_GE, CC_B, CC_AE};
	unsigned code = t->op->code;

	switch (code) {
	case OP_JAL:
		link_register(t);
		/* fallthrough */
	case OP_FALL:
		jit_take_near(t, t->op);
		return true;
	case OP_JAL_FAR:
		link_register(t);
		/* fallthrough */
	case OP_FALL_FAR:
		jit_take_far(t, t->op);
		return true;
	case OP_JALR:
		jump_register(t);
		return true;
	case OP_CROSS:
		cross(t);
		return true;
	case OP_FENCE:
		fence(t);
		return true;
	case OP_CSR:
		/* This may be what changes the floating-point state. */
		jit_call(t, t->jit->call_csr);
		t->fp = FP_UNKNOWN;
		return true;
	default:
		if (code >= OP_BEQ && code <= OP_BGEU)
			branch(t, conditions[code - OP_BEQ]);
		else if (code >= OP_BEQ_FAR && code <= OP_BGEU_FAR)
			branch(t, conditions[code - OP_BEQ_FAR]);
		else
			return false;
		return true;
	}
}
