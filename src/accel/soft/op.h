/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/op.h - the decoded form of an instruction: what the decoder makes, the block builder strings together and
 * the interpreter runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Register file slots: x0 is never written, so writes to it go to a slot that nobody reads. */
#define REG_SINK 32
#define REG_COUNT 33

/* clang-format off */
#define OPS_INT(X) \
	X(CONST) X(PCREL) X(MV) \
	X(ADDI) X(SLTI) X(SLTIU) X(XORI) X(ORI) X(ANDI) X(SLLI) X(SRLI) X(SRAI) \
	X(ADD) X(SUB) X(SLL) X(SLT) X(SLTU) X(XOR) X(SRL) X(SRA) X(OR) X(AND) \
	X(ADDIW) X(SLLIW) X(SRLIW) X(SRAIW) X(ADDW) X(SUBW) X(SLLW) X(SRLW) X(SRAW) \
	X(MUL) X(MULH) X(MULHSU) X(MULHU) X(DIV) X(DIVU) X(REM) X(REMU) \
	X(MULW) X(DIVW) X(DIVUW) X(REMW) X(REMUW) \
	X(ADD_UW) X(SH1ADD) X(SH2ADD) X(SH3ADD) X(SH1ADD_UW) X(SH2ADD_UW) X(SH3ADD_UW) X(SLLI_UW) \
	X(ANDN) X(ORN) X(XNOR) X(CLZ) X(CTZ) X(CPOP) X(CLZW) X(CTZW) X(CPOPW) X(MAX) X(MAXU) X(MIN) X(MINU) \
	X(SEXT_B) X(SEXT_H) X(ZEXT_H) X(ROL) X(ROR) X(RORI) X(ROLW) X(RORW) X(RORIW) X(ORC_B) X(REV8) \
	X(BCLR) X(BEXT) X(BINV) X(BSET) X(BCLRI) X(BEXTI) X(BINVI) X(BSETI)

#define OPS_MEM(X) \
	X(LB) X(LH) X(LW) X(LD) X(LBU) X(LHU) X(LWU) X(SB) X(SH) X(SW) X(SD) X(FLW) X(FLD) X(FSW) X(FSD)

#define OPS_ATOMIC(X) \
	X(LR_W) X(LR_D) X(SC_W) X(SC_D) \
	X(AMOSWAP_W) X(AMOADD_W) X(AMOXOR_W) X(AMOAND_W) X(AMOOR_W) \
	X(AMOMIN_W) X(AMOMAX_W) X(AMOMINU_W) X(AMOMAXU_W) \
	X(AMOSWAP_D) X(AMOADD_D) X(AMOXOR_D) X(AMOAND_D) X(AMOOR_D) \
	X(AMOMIN_D) X(AMOMAX_D) X(AMOMINU_D) X(AMOMAXU_D)

/*
 * Floating point; `imm` holds the instruction word. The first group rounds as frm says; FP_ROUNDED is every instruction
 * of that group whose rounding mode is fixed in the instruction. FTOI is float to integer with the rounding mode in rs2.
 */
#define OPS_FP(X) \
	X(FADD_S) X(FSUB_S) X(FMUL_S) X(FDIV_S) X(FSQRT_S) X(FMADD_S) X(FMSUB_S) X(FNMSUB_S) X(FNMADD_S) \
	X(FADD_D) X(FSUB_D) X(FMUL_D) X(FDIV_D) X(FSQRT_D) X(FMADD_D) X(FMSUB_D) X(FNMSUB_D) X(FNMADD_D) \
	X(FCVT_S_W) X(FCVT_S_WU) X(FCVT_S_L) X(FCVT_S_LU) X(FCVT_D_L) X(FCVT_D_LU) X(FCVT_S_D) \
	X(FP_ROUNDED) X(FTOI_S) X(FTOI_D) X(FCVT_D_W) X(FCVT_D_WU) X(FCVT_D_S) \
	X(FSGNJ_S) X(FSGNJN_S) X(FSGNJX_S) X(FMIN_S) X(FMAX_S) X(FEQ_S) X(FLT_S) X(FLE_S) X(FCLASS_S) \
	X(FSGNJ_D) X(FSGNJN_D) X(FSGNJX_D) X(FMIN_D) X(FMAX_D) X(FEQ_D) X(FLT_D) X(FLE_D) X(FCLASS_D) \
	X(FMV_X_W) X(FMV_W_X) X(FMV_X_D) X(FMV_D_X)

/*
 * Control flow. A near jump stays inside its page and is followed by a slot that holds a `struct link`; its `imm` is
 * made by near_imm(). The target of a far one is `imm` bytes from the start of the page it is in. FALL goes on behind
 * the block's last instruction, without being one. CROSS stands for an instruction that lies in two pages: the interpreter
 * decodes it anew each time; for the JIT it is followed by that instruction as it is with `imm` for its second half. DEAD
 * replaces the first op of a block that was invalidated.
 */
#define OPS_FLOW(X) \
	X(JAL) X(BEQ) X(BNE) X(BLT) X(BGE) X(BLTU) X(BGEU) X(FALL) \
	X(JAL_FAR) X(BEQ_FAR) X(BNE_FAR) X(BLT_FAR) X(BGE_FAR) X(BLTU_FAR) X(BGEU_FAR) X(FALL_FAR) \
	X(JALR) X(CROSS) X(DEAD)

/* `imm` of CSR and ILLEGAL is the instruction word. */
#define OPS_SYSTEM(X) \
	X(FENCE) X(FENCE_I) X(ECALL) X(EBREAK) X(SRET) X(WFI) X(SFENCE_VMA) X(CSR) X(ILLEGAL)

#define OPS_ALL(X) OPS_INT(X) OPS_MEM(X) OPS_ATOMIC(X) OPS_FP(X) OPS_FLOW(X) OPS_SYSTEM(X)

enum op_code {
#define OP_ENUM(name) OP_##name,
	OPS_ALL(OP_ENUM)
#undef OP_ENUM
	OP_COUNT
};
/* clang-format on */

/* The distance from a near jump's code to that of its far form. */
#define OP_NEAR_TO_FAR (OP_JAL_FAR - OP_JAL)

struct op {
	uint16_t code; /* enum op_code */
	uint8_t rd, rs1, rs2;
	uint8_t count; /* instructions of the block that come before this one */
	uint16_t pc;   /* offset in the page; bit 0 is set when the instruction is four bytes long */
	int64_t imm;
};
_Static_assert(sizeof(struct op) == 16, "ops are laid out in arrays that the hot path strides through");

/*
 * Where a near jump goes, NULL until it was taken once; for the JIT, where its code's jump is instead. Takes the place
 * of the op behind the jump. Links to a block are in a list.
 */
struct link {
	struct op *to;
	uint32_t next; /* of the target's incoming ones: offset in the arena, 0 at the end */
	uint32_t site; /* offset in the code memory of the distance to set */
};
_Static_assert(sizeof(struct link) == sizeof(struct op), "a link fills one op's slot");

static inline uint64_t op_offset(const struct op *op)
{
	return op->pc & ~1u;
}

/* The offset of the instruction behind `op`. */
static inline uint64_t op_next(const struct op *op)
{
	return op->pc + 2 + (op->pc & 1);
}

static inline int64_t near_imm(uint64_t page, unsigned offset)
{
	return (int64_t)(page << 16 | offset);
}

static inline uint64_t near_page(const struct op *op)
{
	return (uint64_t)op->imm >> 16;
}

static inline uint64_t near_offset(const struct op *op)
{
	return op->imm & 0xffff;
}

static inline struct link *op_link(struct op *op)
{
	return (struct link *)(op + 1);
}

static inline bool op_is_near(const struct op *op)
{
	return op->code >= OP_JAL && op->code <= OP_FALL;
}

/* How many ops' room the op takes. */
static inline unsigned op_slots(const struct op *op)
{
	return op_is_near(op) ? 2 : 1;
}

/* Nothing may follow these in a block. */
static inline bool op_ends_block(const struct op *op)
{
	switch (op->code) {
	case OP_JAL:
	case OP_FALL:
	case OP_JAL_FAR:
	case OP_FALL_FAR:
	case OP_JALR:
	case OP_CROSS:
	case OP_DEAD:
	case OP_FENCE_I:
	case OP_ECALL:
	case OP_EBREAK:
	case OP_SRET:
	case OP_WFI:
	case OP_SFENCE_VMA:
	case OP_ILLEGAL:
		return true;
	default:
		return false;
	}
}
