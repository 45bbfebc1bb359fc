/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/fp.c - templates of floating point on SSE: MXCSR rounds as frm says and collects the flags. A NaN as a
 * result, an operand that is not boxed and all conversions that saturate bail before anything is written; what the host
 * did until then left only flags that the interpreter raises again.
 */
#include "accel/soft/fp.h"
#include "accel/soft/decode.h"
#include "accel/soft/jit/host.h"
#include "accel/soft/jit/translate.h"

enum { XMM0, XMM1 };

static struct rm rm_xmm(unsigned xmm)
{
	return (struct rm){.reg = (uint8_t)xmm};
}

/* Scalar opcodes; SINGLE or DOUBLE is added. */
#define SINGLE (A_0F | A_F3)
#define DOUBLE (A_0F | A_F2)
enum {
	F_LOAD = 0x10,
	F_STORE = 0x11,
	F_FROM_INT = 0x2a,
	F_TO_INT_TRUNCATED = 0x2c,
	F_TO_INT = 0x2d,
	F_SQRT = 0x51,
	F_ADD = 0x58,
	F_MUL = 0x59,
	F_CONVERT = 0x5a, /* from the format named to the other */
	F_SUB = 0x5c,
	F_MIN = 0x5d,
	F_DIV = 0x5e,
	F_MAX = 0x5f,
};
enum { COMPARE_QUIET = 0x2e | A_0F, COMPARE_SIGNALING = 0x2f | A_0F }; /* singles; A_66 for doubles */

void jit_fp_need(struct translation *t, enum fp_known state)
{
	if (t->fp >= state)
		return;
	asm_rm(&t->a, 0x80, I_CMP,
	       state == FP_KNOWN_ON	 ? HART(fp_on)
	       : state == FP_KNOWN_DIRTY ? HART(fp_dirty)
					 : HART(fp_ready));
	asm_8(&t->a, 0);
	jit_bail_if(t, CC_E);
	t->fp = state;
}

/* Singles must be boxed: anything else reads as a NaN. */
static void need_boxed(struct translation *t, unsigned format, unsigned reg)
{
	if (format != SINGLE)
		return;
	asm_imm(&t->a, I_CMP, 0, map_f_box(reg), -1);
	jit_bail_if(t, CC_NE);
}

static void load(struct translation *t, unsigned format, unsigned xmm, unsigned reg)
{
	asm_rm(&t->a, F_LOAD | format, xmm, map_f(reg));
}

static void compare(struct translation *t, unsigned format, unsigned opcode, unsigned xmm, struct rm other)
{
	asm_rm(&t->a, opcode | (format == DOUBLE ? A_66 : 0), xmm, other);
}

static void box(struct translation *t)
{
	asm_store_const(&t->a, 0, map_f_box(t->op->rd), -1);
}

/* rd = XMM0, which is no NaN. */
static void put(struct translation *t, unsigned format)
{
	compare(t, format, COMPARE_QUIET, XMM0, rm_xmm(XMM0));
	jit_bail_if(t, CC_P);
	asm_rm(&t->a, F_STORE | format, XMM0, map_f(t->op->rd));
	if (format == SINGLE)
		box(t);
}

static bool binary(struct translation *t, unsigned format, unsigned opcode)
{
	const struct op *op = t->op;

	jit_fp_need(t, FP_KNOWN_READY);
	need_boxed(t, format, op->rs1);
	need_boxed(t, format, op->rs2);
	load(t, format, XMM0, op->rs1);
	asm_rm(&t->a, opcode | format, XMM0, map_f(op->rs2));
	put(t, format);
	return true;
}

static bool square_root(struct translation *t, unsigned format)
{
	jit_fp_need(t, FP_KNOWN_READY);
	need_boxed(t, format, t->op->rs1);
	load(t, format, XMM0, t->op->rs1);
	asm_rm(&t->a, F_SQRT | format, XMM0, rm_xmm(XMM0));
	put(t, format);
	return true;
}

/* `kind` counts fmadd, fmsub, fnmsub, fnmadd. RISC-V's "n" negates the product, x86's only the one of fmadd. */
static bool multiply_add(struct translation *t, unsigned format, unsigned kind)
{
	static const uint8_t opcodes[] = {0xa9, 0xab, 0xad, 0xaf}; /* VFMADD213, VFMSUB213, VFNMADD213, VFNMSUB213 */
	const struct op *op = t->op;
	unsigned rs3 = (uint32_t)op->imm >> 27;

	if (!jit_host.fma)
		return false;
	jit_fp_need(t, FP_KNOWN_READY);
	need_boxed(t, format, op->rs1);
	need_boxed(t, format, op->rs2);
	need_boxed(t, format, rs3);
	load(t, format, XMM0, op->rs1);
	load(t, format, XMM1, op->rs2);
	asm_fma(&t->a, opcodes[kind], format == DOUBLE, XMM0, XMM1, map_f(rs3));
	put(t, format);
	return true;
}

/* From the other format. */
static bool convert(struct translation *t, unsigned from, unsigned to, enum fp_known state)
{
	jit_fp_need(t, state);
	need_boxed(t, from, t->op->rs1);
	load(t, from, XMM0, t->op->rs1);
	asm_rm(&t->a, F_CONVERT | from, XMM0, rm_xmm(XMM0));
	put(t, to);
	return true;
}

/* From an integer in `from`, 64 bits (A_W) or 32 wide. */
static void from_int(struct translation *t, unsigned format, unsigned width, struct rm from)
{
	/* Cleared first: the instruction leaves the rest of the register as it was, and would wait for it. */
	asm_rm(&t->a, 0xef | A_0F | A_66, XMM0, rm_xmm(XMM0));
	asm_rm(&t->a, F_FROM_INT | format | width, XMM0, from);
	asm_rm(&t->a, F_STORE | format, XMM0, map_f(t->op->rd));
	if (format == SINGLE)
		box(t);
}

static bool from_signed(struct translation *t, unsigned format, unsigned width, enum fp_known state)
{
	jit_fp_need(t, state);
	from_int(t, format, width, map_x(t->op->rs1));
	return true;
}

static bool from_unsigned_word(struct translation *t, unsigned format, enum fp_known state)
{
	jit_fp_need(t, state);
	asm_rm(&t->a, A_MOV, RAX, map_x(t->op->rs1));
	from_int(t, format, A_W, rm_reg(RAX));
	return true;
}

/* What has its upper bit set bails. */
static bool from_unsigned(struct translation *t, unsigned format)
{
	jit_fp_need(t, FP_KNOWN_READY);
	jit_load(t, RAX, t->op->rs1);
	asm_rm(&t->a, A_TEST | A_W, RAX, rm_reg(RAX));
	jit_bail_if(t, CC_L);
	from_int(t, format, A_W, rm_reg(RAX));
	return true;
}

/*
 * To a signed integer, towards zero or as frm says. What does not fit comes out as the smallest integer and bails; both
 * sides raise the invalid flag alone for it.
 */
static bool to_int(struct translation *t, unsigned format)
{
	const struct op *op = t->op;
	unsigned kind = INSN_RS2((uint32_t)op->imm), width = kind == FP_L ? A_W : 0;

	if ((kind != FP_W && kind != FP_L) || (op->rs2 != RTZ && op->rs2 != RM_DYNAMIC))
		return false;
	jit_fp_need(t, op->rs2 == RTZ ? FP_KNOWN_DIRTY : FP_KNOWN_READY);
	need_boxed(t, format, op->rs1);
	asm_rm(&t->a, (op->rs2 == RTZ ? F_TO_INT_TRUNCATED : F_TO_INT) | format | width, RAX, map_f(op->rs1));
	asm_imm(&t->a, I_CMP, width, rm_reg(RAX), 1);
	jit_bail_if(t, CC_O);
	if (!width)
		asm_rm(&t->a, A_MOVSXD, RAX, rm_reg(RAX));
	jit_put(t, op->rd, RAX);
	return true;
}

/* The operands are swapped for "less", so that unordered meets none of the conditions. */
static bool put_comparison(struct translation *t, unsigned format, enum host_cond cond)
{
	const struct op *op = t->op;
	enum host_reg rd = jit_target(op->rd);
	bool equal = cond == CC_E;

	jit_fp_need(t, FP_KNOWN_DIRTY);
	need_boxed(t, format, op->rs1);
	need_boxed(t, format, op->rs2);
	load(t, format, XMM0, equal ? op->rs1 : op->rs2);
	compare(t, format, equal ? COMPARE_QUIET : COMPARE_SIGNALING, XMM0, map_f(equal ? op->rs2 : op->rs1));
	asm_setcc(&t->a, cond, RAX);
	if (equal) {
		asm_setcc(&t->a, CC_NP, RCX);
		asm_rm(&t->a, A_AND, RAX, rm_reg(RCX));
	}
	asm_rm(&t->a, A_MOVZX8, rd, rm_reg(RAX));
	jit_put(t, op->rd, rd);
	return true;
}

/* Equal operands may be zeroes of both signs, and NaNs lose: both bail. */
static bool extremum(struct translation *t, unsigned format, unsigned opcode)
{
	const struct op *op = t->op;

	jit_fp_need(t, FP_KNOWN_DIRTY);
	need_boxed(t, format, op->rs1);
	need_boxed(t, format, op->rs2);
	load(t, format, XMM0, op->rs1);
	compare(t, format, COMPARE_QUIET, XMM0, map_f(op->rs2));
	jit_bail_if(t, CC_E);
	asm_rm(&t->a, opcode | format, XMM0, map_f(op->rs2));
	put(t, format);
	return true;
}

enum sign { SIGN_COPY, SIGN_NEGATE, SIGN_XOR };

/* rs1 with the sign that comes of rs2's. */
static bool inject_sign(struct translation *t, unsigned format, enum sign how)
{
	struct assembler *a = &t->a;
	const struct op *op = t->op;
	unsigned width = format == DOUBLE ? A_W : 0, sign = width ? 63 : 31;

	jit_fp_need(t, FP_KNOWN_DIRTY);
	need_boxed(t, format, op->rs1);
	need_boxed(t, format, op->rs2);
	asm_rm(a, A_MOV | width, RAX, map_f(op->rs1));
	asm_rm(a, A_MOV | width, RCX, map_f(op->rs2));
	if (how == SIGN_NEGATE)
		asm_rm(a, A_GROUP_F7 | width, F7_NOT, rm_reg(RCX));
	asm_shift_imm(a, S_SHR, width, RCX, sign);
	asm_shift_imm(a, S_SHL, width, RCX, sign);
	if (how != SIGN_XOR) {
		asm_shift_imm(a, S_SHL, width, RAX, 1);
		asm_shift_imm(a, S_SHR, width, RAX, 1);
	}
	asm_rm(a, A_XOR | width, RAX, rm_reg(RCX));
	asm_rm(a, A_STORE | width, RAX, map_f(op->rd));
	if (!width)
		box(t);
	return true;
}

static bool move_to_int(struct translation *t, unsigned opcode)
{
	enum host_reg rd = jit_target(t->op->rd);

	jit_fp_need(t, FP_KNOWN_ON);
	asm_rm(&t->a, opcode, rd, map_f(t->op->rs1));
	jit_put(t, t->op->rd, rd);
	return true;
}

static bool move_from_int(struct translation *t, unsigned format)
{
	jit_fp_need(t, FP_KNOWN_DIRTY);
	asm_rm(&t->a, A_STORE | (format == DOUBLE ? A_W : 0), jit_use(t, t->op->rs1, RAX), map_f(t->op->rd));
	if (format == SINGLE)
		box(t);
	return true;
}

/* The ops that both formats have, by their distance from FADD_S (FADD_D) and from FSGNJ_S (FSGNJ_D). */
static bool rounded(struct translation *t, unsigned format, unsigned which)
{
	static const uint8_t opcodes[] = {F_ADD, F_SUB, F_MUL, F_DIV};

	if (which < 4)
		return binary(t, format, opcodes[which]);
	return which == 4 ? square_root(t, format) : multiply_add(t, format, which - 5);
}

static bool exact(struct translation *t, unsigned format, unsigned which)
{
	static const uint8_t conditions[] = {CC_E, CC_A, CC_AE};

	if (which < 3)
		return inject_sign(t, format, which);
	if (which < 5)
		return extremum(t, format, which == 3 ? F_MIN : F_MAX);
	return which < 8 && put_comparison(t, format, conditions[which - 5]);
}

bool jit_fp(struct translation *t)
{
	unsigned code = t->op->code;

	if (code >= OP_FADD_S && code <= OP_FNMADD_S)
		return rounded(t, SINGLE, code - OP_FADD_S);
	if (code >= OP_FADD_D && code <= OP_FNMADD_D)
		return rounded(t, DOUBLE, code - OP_FADD_D);
	if (code >= OP_FSGNJ_S && code <= OP_FCLASS_S)
		return exact(t, SINGLE, code - OP_FSGNJ_S);
	if (code >= OP_FSGNJ_D && code <= OP_FCLASS_D)
		return exact(t, DOUBLE, code - OP_FSGNJ_D);
	switch (code) {
	case OP_FCVT_S_W:
		return from_signed(t, SINGLE, 0, FP_KNOWN_READY);
	case OP_FCVT_S_WU:
		return from_unsigned_word(t, SINGLE, FP_KNOWN_READY);
	case OP_FCVT_S_L:
		return from_signed(t, SINGLE, A_W, FP_KNOWN_READY);
	case OP_FCVT_S_LU:
		return from_unsigned(t, SINGLE);
	case OP_FCVT_D_W:
		return from_signed(t, DOUBLE, 0, FP_KNOWN_DIRTY);
	case OP_FCVT_D_WU:
		return from_unsigned_word(t, DOUBLE, FP_KNOWN_DIRTY);
	case OP_FCVT_D_L:
		return from_signed(t, DOUBLE, A_W, FP_KNOWN_READY);
	case OP_FCVT_D_LU:
		return from_unsigned(t, DOUBLE);
	case OP_FCVT_S_D:
		return convert(t, DOUBLE, SINGLE, FP_KNOWN_READY);
	case OP_FCVT_D_S:
		return convert(t, SINGLE, DOUBLE, FP_KNOWN_DIRTY);
	case OP_FTOI_S:
		return to_int(t, SINGLE);
	case OP_FTOI_D:
		return to_int(t, DOUBLE);
	case OP_FMV_X_W:
		return move_to_int(t, A_MOVSXD);
	case OP_FMV_X_D:
		return move_to_int(t, A_MOV | A_W);
	case OP_FMV_W_X:
		return move_from_int(t, SINGLE);
	case OP_FMV_D_X:
		return move_from_int(t, DOUBLE);
	default:
		return false;
	}
}
