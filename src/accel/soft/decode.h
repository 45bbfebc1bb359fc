/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/decode.h - from an instruction word to an op. Knows encodings, not what they do.
 */
#pragma once

#include <stdint.h>

#include "accel/soft/op.h"

static inline unsigned insn_length(uint16_t first_half)
{
	return (first_half & 3) == 3 ? 4 : 2;
}

/*
 * Decodes a 32-bit instruction, or a 16-bit one with zeroes above. Fills code, rd, rs1, rs2 and imm; jumps come out
 * near with the distance from the instruction as imm. What is no instruction becomes OP_ILLEGAL.
 */
void decode(struct op *op, uint32_t insn);

/* The part of decode() for opcodes that work on floating-point registers; false: illegal. */
int decode_fp(struct op *op, uint32_t insn);

static inline int64_t insn_imm_i(uint32_t insn)
{
	return (int32_t)insn >> 20;
}

static inline int64_t insn_imm_s(uint32_t insn)
{
	return ((int32_t)insn >> 25) * 32 | (int32_t)(insn >> 7 & 31);
}

/* Rounding modes as encoded in instructions and in frm. */
enum fp_rounding { RNE, RTZ, RDN, RUP, RMM, RM_DYNAMIC = 7 };

#define INSN_RD(insn) ((insn) >> 7 & 31)
#define INSN_RS1(insn) ((insn) >> 15 & 31)
#define INSN_RS2(insn) ((insn) >> 20 & 31)
#define INSN_FUNCT3(insn) ((insn) >> 12 & 7)
#define INSN_FUNCT7(insn) ((insn) >> 25)
