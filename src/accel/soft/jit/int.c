/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/int.c - templates of integer computation. What each op means stands in interp_int.h.
 */
#include "accel/soft/jit/host.h"
#include "accel/soft/jit/translate.h"

/* Makes a 32-bit result rd, sign-extended if anybody needs that. */
static void put_w(struct translation *t, enum host_reg from)
{
	enum host_reg rd = jit_target(t->op->rd);

	if (jit_need(&t->needs, t->op) == NEED_LOW) {
		jit_put(t, t->op->rd, from);
		return;
	}
	asm_rm(&t->a, A_MOVSXD, rd, rm_reg(from));
	jit_put(t, t->op->rd, rd);
}

/* Puts a result that is `width` (A_W or 0, then sign-extended) wide. */
static void put(struct translation *t, unsigned width, enum host_reg from)
{
	if (width)
		jit_put(t, t->op->rd, from);
	else
		put_w(t, from);
}

/* A register to compute rd in that may be written before the operand `other` was read. */
static enum host_reg target_beside(struct translation *t, unsigned other)
{
	enum host_reg rd = jit_target(t->op->rd);

	return other == t->op->rd ? RAX : rd;
}

static void binary(struct translation *t, unsigned opcode, unsigned width, bool commutes)
{
	unsigned left = t->op->rs1, right = t->op->rs2;
	enum host_reg rd;

	if (commutes && right == t->op->rd) {
		right = left;
		left = t->op->rd;
	}
	rd = left == t->op->rd ? jit_target(left) : target_beside(t, right);
	jit_load(t, rd, left);
	asm_rm(&t->a, opcode | width, rd, map_x(right));
	put(t, width, rd);
}

static void immediate(struct translation *t, enum arithmetic arithmetic, unsigned width)
{
	enum host_reg rd = jit_target(t->op->rd);

	jit_load(t, rd, t->op->rs1);
	asm_imm(&t->a, arithmetic, width, rm_reg(rd), (int32_t)t->op->imm);
	put(t, width, rd);
}

static void extend_word(struct translation *t)
{
	enum host_reg rd = jit_target(t->op->rd);
	bool low = jit_need(&t->needs, t->op) == NEED_LOW;

	asm_rm(&t->a, low ? A_MOV : A_MOVSXD, rd, map_x(t->op->rs1));
	jit_put(t, t->op->rd, rd);
}

static void add_immediate_word(struct translation *t)
{
	if (t->op->imm)
		immediate(t, I_ADD, 0);
	else
		extend_word(t);
}

static void subtract(struct translation *t, unsigned width)
{
	enum host_reg rd = jit_target(t->op->rd);

	if (t->op->rs1) {
		binary(t, A_SUB, width, false);
		return;
	}
	jit_load(t, rd, t->op->rs2);
	asm_rm(&t->a, A_GROUP_F7 | width, F7_NEG, rm_reg(rd));
	put(t, width, rd);
}

static void add_immediate(struct translation *t)
{
	const struct op *op = t->op;
	enum host_reg rd = jit_pinned[op->rd], rs1 = jit_pinned[op->rs1];

	if (op->rd == op->rs1 && rd == NO_REG)
		asm_imm(&t->a, I_ADD, A_W, map_x(op->rd), (int32_t)op->imm);
	else if (rd != NO_REG && rs1 != NO_REG && rd != rs1)
		asm_rm(&t->a, A_LEA, rd, rm_mem(rs1, (int32_t)op->imm));
	else
		immediate(t, I_ADD, A_W);
}

static void shift_immediate(struct translation *t, enum shift shift, unsigned width)
{
	enum host_reg rd = jit_target(t->op->rd);
	unsigned by = (unsigned)t->op->imm & (width ? 63 : 31);

	jit_load(t, rd, t->op->rs1);
	asm_shift_imm(&t->a, shift, width, rd, by);
	/* A word shifted right has no sign left to extend. */
	put(t, shift == S_SHR && by ? A_W : width, rd);
}

static void shift(struct translation *t, enum shift shift, unsigned width)
{
	enum host_reg rd = target_beside(t, t->op->rs2);

	jit_load(t, RCX, t->op->rs2);
	jit_load(t, rd, t->op->rs1);
	asm_shift_cl(&t->a, shift, width, rd);
	put(t, width, rd);
}

/* rd = whether the comparison just made came out as `cond`. */
static void put_condition(struct translation *t, enum host_cond cond)
{
	enum host_reg rd = jit_target(t->op->rd);

	asm_setcc(&t->a, cond, rd);
	asm_rm(&t->a, A_MOVZX8, rd, rm_reg(rd));
	jit_put(t, t->op->rd, rd);
}

static void set_less(struct translation *t, enum host_cond cond)
{
	enum host_reg left = jit_use(t, t->op->rs1, RAX);

	asm_rm(&t->a, A_CMP | A_W, left, map_x(t->op->rs2));
	put_condition(t, cond);
}

static void set_less_immediate(struct translation *t, enum host_cond cond)
{
	asm_imm(&t->a, I_CMP, A_W, map_x(t->op->rs1), (int32_t)t->op->imm);
	put_condition(t, cond);
}

/* The upper half of a product; one operand is in RAX, the result in RDX. */
static void multiply_high(struct translation *t, unsigned kind)
{
	jit_load(t, RAX, t->op->rs1);
	asm_rm(&t->a, A_GROUP_F7 | A_W, kind, map_x(t->op->rs2));
	jit_put(t, t->op->rd, RDX);
}

/* Signed times unsigned: the unsigned product is too big by rs2 << 64 when rs1 is negative. */
static void multiply_high_mixed(struct translation *t)
{
	jit_load(t, RAX, t->op->rs1);
	asm_rm(&t->a, A_GROUP_F7 | A_W, F7_MUL, map_x(t->op->rs2));
	jit_load(t, RCX, t->op->rs1);
	asm_shift_imm(&t->a, S_SAR, A_W, RCX, 63);
	asm_rm(&t->a, A_AND | A_W, RCX, map_x(t->op->rs2));
	asm_rm(&t->a, A_SUB | A_W, RDX, rm_reg(RCX));
	jit_put(t, t->op->rd, RDX);
}

/* Division; zero and -1 as divisors are the interpreter's. */
static void divide(struct translation *t, bool is_signed, bool remainder, unsigned width)
{
	struct assembler *a = &t->a;

	asm_rm(a, A_MOV | width, RCX, map_x(t->op->rs2));
	if (is_signed) {
		asm_rm(a, A_LEA, RAX, rm_mem(RCX, 1));
		asm_imm(a, I_CMP, width, rm_reg(RAX), 1);
		jit_bail_if(t, CC_BE);
	} else {
		asm_rm(a, A_TEST | width, RCX, rm_reg(RCX));
		jit_bail_if(t, CC_E);
	}
	jit_load(t, RAX, t->op->rs1);
	if (is_signed) {
		if (width)
			asm_8(a, 0x48);
		asm_8(a, 0x99); /* CDQ, CQO */
	} else {
		asm_const(a, RDX, 0);
	}
	asm_rm(a, A_GROUP_F7 | width, is_signed ? F7_IDIV : F7_DIV, rm_reg(RCX));
	put(t, width, remainder ? RDX : RAX);
}

/* rd = (rs1 << by) + rs2; of rs1's lower half only if `word`. */
static void shift_add(struct translation *t, unsigned by, bool word)
{
	if (word)
		asm_rm(&t->a, A_MOV, RAX, map_x(t->op->rs1));
	else
		jit_load(t, RAX, t->op->rs1);
	if (by)
		asm_shift_imm(&t->a, S_SHL, A_W, RAX, by);
	asm_rm(&t->a, A_ADD | A_W, RAX, map_x(t->op->rs2));
	jit_put(t, t->op->rd, RAX);
}

/* rs1 with rs2 inverted. */
static void binary_not(struct translation *t, unsigned opcode)
{
	jit_load(t, RAX, t->op->rs2);
	asm_rm(&t->a, A_GROUP_F7 | A_W, F7_NOT, rm_reg(RAX));
	asm_rm(&t->a, opcode | A_W, RAX, map_x(t->op->rs1));
	jit_put(t, t->op->rd, RAX);
}

static void extremum(struct translation *t, enum host_cond replace)
{
	jit_load(t, RAX, t->op->rs1);
	asm_rm(&t->a, A_CMP | A_W, RAX, map_x(t->op->rs2));
	asm_rm(&t->a, (A_CMOV + replace) | A_W, RAX, map_x(t->op->rs2));
	jit_put(t, t->op->rd, RAX);
}

static void extend(struct translation *t, unsigned opcode)
{
	jit_load(t, RAX, t->op->rs1);
	asm_rm(&t->a, opcode, RAX, rm_reg(RAX));
	jit_put(t, t->op->rd, RAX);
}

/* A count of bits, on hosts that have the instruction. */
static bool count_bits(struct translation *t, bool present, unsigned opcode, unsigned width)
{
	enum host_reg rd = jit_target(t->op->rd);

	if (!present)
		return false;
	asm_rm(&t->a, opcode | width, rd, map_x(t->op->rs1));
	jit_put(t, t->op->rd, rd);
	return true;
}

static void reverse_bytes(struct translation *t)
{
	jit_load(t, RAX, t->op->rs1);
	asm_8(&t->a, 0x48);
	asm_8(&t->a, 0x0f);
	asm_8(&t->a, 0xc8);
	jit_put(t, t->op->rd, RAX);
}

/* A single-bit instruction whose bit number is in RCX. */
static void change_bit(struct translation *t, unsigned opcode)
{
	jit_load(t, RAX, t->op->rs1);
	asm_rm(&t->a, opcode, RCX, rm_reg(RAX));
	jit_put(t, t->op->rd, RAX);
}

static void extract_bit(struct translation *t)
{
	jit_load(t, RAX, t->op->rs1);
	asm_shift_cl(&t->a, S_SHR, A_W, RAX);
	asm_imm(&t->a, I_AND, 0, rm_reg(RAX), 1);
	jit_put(t, t->op->rd, RAX);
}

static bool single_bit(struct translation *t)
{
	unsigned code = t->op->code;
	bool fixed = code >= OP_BCLRI;

	if (code < OP_BCLR || code > OP_BSETI)
		return false;
	if (fixed)
		asm_const(&t->a, RCX, t->op->imm & 63);
	else
		jit_load(t, RCX, t->op->rs2);
	switch (fixed ? code - OP_BCLRI + OP_BCLR : code) {
	case OP_BCLR:
		change_bit(t, A_BTR);
		break;
	case OP_BINV:
		change_bit(t, A_BTC);
		break;
	case OP_BSET:
		change_bit(t, A_BTS);
		break;
	default:
		extract_bit(t);
	}
	return true;
}

static void constant(struct translation *t)
{
	enum host_reg rd = jit_target(t->op->rd);

	if (rd == RAX && t->op->imm == (int32_t)t->op->imm) {
		asm_store_const(&t->a, A_W, map_x(t->op->rd), (int32_t)t->op->imm);
		return;
	}
	asm_const(&t->a, rd, t->op->imm);
	jit_put(t, t->op->rd, rd);
}

static void move(struct translation *t)
{
	enum host_reg rd = jit_target(t->op->rd);

	jit_load(t, rd, t->op->rs1);
	jit_put(t, t->op->rd, rd);
}

static void page_relative(struct translation *t)
{
	enum host_reg rd = jit_target(t->op->rd);

	/* auipc's constant and the offset in the page may exceed 32 bits together. */
	jit_page_plus(t, rd, t->op->imm);
	jit_put(t, t->op->rd, rd);
}

static void zero_extended_shift(struct translation *t)
{
	asm_rm(&t->a, A_MOV, RAX, map_x(t->op->rs1));
	asm_shift_imm(&t->a, S_SHL, A_W, RAX, (unsigned)t->op->imm & 63);
	jit_put(t, t->op->rd, RAX);
}

bool jit_int(struct translation *t)
{
	const unsigned W = A_W;

	if (jit_need(&t->needs, t->op) == NEED_NONE)
		return true;
	/* clang-format off */
	switch (t->op->code) {
	case OP_CONST: constant(t); return true;
	case OP_PCREL: page_relative(t); return true;
	case OP_MV: move(t); return true;
	case OP_ADDI: add_immediate(t); return true;
	case OP_SLTI: set_less_immediate(t, CC_L); return true;
	case OP_SLTIU: set_less_immediate(t, CC_B); return true;
	case OP_XORI: immediate(t, I_XOR, W); return true;
	case OP_ORI: immediate(t, I_OR, W); return true;
	case OP_ANDI: immediate(t, I_AND, W); return true;
	case OP_SLLI: shift_immediate(t, S_SHL, W); return true;
	case OP_SRLI: shift_immediate(t, S_SHR, W); return true;
	case OP_SRAI: shift_immediate(t, S_SAR, W); return true;
	case OP_ADD: binary(t, A_ADD, W, true); return true;
	case OP_SUB: subtract(t, W); return true;
	case OP_SLL: shift(t, S_SHL, W); return true;
	case OP_SLT: set_less(t, CC_L); return true;
	case OP_SLTU: set_less(t, CC_B); return true;
	case OP_XOR: binary(t, A_XOR, W, true); return true;
	case OP_SRL: shift(t, S_SHR, W); return true;
	case OP_SRA: shift(t, S_SAR, W); return true;
	case OP_OR: binary(t, A_OR, W, true); return true;
	case OP_AND: binary(t, A_AND, W, true); return true;
	case OP_ADDIW: add_immediate_word(t); return true;
	case OP_SLLIW: shift_immediate(t, S_SHL, 0); return true;
	case OP_SRLIW: shift_immediate(t, S_SHR, 0); return true;
	case OP_SRAIW: shift_immediate(t, S_SAR, 0); return true;
	case OP_ADDW: binary(t, A_ADD, 0, true); return true;
	case OP_SUBW: subtract(t, 0); return true;
	case OP_SLLW: shift(t, S_SHL, 0); return true;
	case OP_SRLW: shift(t, S_SHR, 0); return true;
	case OP_SRAW: shift(t, S_SAR, 0); return true;
	case OP_MUL: binary(t, A_IMUL, W, true); return true;
	case OP_MULH: multiply_high(t, F7_IMUL); return true;
	case OP_MULHSU: multiply_high_mixed(t); return true;
	case OP_MULHU: multiply_high(t, F7_MUL); return true;
	case OP_DIV: divide(t, true, false, W); return true;
	case OP_DIVU: divide(t, false, false, W); return true;
	case OP_REM: divide(t, true, true, W); return true;
	case OP_REMU: divide(t, false, true, W); return true;
	case OP_MULW: binary(t, A_IMUL, 0, true); return true;
	case OP_DIVW: divide(t, true, false, 0); return true;
	case OP_DIVUW: divide(t, false, false, 0); return true;
	case OP_REMW: divide(t, true, true, 0); return true;
	case OP_REMUW: divide(t, false, true, 0); return true;
	case OP_ADD_UW: shift_add(t, 0, true); return true;
	case OP_SH1ADD: shift_add(t, 1, false); return true;
	case OP_SH2ADD: shift_add(t, 2, false); return true;
	case OP_SH3ADD: shift_add(t, 3, false); return true;
	case OP_SH1ADD_UW: shift_add(t, 1, true); return true;
	case OP_SH2ADD_UW: shift_add(t, 2, true); return true;
	case OP_SH3ADD_UW: shift_add(t, 3, true); return true;
	case OP_SLLI_UW: zero_extended_shift(t); return true;
	case OP_ANDN: binary_not(t, A_AND); return true;
	case OP_ORN: binary_not(t, A_OR); return true;
	case OP_XNOR: binary_not(t, A_XOR); return true;
	case OP_CLZ: return count_bits(t, jit_host.lzcnt, A_LZCNT, W);
	case OP_CTZ: return count_bits(t, jit_host.tzcnt, A_TZCNT, W);
	case OP_CPOP: return count_bits(t, jit_host.popcnt, A_POPCNT, W);
	case OP_CLZW: return count_bits(t, jit_host.lzcnt, A_LZCNT, 0);
	case OP_CTZW: return count_bits(t, jit_host.tzcnt, A_TZCNT, 0);
	case OP_CPOPW: return count_bits(t, jit_host.popcnt, A_POPCNT, 0);
	case OP_MAX: extremum(t, CC_L); return true;
	case OP_MAXU: extremum(t, CC_B); return true;
	case OP_MIN: extremum(t, CC_G); return true;
	case OP_MINU: extremum(t, CC_A); return true;
	case OP_SEXT_B: extend(t, A_MOVSX8); return true;
	case OP_SEXT_H: extend(t, A_MOVSX16); return true;
	case OP_ZEXT_H: extend(t, A_MOVZX16); return true;
	case OP_ROL: shift(t, S_ROL, W); return true;
	case OP_ROR: shift(t, S_ROR, W); return true;
	case OP_RORI: shift_immediate(t, S_ROR, W); return true;
	case OP_ROLW: shift(t, S_ROL, 0); return true;
	case OP_RORW: shift(t, S_ROR, 0); return true;
	case OP_RORIW: shift_immediate(t, S_ROR, 0); return true;
	case OP_REV8: reverse_bytes(t); return true;
	default: return single_bit(t);
	}
	/* clang-format on */
}
