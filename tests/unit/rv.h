/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rv.h - RISC-V instructions as words, for guest programs inside tests.
 */
#pragma once

#include <stdint.h>

enum { zero, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7, s2, s3, s4, s5, s6, s7, s8, s9 };

static inline uint32_t rv_r(uint32_t opcode, uint32_t funct3, uint32_t funct7, uint32_t rd, uint32_t rs1, uint32_t rs2)
{
	return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25;
}

static inline uint32_t rv_i(uint32_t opcode, uint32_t funct3, uint32_t rd, uint32_t rs1, int32_t imm)
{
	return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | (uint32_t)imm << 20;
}

static inline uint32_t rv_s(uint32_t funct3, uint32_t rs2, uint32_t rs1, int32_t imm)
{
	return 0x23 | ((uint32_t)imm & 31) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | (uint32_t)imm >> 5 << 25;
}

static inline uint32_t rv_b(uint32_t funct3, uint32_t rs1, uint32_t rs2, int32_t offset)
{
	uint32_t imm = (uint32_t)offset;

	return 0x63 | (imm >> 11 & 1) << 7 | (imm >> 1 & 15) << 8 | funct3 << 12 | rs1 << 15 | rs2 << 20 |
	       (imm >> 5 & 63) << 25 | (imm >> 12 & 1) << 31;
}

static inline uint32_t rv_jal(uint32_t rd, int32_t offset)
{
	uint32_t imm = (uint32_t)offset;

	return 0x6f | rd << 7 | (imm & 0xff000) | (imm >> 11 & 1) << 20 | (imm >> 1 & 0x3ff) << 21 |
	       (imm >> 20 & 1) << 31;
}

#define ADDI(rd, rs1, imm) rv_i(0x13, 0, rd, rs1, imm)
#define SLLI(rd, rs1, by) rv_i(0x13, 1, rd, rs1, by)
#define ADD(rd, rs1, rs2) rv_r(0x33, 0, 0, rd, rs1, rs2)
#define LUI(rd, upper) (0x37u | (rd) << 7 | (uint32_t)(upper) << 12)
#define AUIPC(rd, upper) (0x17u | (rd) << 7 | (uint32_t)(upper) << 12)
#define LB(rd, imm, rs1) rv_i(0x03, 0, rd, rs1, imm)
#define LW(rd, imm, rs1) rv_i(0x03, 2, rd, rs1, imm)
#define LD(rd, imm, rs1) rv_i(0x03, 3, rd, rs1, imm)
#define SB(rs2, imm, rs1) rv_s(0, rs2, rs1, imm)
#define SW(rs2, imm, rs1) rv_s(2, rs2, rs1, imm)
#define SD(rs2, imm, rs1) rv_s(3, rs2, rs1, imm)
#define BEQ(rs1, rs2, offset) rv_b(0, rs1, rs2, offset)
#define BNE(rs1, rs2, offset) rv_b(1, rs1, rs2, offset)
#define J(offset) rv_jal(zero, offset)
#define JAL(rd, offset) rv_jal(rd, offset)
#define JALR(rd, rs1) rv_i(0x67, 0, rd, rs1, 0)
#define RET() JALR(zero, ra)
#define CSRRW(rd, csr, rs1) rv_i(0x73, 1, rd, rs1, csr)
#define CSRRS(rd, csr, rs1) rv_i(0x73, 2, rd, rs1, csr)
#define CSRR(rd, csr) CSRRS(rd, csr, zero)
#define CSRW(csr, rs1) CSRRW(zero, csr, rs1)
#define CSRS(csr, rs1) CSRRS(zero, csr, rs1)
#define CSRC(csr, rs1) rv_i(0x73, 3, zero, rs1, csr)
#define CSRSI(csr, imm) rv_i(0x73, 6, zero, imm, csr)
#define ECALL() 0x00000073u
#define EBREAK() 0x00100073u
#define SRET() 0x10200073u
#define WFI() 0x10500073u
#define SFENCE_VMA(rs1, rs2) rv_r(0x73, 0, 9, zero, rs1, rs2)
#define FENCE_I() 0x0000100fu
#define LR_D(rd, rs1) rv_r(0x2f, 3, 0x08, rd, rs1, 0)
#define SC_D(rd, rs2, rs1) rv_r(0x2f, 3, 0x0c, rd, rs1, rs2)
#define AMOADD_D(rd, rs2, rs1) rv_r(0x2f, 3, 0x00, rd, rs1, rs2)
#define FADD_D(rd, rs1, rs2) rv_r(0x53, 7, 1, rd, rs1, rs2)
#define FMV_D_X(rd, rs1) rv_r(0x53, 0, 0x79, rd, rs1, 0)
#define FMV_X_D(rd, rs1) rv_r(0x53, 0, 0x71, rd, rs1, 0)

/* CSRs. */
enum {
	fflags = 0x001,
	frm = 0x002,
	sstatus = 0x100,
	sie = 0x104,
	stvec = 0x105,
	scounteren = 0x106,
	sscratch = 0x140,
	sepc = 0x141,
	scause = 0x142,
	stval = 0x143,
	sip = 0x144,
	stimecmp = 0x14d,
	satp = 0x180,
	rdtime = 0xc01,
	rdinstret = 0xc02,
};
