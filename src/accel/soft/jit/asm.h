/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/asm.h - writes x86-64 instructions (Intel SDM volume 2). Knows encodings, nothing of guests.
 *
 * There is no bound to check on each byte: who emits has made sure of the room (JIT_BLOCK_MAX).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum host_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG };

/* Condition codes as Jcc, SETcc and CMOVcc encode them; the lowest bit negates. */
enum host_cond { CC_O, CC_B = 2, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_P = 10, CC_NP, CC_L, CC_GE, CC_LE, CC_G };

struct assembler {
	uint8_t *at;
};

/* A register, or the memory at base + disp, or at base + index + disp. */
struct rm {
	uint8_t reg; /* NO_REG: memory */
	uint8_t base, index;
	bool indexed;
	int32_t disp;
};

static inline struct rm rm_reg(enum host_reg reg)
{
	return (struct rm){.reg = reg};
}

static inline struct rm rm_mem(enum host_reg base, int32_t disp)
{
	return (struct rm){.reg = NO_REG, .base = base, .disp = disp};
}

static inline struct rm rm_sum(enum host_reg base, enum host_reg index, int32_t disp)
{
	return (struct rm){.reg = NO_REG, .base = base, .index = index, .indexed = true, .disp = disp};
}

/* What stands before and in an opcode. */
#define A_W 0x1000000u	  /* 64 bits wide */
#define A_BYTE 0x2000000u /* `reg` (and `rm`) are byte registers */
#define A_66 0x4000000u	  /* mandatory or operand-size prefixes */
#define A_F2 0x8000000u
#define A_F3 0x10000000u
#define A_0F 0x20000000u

/* Opcodes with a ModRM byte: `reg` op= `rm`, unless they say otherwise. */
enum {
	A_ADD = 0x03,
	A_OR = 0x0b,
	A_AND = 0x23,
	A_SUB = 0x2b,
	A_XOR = 0x33,
	A_CMP = 0x3b,
	A_TEST = 0x85,
	A_MOV = 0x8b,
	A_STORE = 0x89,		  /* rm = reg */
	A_STORE8 = 0x88 | A_BYTE, /* the same of a byte */
	A_STORE16 = 0x89 | A_66,  /* the same of 16 bits */
	A_MOVSXD = 0x63 | A_W,	  /* sign-extends 32 bits */
	A_LEA = 0x8d | A_W,
	A_IMUL = 0xaf | A_0F,
	A_MOVZX8 = 0xb6 | A_0F | A_BYTE,
	A_MOVZX16 = 0xb7 | A_0F,
	A_MOVSX8 = 0xbe | A_0F | A_BYTE | A_W,
	A_MOVSX16 = 0xbf | A_0F | A_W,
	A_LZCNT = 0xbd | A_0F | A_F3,
	A_TZCNT = 0xbc | A_0F | A_F3,
	A_POPCNT = 0xb8 | A_0F | A_F3,
	A_CMOV = 0x40 | A_0F,	   /* + condition */
	A_BTS = 0xab | A_0F | A_W, /* these three: bit `reg` of the register `rm` */
	A_BTR = 0xb3 | A_0F | A_W,
	A_BTC = 0xbb | A_0F | A_W,
	A_XADD = 0xc1 | A_0F,	 /* with LOCK */
	A_CMPXCHG = 0xb1 | A_0F, /* with LOCK */
	A_XCHG = 0x87,
	A_GROUP_F7 = 0xf7, /* reg is one of F7_* */
	A_GROUP_FF = 0xff, /* reg is one of FF_* */
};
enum { F7_NOT = 2, F7_NEG = 3, F7_MUL = 4, F7_IMUL = 5, F7_DIV = 6, F7_IDIV = 7 };
enum { FF_CALL = 2, FF_JMP = 4 };

/* Immediate forms: of 81/83, and of C1/D3. */
enum arithmetic { I_ADD = 0, I_OR = 1, I_AND = 4, I_SUB = 5, I_XOR = 6, I_CMP = 7 };
enum shift { S_ROL = 0, S_ROR = 1, S_SHL = 4, S_SHR = 5, S_SAR = 7 };

static inline void asm_8(struct assembler *a, unsigned byte)
{
	*a->at++ = (uint8_t)byte;
}

static inline void asm_32(struct assembler *a, uint32_t value)
{
	memcpy(a->at, &value, sizeof(value));
	a->at += sizeof(value);
}

static inline void asm_64(struct assembler *a, uint64_t value)
{
	memcpy(a->at, &value, sizeof(value));
	a->at += sizeof(value);
}

/* An instruction with a ModRM byte. */
void asm_rm(struct assembler *a, unsigned opcode, unsigned reg, struct rm rm);

/* A scalar VEX instruction of map 0F38 (FMA): `wide` for double; `rm` has no index. */
void asm_fma(struct assembler *a, unsigned opcode, bool wide, unsigned reg, unsigned second, struct rm rm);

/* rm op= imm; `width` is 0 or A_W. */
void asm_imm(struct assembler *a, enum arithmetic op, unsigned width, struct rm rm, int32_t imm);
void asm_shift_imm(struct assembler *a, enum shift op, unsigned width, enum host_reg reg, unsigned by);
void asm_shift_cl(struct assembler *a, enum shift op, unsigned width, enum host_reg reg);

/* reg = value, in the shortest form that leaves the flags alone. */
void asm_const(struct assembler *a, enum host_reg reg, int64_t value);

/* Stores a sign-extended 32-bit constant to memory; `width` is 0 or A_W. */
void asm_store_const(struct assembler *a, unsigned width, struct rm rm, int32_t value);

void asm_setcc(struct assembler *a, enum host_cond cond, enum host_reg reg);

/* Jumps and calls return where their 32-bit distance is; asm_land() sets it. */
uint8_t *asm_jcc(struct assembler *a, enum host_cond cond);
uint8_t *asm_jmp(struct assembler *a);
void asm_land(uint8_t *distance, const uint8_t *target);
void asm_jmp_to(struct assembler *a, const uint8_t *target);
void asm_call_to(struct assembler *a, const uint8_t *target);

static inline void asm_mov(struct assembler *a, enum host_reg to, struct rm from)
{
	if (from.reg != to)
		asm_rm(a, A_MOV | A_W, to, from);
}
