/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-hart-decode.c - instruction words to ops: fields, reserved encodings, the compressed forms.
 */
#include "unit.h"

#include "accel/soft/decode.h"
#include "accel/soft/rvc.h"

struct expected {
	uint32_t insn;
	unsigned code, rd, rs1, rs2;
	int64_t imm;
};

/* Register fields that an op does not use are not compared. */
#define ANY 255

static void check(const struct expected *e)
{
	struct op op = {0};

	decode(&op, e->insn);
	if (op.code != e->code || op.imm != e->imm || (e->rd != ANY && op.rd != e->rd) ||
	    (e->rs1 != ANY && op.rs1 != e->rs1) || (e->rs2 != ANY && op.rs2 != e->rs2))
		fail_msg("0x%x: code %u rd %u rs1 %u rs2 %u imm %lld", e->insn, op.code, op.rd, op.rs1, op.rs2,
			 (long long)op.imm);
}

static void fields(void **state)
{
	static const struct expected all[] = {
		{0xfff00513, OP_CONST, 10, 0, ANY, -1},		      /* li a0, -1 */
		{0x80058593, OP_ADDI, 11, 11, ANY, -2048},	      /* addi a1, a1, -2048 */
		{0x00000013, OP_CONST, REG_SINK, 0, ANY, 0},	      /* nop */
		{0x800000b7, OP_CONST, 1, ANY, ANY, INT32_MIN},	      /* lui ra, 0x80000 */
		{0x7ffff097, OP_PCREL, 1, ANY, ANY, 0x7ffff000},      /* auipc ra, 0x7ffff */
		{0xfe209ee3, OP_BNE, ANY, 1, 2, -4},		      /* bne ra, sp, .-4 */
		{0x7e000fe3, OP_BEQ, ANY, 0, 0, 4094 - 0x800 + 2048}, /* beq zero, zero, .+4094 */
		{0x800000ef, OP_JAL, 1, ANY, ANY, -1048576},	      /* jal .-1048576 */
		{0xfea12c23, OP_SW, ANY, 2, 10, -8},		      /* sw a0, -8(sp) */
		{0x03f51513, OP_SLLI, 10, 10, ANY, 63},		      /* slli a0, a0, 63 */
		{0x4015551b, OP_SRAIW, 10, 10, ANY, 1},		      /* sraiw a0, a0, 1 */
		{0x6b855513, OP_REV8, 10, 10, ANY, 0x38},	      /* rev8 a0, a0 */
		{0x1005252f, OP_LR_W, 10, 10, ANY, 0x100},	      /* lr.w a0, (a0) */
		{0x18b5352f, OP_SC_D, 10, 10, 11, 0x18b},	      /* sc.d a0, a1, (a0) */
		{0xe0b5352f, OP_AMOMAXU_D, 10, 10, 11, -501},	      /* amomaxu.d a0, a1, (a0) */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		check(&all[i]);
}

static void reserved(void **state)
{
	static const uint32_t all[] = {
		0x00000000, /* all zeroes */
		0xffffffff, /* all ones */
		0x00007003, /* load of width 7 */
		0x00004023, /* store of width 4 */
		0x00002063, /* branch 2 */
		0x00001067, /* jalr with funct3 */
		0x4000101b, /* slliw with bit 30 */
		0x0200101b, /* slliw by 32 */
		0x10056533, /* or with an unknown funct7 */
		0x1015252f, /* lr.w with rs2 */
		0x18b5152f, /* sc of width 1 */
		0x30200073, /* mret: no machine mode */
		0x00200073, /* uret */
		0x00004073, /* system with funct3 4 */
		0x00b55553, /* fadd.s with rounding mode 5 */
		0x04b57553, /* fadd of format 2 */
		0x58157553, /* fsqrt with rs2 */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		check(&(struct expected){all[i], OP_ILLEGAL, ANY, ANY, ANY, all[i]});
}

static void compressed(void **state)
{
	static const struct expected all[] = {
		{0x4501, OP_CONST, 10, 0, ANY, 0},	     /* c.li a0, 0 */
		{0x557d, OP_CONST, 10, 0, ANY, -1},	     /* c.li a0, -1 */
		{0x7139, OP_ADDI, 2, 2, ANY, -64},	     /* c.addi16sp -64 */
		{0x1ffc, OP_ADDI, 15, 2, ANY, 1020},	     /* c.addi4spn a5, 1020 */
		{0x7501, OP_CONST, 10, ANY, ANY, -0x20000},  /* c.lui a0, 0xfffe0 */
		{0x852e, OP_MV, 10, 11, 11, 11},	     /* c.mv a0, a1 */
		{0x952e, OP_ADD, 10, 10, 11, 11},	     /* c.add a0, a1 */
		{0x8082, OP_JALR, REG_SINK, 1, ANY, 0},	     /* ret */
		{0x9582, OP_JALR, 1, 11, ANY, 0},	     /* c.jalr a1 */
		{0x9002, OP_EBREAK, ANY, ANY, ANY, 1},	     /* c.ebreak */
		{0xb001, OP_JAL, REG_SINK, ANY, ANY, -2048}, /* c.j .-2048 */
		{0xd97d, OP_BEQ, ANY, 10, 0, -10},	     /* c.beqz a0, .-10 */
		{0x71e2, OP_LD, 3, 2, ANY, 56},		     /* c.ldsp gp, 56(sp) */
		{0xe406, OP_SD, ANY, 2, 1, 8},		     /* c.sdsp ra, 8(sp) */
		{0x9d1d, OP_SUBW, 10, 10, 15, 1039},	     /* c.subw a0, a5 */
	};
	static const uint16_t illegal[] = {
		0x0000, /* c.addi4spn 0 */
		0x8000, /* quadrant 0, reserved */
		0x2001, /* c.addiw zero */
		0x6101, /* c.addi16sp 0 */
		0x6501, /* c.lui 0 */
		0x9c41, /* arithmetic, reserved */
		0x4002, /* c.lwsp zero */
		0x6002, /* c.ldsp zero */
		0x8002, /* c.jr zero */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		check(&all[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(illegal); i++)
		check(&(struct expected){illegal[i], OP_ILLEGAL, ANY, ANY, ANY, illegal[i]});
}

/* Whatever a compressed instruction stands for is a legal long one. */
static void expansions_are_legal(void **state)
{
	unsigned legal = 0;

	for (uint32_t insn = 0; insn < 0x10000; insn++) {
		uint32_t full = insn_length(insn) == 2 ? rvc_expand(insn) : 0;
		struct op op = {0};

		if (!full)
			continue;
		decode(&op, full);
		if (op.code == OP_ILLEGAL)
			fail_msg("0x%04x expands to 0x%08x, which is illegal", insn, full);
		legal++;
	}
	/* 49152 encodings, less what is reserved. */
	assert_in_range(legal, 44000, 48000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(reserved),
		cmocka_unit_test(compressed),
		cmocka_unit_test(expansions_are_legal),
	};

	return cmocka_run_group_tests_name("hart-decode", tests, NULL, NULL);
}
