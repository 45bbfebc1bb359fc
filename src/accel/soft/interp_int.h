/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp_int.h - part of interp_run(): integer computation. No pragma once: this is a piece of a function.
 */
/* These are labels and statements, which clang-format takes for declarations. */
/* clang-format off */

#define SEXT_W(value) ((int64_t)(int32_t)(value))

SIMPLE(CONST, RD = IMM);
SIMPLE(PCREL, RD = page + IMM);
SIMPLE(MV, RD = RS1);
SIMPLE(ADDI, RD = RS1 + IMM);
SIMPLE(SLTI, RD = (int64_t)RS1 < IMM);
SIMPLE(SLTIU, RD = RS1 < (uint64_t)IMM);
SIMPLE(XORI, RD = RS1 ^ IMM);
SIMPLE(ORI, RD = RS1 | IMM);
SIMPLE(ANDI, RD = RS1 & IMM);
SIMPLE(SLLI, RD = RS1 << IMM);
SIMPLE(SRLI, RD = RS1 >> IMM);
SIMPLE(SRAI, RD = (int64_t)RS1 >> IMM);
SIMPLE(ADD, RD = RS1 + RS2);
SIMPLE(SUB, RD = RS1 - RS2);
SIMPLE(SLL, RD = RS1 << (RS2 & 63));
SIMPLE(SLT, RD = (int64_t)RS1 < (int64_t)RS2);
SIMPLE(SLTU, RD = RS1 < RS2);
SIMPLE(XOR, RD = RS1 ^ RS2);
SIMPLE(SRL, RD = RS1 >> (RS2 & 63));
SIMPLE(SRA, RD = (int64_t)RS1 >> (RS2 & 63));
SIMPLE(OR, RD = RS1 | RS2);
SIMPLE(AND, RD = RS1 & RS2);
SIMPLE(ADDIW, RD = SEXT_W(RS1 + IMM));
SIMPLE(SLLIW, RD = SEXT_W((uint32_t)RS1 << IMM));
SIMPLE(SRLIW, RD = SEXT_W((uint32_t)RS1 >> IMM));
SIMPLE(SRAIW, RD = SEXT_W((int32_t)RS1 >> IMM));
SIMPLE(ADDW, RD = SEXT_W(RS1 + RS2));
SIMPLE(SUBW, RD = SEXT_W(RS1 - RS2));
SIMPLE(SLLW, RD = SEXT_W((uint32_t)RS1 << (RS2 & 31)));
SIMPLE(SRLW, RD = SEXT_W((uint32_t)RS1 >> (RS2 & 31)));
SIMPLE(SRAW, RD = SEXT_W((int32_t)RS1 >> (RS2 & 31)));

SIMPLE(MUL, RD = RS1 * RS2);
SIMPLE(MULH, RD = high_signed(RS1, RS2));
SIMPLE(MULHSU, RD = high_mixed(RS1, RS2));
SIMPLE(MULHU, RD = high_unsigned(RS1, RS2));
SIMPLE(DIV, RD = div_d(RS1, RS2));
SIMPLE(DIVU, RD = divu_d(RS1, RS2));
SIMPLE(REM, RD = rem_d(RS1, RS2));
SIMPLE(REMU, RD = remu_d(RS1, RS2));
SIMPLE(MULW, RD = SEXT_W((uint32_t)RS1 * (uint32_t)RS2));
SIMPLE(DIVW, RD = SEXT_W(div_w(RS1, RS2)));
SIMPLE(DIVUW, RD = SEXT_W(divu_w(RS1, RS2)));
SIMPLE(REMW, RD = SEXT_W(rem_w(RS1, RS2)));
SIMPLE(REMUW, RD = SEXT_W(remu_w(RS1, RS2)));

SIMPLE(ADD_UW, RD = (uint32_t)RS1 + RS2);
SIMPLE(SH1ADD, RD = (RS1 << 1) + RS2);
SIMPLE(SH2ADD, RD = (RS1 << 2) + RS2);
SIMPLE(SH3ADD, RD = (RS1 << 3) + RS2);
SIMPLE(SH1ADD_UW, RD = ((uint64_t)(uint32_t)RS1 << 1) + RS2);
SIMPLE(SH2ADD_UW, RD = ((uint64_t)(uint32_t)RS1 << 2) + RS2);
SIMPLE(SH3ADD_UW, RD = ((uint64_t)(uint32_t)RS1 << 3) + RS2);
SIMPLE(SLLI_UW, RD = (uint64_t)(uint32_t)RS1 << IMM);

SIMPLE(ANDN, RD = RS1 & ~RS2);
SIMPLE(ORN, RD = RS1 | ~RS2);
SIMPLE(XNOR, RD = ~(RS1 ^ RS2));
SIMPLE(CLZ, RD = RS1 ? __builtin_clzll(RS1) : 64);
SIMPLE(CTZ, RD = RS1 ? __builtin_ctzll(RS1) : 64);
SIMPLE(CPOP, RD = __builtin_popcountll(RS1));
SIMPLE(CLZW, RD = (uint32_t)RS1 ? __builtin_clz(RS1) : 32);
SIMPLE(CTZW, RD = (uint32_t)RS1 ? __builtin_ctz(RS1) : 32);
SIMPLE(CPOPW, RD = __builtin_popcount(RS1));
SIMPLE(MAX, RD = (int64_t)RS1 > (int64_t)RS2 ? RS1 : RS2);
SIMPLE(MAXU, RD = RS1 > RS2 ? RS1 : RS2);
SIMPLE(MIN, RD = (int64_t)RS1 < (int64_t)RS2 ? RS1 : RS2);
SIMPLE(MINU, RD = RS1 < RS2 ? RS1 : RS2);
SIMPLE(SEXT_B, RD = (int64_t)(int8_t)RS1);
SIMPLE(SEXT_H, RD = (int64_t)(int16_t)RS1);
SIMPLE(ZEXT_H, RD = (uint16_t)RS1);
SIMPLE(ROL, RD = rotate_right(RS1, -(unsigned)RS2));
SIMPLE(ROR, RD = rotate_right(RS1, RS2));
SIMPLE(RORI, RD = rotate_right(RS1, IMM));
SIMPLE(ROLW, RD = SEXT_W(rotate_right_w(RS1, -(unsigned)RS2)));
SIMPLE(RORW, RD = SEXT_W(rotate_right_w(RS1, RS2)));
SIMPLE(RORIW, RD = SEXT_W(rotate_right_w(RS1, IMM)));
SIMPLE(ORC_B, RD = or_combine(RS1));
SIMPLE(REV8, RD = __builtin_bswap64(RS1));

SIMPLE(BCLR, RD = RS1 & ~(UINT64_C(1) << (RS2 & 63)));
SIMPLE(BEXT, RD = RS1 >> (RS2 & 63) & 1);
SIMPLE(BINV, RD = RS1 ^ UINT64_C(1) << (RS2 & 63));
SIMPLE(BSET, RD = RS1 | UINT64_C(1) << (RS2 & 63));
SIMPLE(BCLRI, RD = RS1 & ~(UINT64_C(1) << IMM));
SIMPLE(BEXTI, RD = RS1 >> IMM & 1);
SIMPLE(BINVI, RD = RS1 ^ UINT64_C(1) << IMM);
SIMPLE(BSETI, RD = RS1 | UINT64_C(1) << IMM);
