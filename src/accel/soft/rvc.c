/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/rvc.c - expands compressed instructions ("C", unprivileged specification, chapter 16) to their long form,
 * so that there is one decoder behind.
 */
#include "accel/soft/rvc.h"

/* Bits `high`..`low` of the instruction, moved so that they start at `at`. */
#define BITS(high, low, at) ((uint32_t)(insn >> (low) & ((1u << ((high) - (low) + 1)) - 1)) << (at))
#define BIT(n, at) BITS(n, n, at)

enum {
	LOAD = 0x03,
	LOAD_FP = 0x07,
	OP_IMM = 0x13,
	OP_IMM_32 = 0x1b,
	STORE = 0x23,
	STORE_FP = 0x27,
	OP_REG = 0x33,
	LUI = 0x37,
	OP_32 = 0x3b,
	BRANCH = 0x63,
	JALR = 0x67,
	JAL = 0x6f
};

static uint32_t r_type(uint32_t opcode, uint32_t funct3, uint32_t funct7, uint32_t rd, uint32_t rs1, uint32_t rs2)
{
	return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25;
}

static uint32_t i_type(uint32_t opcode, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t imm)
{
	return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | imm << 20;
}

static uint32_t s_type(uint32_t opcode, uint32_t funct3, uint32_t rs1, uint32_t rs2, uint32_t imm)
{
	return opcode | (imm & 31) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | imm >> 5 << 25;
}

static uint32_t b_type(uint32_t funct3, uint32_t rs1, uint32_t imm)
{
	return BRANCH | (imm >> 11 & 1) << 7 | (imm >> 1 & 15) << 8 | funct3 << 12 | rs1 << 15 | (imm >> 5 & 63) << 25 |
	       (imm >> 12 & 1) << 31;
}

static uint32_t j_type(uint32_t rd, uint32_t imm)
{
	return JAL | rd << 7 | (imm & 0xff000) | (imm >> 11 & 1) << 20 | (imm >> 1 & 0x3ff) << 21 |
	       (imm >> 20 & 1) << 31;
}

/* The 6-bit immediate at 12 and 6..2, sign-extended. */
static uint32_t imm6(uint32_t insn)
{
	return (BITS(6, 2, 0) | BIT(12, 5)) - BIT(12, 6);
}

static uint32_t quadrant0(uint32_t insn)
{
	uint32_t rd = BITS(4, 2, 0) + 8, rs1 = BITS(9, 7, 0) + 8;
	uint32_t w = BITS(12, 10, 3) | BIT(6, 2) | BIT(5, 6), d = BITS(12, 10, 3) | BITS(6, 5, 6);
	uint32_t spn = BITS(12, 11, 4) | BITS(10, 7, 6) | BIT(6, 2) | BIT(5, 3);

	switch (insn >> 13) {
	case 0: /* c.addi4spn */
		return spn ? i_type(OP_IMM, 0, rd, 2, spn) : 0;
	case 1: /* c.fld */
		return i_type(LOAD_FP, 3, rd, rs1, d);
	case 2: /* c.lw */
		return i_type(LOAD, 2, rd, rs1, w);
	case 3: /* c.ld */
		return i_type(LOAD, 3, rd, rs1, d);
	case 5: /* c.fsd */
		return s_type(STORE_FP, 3, rs1, rd, d);
	case 6: /* c.sw */
		return s_type(STORE, 2, rs1, rd, w);
	case 7: /* c.sd */
		return s_type(STORE, 3, rs1, rd, d);
	default:
		return 0;
	}
}

/* c.srli, c.srai, c.andi and the register-register group. */
static uint32_t arithmetic(uint32_t insn)
{
	static const struct {
		uint8_t opcode, funct3, funct7;
	} ops[8] = {{OP_REG, 0, 0x20}, {OP_REG, 4, 0}, {OP_REG, 6, 0}, {OP_REG, 7, 0}, {OP_32, 0, 0x20}, {OP_32, 0, 0}};
	uint32_t rd = BITS(9, 7, 0) + 8, rs2 = BITS(4, 2, 0) + 8, shift = BITS(6, 2, 0) | BIT(12, 5);
	unsigned op = BIT(12, 2) | BITS(6, 5, 0);

	switch (BITS(11, 10, 0)) {
	case 0:
		return i_type(OP_IMM, 5, rd, rd, shift);
	case 1:
		return i_type(OP_IMM, 5, rd, rd, 0x400 | shift);
	case 2:
		return i_type(OP_IMM, 7, rd, rd, imm6(insn));
	default:
		return ops[op].opcode ? r_type(ops[op].opcode, ops[op].funct3, ops[op].funct7, rd, rd, rs2) : 0;
	}
}

static uint32_t quadrant1(uint32_t insn)
{
	uint32_t rd = BITS(11, 7, 0), imm = imm6(insn);
	uint32_t jump = (BITS(5, 3, 1) | BIT(11, 4) | BIT(2, 5) | BIT(7, 6) | BIT(6, 7) | BITS(10, 9, 8) | BIT(8, 10)) -
			BIT(12, 11);
	uint32_t branch = (BITS(4, 3, 1) | BITS(11, 10, 3) | BIT(2, 5) | BITS(6, 5, 6)) - BIT(12, 8);
	uint32_t sp16 = (BIT(6, 4) | BIT(2, 5) | BIT(5, 6) | BITS(4, 3, 7)) - BIT(12, 9);

	switch (insn >> 13) {
	case 0: /* c.addi */
		return i_type(OP_IMM, 0, rd, rd, imm);
	case 1: /* c.addiw */
		return rd ? i_type(OP_IMM_32, 0, rd, rd, imm) : 0;
	case 2: /* c.li */
		return i_type(OP_IMM, 0, rd, 0, imm);
	case 3:
		if (rd == 2) /* c.addi16sp */
			return sp16 ? i_type(OP_IMM, 0, 2, 2, sp16) : 0;
		return imm ? LUI | rd << 7 | imm << 12 : 0;
	case 4:
		return arithmetic(insn);
	case 5: /* c.j */
		return j_type(0, jump);
	case 6: /* c.beqz */
		return b_type(0, BITS(9, 7, 0) + 8, branch);
	default: /* c.bnez */
		return b_type(1, BITS(9, 7, 0) + 8, branch);
	}
}

static uint32_t quadrant2(uint32_t insn)
{
	uint32_t rd = BITS(11, 7, 0), rs2 = BITS(6, 2, 0);
	uint32_t lw = BIT(12, 5) | BITS(6, 4, 2) | BITS(3, 2, 6), ld = BIT(12, 5) | BITS(6, 5, 3) | BITS(4, 2, 6);
	uint32_t sw = BITS(12, 9, 2) | BITS(8, 7, 6), sd = BITS(12, 10, 3) | BITS(9, 7, 6);

	switch (insn >> 13) {
	case 0: /* c.slli */
		return i_type(OP_IMM, 1, rd, rd, BIT(12, 5) | rs2);
	case 1: /* c.fldsp */
		return i_type(LOAD_FP, 3, rd, 2, ld);
	case 2: /* c.lwsp */
		return rd ? i_type(LOAD, 2, rd, 2, lw) : 0;
	case 3: /* c.ldsp */
		return rd ? i_type(LOAD, 3, rd, 2, ld) : 0;
	case 4:
		if (rs2) /* c.mv, c.add */
			return r_type(OP_REG, 0, 0, rd, insn & 0x1000 ? rd : 0, rs2);
		if (rd) /* c.jr, c.jalr */
			return i_type(JALR, 0, insn >> 12 & 1, rd, 0);
		return insn & 0x1000 ? 0x00100073 : 0; /* c.ebreak */
	case 5:					       /* c.fsdsp */
		return s_type(STORE_FP, 3, 2, rs2, sd);
	case 6: /* c.swsp */
		return s_type(STORE, 2, 2, rs2, sw);
	default: /* c.sdsp */
		return s_type(STORE, 3, 2, rs2, sd);
	}
}

uint32_t rvc_expand(uint16_t insn)
{
	switch (insn & 3) {
	case 0:
		return quadrant0(insn);
	case 1:
		return quadrant1(insn);
	case 2:
		return quadrant2(insn);
	default:
		return 0;
	}
}
