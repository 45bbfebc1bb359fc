/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/asm.c - writes x86-64 instructions.
 */
#include "accel/soft/jit/asm.h"

static bool fits_8(int32_t value)
{
	return value == (int8_t)value;
}

static void modrm(struct assembler *a, unsigned reg, struct rm rm)
{
	unsigned middle = (reg & 7) << 3, base = rm.base & 7;
	bool sib = rm.indexed || base == RSP;

	if (rm.reg != NO_REG) {
		asm_8(a, 0xc0 | middle | (rm.reg & 7));
		return;
	}
	/* RBP and R13 have no form without a displacement, RSP and R12 none without an index byte. */
	if (rm.disp == 0 && base != RBP)
		asm_8(a, middle | (sib ? RSP : base));
	else
		asm_8(a, (fits_8(rm.disp) ? 0x40 : 0x80) | middle | (sib ? RSP : base));
	if (sib)
		asm_8(a, (rm.indexed ? rm.index & 7u : RSP) << 3 | base);
	if (rm.disp == 0 && base != RBP)
		return;
	if (fits_8(rm.disp))
		asm_8(a, (uint8_t)rm.disp);
	else
		asm_32(a, (uint32_t)rm.disp);
}

void asm_rm(struct assembler *a, unsigned opcode, unsigned reg, struct rm rm)
{
	unsigned far = rm.reg != NO_REG ? rm.reg : rm.base;
	unsigned rex = 0x40 | (opcode & A_W ? 8 : 0) | (reg >> 3) << 2 | (rm.index >> 3) << 1 | far >> 3;

	if (opcode & A_66)
		asm_8(a, 0x66);
	if (opcode & A_F2)
		asm_8(a, 0xf2);
	if (opcode & A_F3)
		asm_8(a, 0xf3);
	/* Without REX, byte registers 4 to 7 are AH to BH. */
	if (rex != 0x40 || opcode & A_BYTE)
		asm_8(a, rex);
	if (opcode & A_0F)
		asm_8(a, 0x0f);
	asm_8(a, opcode & 0xff);
	modrm(a, reg, rm);
}

void asm_fma(struct assembler *a, unsigned opcode, bool wide, unsigned reg, unsigned second, struct rm rm)
{
	unsigned far = rm.reg != NO_REG ? rm.reg : rm.base;

	asm_8(a, 0xc4);
	asm_8(a, (~reg >> 3 & 1) << 7 | 0x40 | (~far >> 3 & 1) << 5 | 2);
	asm_8(a, (unsigned)wide << 7 | (~second & 15) << 3 | 1);
	asm_8(a, opcode);
	modrm(a, reg, rm);
}

void asm_imm(struct assembler *a, enum arithmetic op, unsigned width, struct rm rm, int32_t imm)
{
	asm_rm(a, (fits_8(imm) ? 0x83 : 0x81) | width, op, rm);
	if (fits_8(imm))
		asm_8(a, (uint8_t)imm);
	else
		asm_32(a, (uint32_t)imm);
}

void asm_shift_imm(struct assembler *a, enum shift op, unsigned width, enum host_reg reg, unsigned by)
{
	asm_rm(a, 0xc1 | width, op, rm_reg(reg));
	asm_8(a, by);
}

void asm_shift_cl(struct assembler *a, enum shift op, unsigned width, enum host_reg reg)
{
	asm_rm(a, 0xd3 | width, op, rm_reg(reg));
}

void asm_const(struct assembler *a, enum host_reg reg, int64_t value)
{
	if (value == (uint32_t)value) {
		if (reg & 8)
			asm_8(a, 0x41);
		asm_8(a, 0xb8 | (reg & 7));
		asm_32(a, (uint32_t)value);
	} else if (value == (int32_t)value) {
		asm_store_const(a, A_W, rm_reg(reg), (int32_t)value);
	} else {
		asm_8(a, reg & 8 ? 0x49 : 0x48);
		asm_8(a, 0xb8 | (reg & 7));
		asm_64(a, (uint64_t)value);
	}
}

void asm_store_const(struct assembler *a, unsigned width, struct rm rm, int32_t value)
{
	asm_rm(a, 0xc7 | width, 0, rm);
	asm_32(a, (uint32_t)value);
}

void asm_setcc(struct assembler *a, enum host_cond cond, enum host_reg reg)
{
	asm_rm(a, 0x90 | A_0F | A_BYTE | cond, 0, rm_reg(reg));
}

uint8_t *asm_jcc(struct assembler *a, enum host_cond cond)
{
	asm_8(a, 0x0f);
	asm_8(a, 0x80 | cond);
	asm_32(a, 0);
	return a->at - 4;
}

uint8_t *asm_jmp(struct assembler *a)
{
	asm_8(a, 0xe9);
	asm_32(a, 0);
	return a->at - 4;
}

void asm_land(uint8_t *distance, const uint8_t *target)
{
	int32_t value = (int32_t)(target - (distance + 4));

	memcpy(distance, &value, sizeof(value));
}

void asm_jmp_to(struct assembler *a, const uint8_t *target)
{
	asm_land(asm_jmp(a), target);
}

void asm_call_to(struct assembler *a, const uint8_t *target)
{
	asm_8(a, 0xe8);
	asm_32(a, 0);
	asm_land(a->at - 4, target);
}
