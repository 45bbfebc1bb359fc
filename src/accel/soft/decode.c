/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/decode.c - the decoder of RV64IMA, Zba, Zbb, Zbs, Zicsr and Zifencei.
 */
#include "accel/soft/decode.h"

#include <stdbool.h>

#include "accel/soft/rvc.h"

#define NONE OP_COUNT

static int64_t imm_b(uint32_t insn)
{
	return ((int32_t)insn >> 31) * 4096 |
	       (int32_t)((insn >> 7 & 1) << 11 | (insn >> 25 & 63) << 5 | (insn >> 8 & 15) << 1);
}

static int64_t imm_j(uint32_t insn)
{
	return ((int32_t)insn >> 31) * (1 << 20) |
	       (int32_t)((insn & 0xff000) | (insn >> 20 & 1) << 11 | (insn >> 21 & 0x3ff) << 1);
}

static int64_t imm_u(uint32_t insn)
{
	return (int32_t)(insn & 0xfffff000);
}

static unsigned decode_load(uint32_t insn)
{
	static const uint8_t codes[8] = {OP_LB, OP_LH, OP_LW, OP_LD, OP_LBU, OP_LHU, OP_LWU, NONE};

	return codes[INSN_FUNCT3(insn)];
}

static unsigned decode_branch(uint32_t insn)
{
	static const uint8_t codes[8] = {OP_BEQ, OP_BNE, NONE, NONE, OP_BLT, OP_BGE, OP_BLTU, OP_BGEU};

	return codes[INSN_FUNCT3(insn)];
}

/* The unary group of Zbb, told apart by all of imm. */
static unsigned decode_unary(uint32_t insn)
{
	switch (insn >> 20) {
	case 0x600:
		return OP_CLZ;
	case 0x601:
		return OP_CTZ;
	case 0x602:
		return OP_CPOP;
	case 0x604:
		return OP_SEXT_B;
	case 0x605:
		return OP_SEXT_H;
	default:
		return NONE;
	}
}

/* Shifts and single-bit instructions: a 6-bit amount under a 6-bit function. */
static unsigned decode_shift_imm(uint32_t insn)
{
	bool left = INSN_FUNCT3(insn) == 1;

	switch (insn >> 26) {
	case 0x00:
		return left ? OP_SLLI : OP_SRLI;
	case 0x10:
		return left ? NONE : OP_SRAI;
	case 0x0a:
		return left ? OP_BSETI : insn >> 20 == 0x287 ? OP_ORC_B : NONE;
	case 0x12:
		return left ? OP_BCLRI : OP_BEXTI;
	case 0x18:
		return left ? decode_unary(insn) : OP_RORI;
	case 0x1a:
		return left ? OP_BINVI : insn >> 20 == 0x6b8 ? OP_REV8 : NONE;
	default:
		return NONE;
	}
}

static unsigned decode_op_imm(struct op *op, uint32_t insn)
{
	static const uint8_t codes[8] = {OP_ADDI, NONE, OP_SLTI, OP_SLTIU, OP_XORI, NONE, OP_ORI, OP_ANDI};
	unsigned funct3 = INSN_FUNCT3(insn);

	if (funct3 != 1 && funct3 != 5)
		return codes[funct3];
	op->imm &= 63;
	return decode_shift_imm(insn);
}

static unsigned decode_op_imm_32(struct op *op, uint32_t insn)
{
	unsigned funct3 = INSN_FUNCT3(insn), funct7 = INSN_FUNCT7(insn);

	if (funct3 == 0)
		return OP_ADDIW;
	if (funct3 != 1 && funct3 != 5)
		return NONE;
	op->imm &= 63;
	if (funct3 == 1 && funct7 >> 1 == 0x02)
		return OP_SLLI_UW;
	if (funct3 == 1 && funct7 == 0x30)
		return op->rs2 == 0 ? OP_CLZW : op->rs2 == 1 ? OP_CTZW : op->rs2 == 2 ? OP_CPOPW : NONE;
	switch (funct7) {
	case 0x00:
		return funct3 == 1 ? OP_SLLIW : OP_SRLIW;
	case 0x20:
		return funct3 == 5 ? OP_SRAIW : NONE;
	case 0x30:
		return funct3 == 5 ? OP_RORIW : NONE;
	default:
		return NONE;
	}
}

/* A table of register-register instructions: one row a funct7. */
struct funct7_row {
	uint8_t funct7;
	uint8_t codes[8];
};

static unsigned decode_row(const struct funct7_row *rows, unsigned count, uint32_t insn)
{
	for (unsigned i = 0; i < count; i++)
		if (rows[i].funct7 == INSN_FUNCT7(insn))
			return rows[i].codes[INSN_FUNCT3(insn)];
	return NONE;
}

static unsigned decode_op(uint32_t insn)
{
	static const struct funct7_row rows[] = {
		{0x00, {OP_ADD, OP_SLL, OP_SLT, OP_SLTU, OP_XOR, OP_SRL, OP_OR, OP_AND}},
		{0x01, {OP_MUL, OP_MULH, OP_MULHSU, OP_MULHU, OP_DIV, OP_DIVU, OP_REM, OP_REMU}},
		{0x20, {OP_SUB, NONE, NONE, NONE, OP_XNOR, OP_SRA, OP_ORN, OP_ANDN}},
		{0x10, {NONE, NONE, OP_SH1ADD, NONE, OP_SH2ADD, NONE, OP_SH3ADD, NONE}},
		{0x05, {NONE, NONE, NONE, NONE, OP_MIN, OP_MINU, OP_MAX, OP_MAXU}},
		{0x30, {NONE, OP_ROL, NONE, NONE, NONE, OP_ROR, NONE, NONE}},
		{0x14, {NONE, OP_BSET, NONE, NONE, NONE, NONE, NONE, NONE}},
		{0x24, {NONE, OP_BCLR, NONE, NONE, NONE, OP_BEXT, NONE, NONE}},
		{0x34, {NONE, OP_BINV, NONE, NONE, NONE, NONE, NONE, NONE}},
	};

	return decode_row(rows, sizeof(rows) / sizeof(rows[0]), insn);
}

static unsigned decode_op_32(uint32_t insn)
{
	static const struct funct7_row rows[] = {
		{0x00, {OP_ADDW, OP_SLLW, NONE, NONE, NONE, OP_SRLW, NONE, NONE}},
		{0x01, {OP_MULW, NONE, NONE, NONE, OP_DIVW, OP_DIVUW, OP_REMW, OP_REMUW}},
		{0x20, {OP_SUBW, NONE, NONE, NONE, NONE, OP_SRAW, NONE, NONE}},
		{0x04, {OP_ADD_UW, NONE, NONE, NONE, NONE, NONE, NONE, NONE}},
		{0x10, {NONE, NONE, OP_SH1ADD_UW, NONE, OP_SH2ADD_UW, NONE, OP_SH3ADD_UW, NONE}},
		{0x30, {NONE, OP_ROLW, NONE, NONE, NONE, OP_RORW, NONE, NONE}},
	};

	if (INSN_FUNCT7(insn) == 0x04 && INSN_FUNCT3(insn) == 4)
		return INSN_RS2(insn) == 0 ? OP_ZEXT_H : NONE;
	return decode_row(rows, sizeof(rows) / sizeof(rows[0]), insn);
}

static unsigned decode_atomic(uint32_t insn)
{
	static const uint8_t words[32] = {
		[0x00] = OP_AMOADD_W, [0x01] = OP_AMOSWAP_W, [0x02] = OP_LR_W,	    [0x03] = OP_SC_W,
		[0x04] = OP_AMOXOR_W, [0x08] = OP_AMOOR_W,   [0x0c] = OP_AMOAND_W,  [0x10] = OP_AMOMIN_W,
		[0x14] = OP_AMOMAX_W, [0x18] = OP_AMOMINU_W, [0x1c] = OP_AMOMAXU_W,
	};
	unsigned funct5 = insn >> 27, code = words[funct5], funct3 = INSN_FUNCT3(insn);

	if (!code || (funct3 != 2 && funct3 != 3) || (funct5 == 0x02 && INSN_RS2(insn)))
		return NONE;
	if (funct3 == 2)
		return code;
	return code + (funct5 == 0x02 || funct5 == 0x03 ? OP_LR_D - OP_LR_W : OP_AMOSWAP_D - OP_AMOSWAP_W);
}

static unsigned decode_system(struct op *op, uint32_t insn)
{
	if (INSN_FUNCT3(insn) != 0) {
		op->imm = insn;
		return INSN_FUNCT3(insn) == 4 ? NONE : OP_CSR;
	}
	if (INSN_RD(insn) != 0)
		return NONE;
	if (INSN_FUNCT7(insn) == 0x09)
		return OP_SFENCE_VMA;
	switch (insn) {
	case 0x00000073:
		return OP_ECALL;
	case 0x00100073:
		return OP_EBREAK;
	case 0x10200073:
		return OP_SRET;
	case 0x10500073:
		return OP_WFI;
	default:
		return NONE;
	}
}

/* Fields that a FENCE does not use are reserved and to be ignored; imm tells whether it orders writes before reads. */
static unsigned decode_fence(struct op *op, uint32_t insn)
{
	unsigned before = insn >> 24 & 15, after = insn >> 20 & 15;

	if (INSN_FUNCT3(insn) == 1)
		return OP_FENCE_I;
	if (INSN_FUNCT3(insn) != 0)
		return NONE;
	op->imm = (before & 5) && (after & 10);
	if (insn >> 28 == 8 && before == 3 && after == 3) /* fence.tso */
		op->imm = 0;
	return OP_FENCE;
}

static void set_imm(struct op *op, int64_t imm)
{
	op->imm = imm;
}

static unsigned decode_long(struct op *op, uint32_t insn)
{
	switch (insn & 0x7f) {
	case 0x03:
		return decode_load(insn);
	case 0x0f:
		return decode_fence(op, insn);
	case 0x13:
		return decode_op_imm(op, insn);
	case 0x17:
		set_imm(op, imm_u(insn));
		return OP_PCREL;
	case 0x1b:
		return decode_op_imm_32(op, insn);
	case 0x23:
		set_imm(op, insn_imm_s(insn));
		return INSN_FUNCT3(insn) < 4 ? OP_SB + INSN_FUNCT3(insn) : NONE;
	case 0x2f:
		return decode_atomic(insn);
	case 0x33:
		return decode_op(insn);
	case 0x37:
		set_imm(op, imm_u(insn));
		return OP_CONST;
	case 0x3b:
		return decode_op_32(insn);
	case 0x63:
		set_imm(op, imm_b(insn));
		return decode_branch(insn);
	case 0x67:
		return INSN_FUNCT3(insn) == 0 ? OP_JALR : NONE;
	case 0x6f:
		set_imm(op, imm_j(insn));
		return OP_JAL;
	case 0x73:
		return decode_system(op, insn);
	case 0x07:
	case 0x27:
	case 0x43:
	case 0x47:
	case 0x4b:
	case 0x4f:
	case 0x53:
		return decode_fp(op, insn) ? op->code : NONE;
	default:
		return NONE;
	}
}

/* What the long forms of c.li and c.mv come to. */
static unsigned simpler(struct op *op, unsigned code)
{
	if (code == OP_ADDI && op->rs1 == 0)
		return OP_CONST;
	if (code == OP_ADDI && op->imm == 0)
		return OP_MV;
	if (code == OP_ADD && op->rs1 == 0) {
		op->rs1 = op->rs2;
		return OP_MV;
	}
	return code;
}

void decode(struct op *op, uint32_t insn)
{
	uint32_t full = insn_length(insn) == 4 ? insn : rvc_expand(insn);
	unsigned rd = INSN_RD(full), code;

	op->rd = rd ? rd : REG_SINK;
	op->rs1 = INSN_RS1(full);
	op->rs2 = INSN_RS2(full);
	op->imm = insn_imm_i(full);
	code = full ? decode_long(op, full) : NONE;
	if (code == NONE) {
		code = OP_ILLEGAL;
		op->imm = insn;
	}
	op->code = simpler(op, code);
}
