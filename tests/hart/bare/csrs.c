/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csrs.c - which control and status registers there are, for whom, and what can be written to them.
 */
#include "check.h"
#include "paging.h"

#define USER_CODE UINT64_C(0x2000000000)
#define ECALL 0x00000073
#define RET 0x00008067

#define CSRRS_A0 0x00002573 /* csrrs a0, csr, x0 */
#define CSRRW_A0 0x00051573 /* csrrw a0, csr, a0 */

static _Alignas(4096) uint32_t code[1024];

enum { NOBODY, USER, SUPERVISOR };

static unsigned whose(unsigned csr)
{
	switch (csr) {
	case 0x001: /* fflags, frm, fcsr */
	case 0x002:
	case 0x003:
	case 0xc00: /* cycle, time, instret */
	case 0xc01:
	case 0xc02:
		return USER;
	case 0x100: /* sstatus, sie, stvec, scounteren, senvcfg */
	case 0x104:
	case 0x105:
	case 0x106:
	case 0x10a:
	case 0x140: /* sscratch, sepc, scause, stval, sip, stimecmp */
	case 0x141:
	case 0x142:
	case 0x143:
	case 0x144:
	case 0x14d:
	case 0x180: /* satp */
		return SUPERVISOR;
	default:
		return NOBODY;
	}
}

static void set_up(void)
{
	uint64_t *root = new_root();

	map(root, USER_CODE, (uint64_t)code, 0, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	csr_write("satp", satp_of(root, 0));
	fence_all();
	csr_write("scounteren", 7);
}

static void place(uint32_t instruction, uint32_t after)
{
	code[0] = instruction;
	code[1] = after;
	asm volatile("fence.i" : : : "memory");
}

static uint64_t in_supervisor(uint32_t instruction)
{
	place(instruction, RET);
	return try_call((uint64_t)code);
}

static uint64_t in_user(uint32_t instruction)
{
	place(instruction, ECALL);
	return run_user(USER_CODE, 0, 0, 0);
}

static void existence(void)
{
	for (unsigned csr = 0; csr < 4096; csr++) {
		uint32_t read = CSRRS_A0 | csr << 20;

		during("csr %x", (uint64_t)csr);
		EXPECT(in_supervisor(read), whose(csr) == NOBODY ? CAUSE_ILLEGAL : NOTHING);
		EXPECT(in_user(read), whose(csr) == USER ? CAUSE_USER_ECALL : CAUSE_ILLEGAL);
	}
}

static void read_only(void)
{
	static const uint32_t writes[] = {
		0x00051073, /* csrrw x0, csr, a0 */
		0x00001573, /* csrrw a0, csr, x0 */
		0x00052573, /* csrrs a0, csr, a0 */
		0x00053573, /* csrrc a0, csr, a0 */
		0x00005573, /* csrrwi a0, csr, 0 */
		0x0000e573, /* csrrsi a0, csr, 1 */
		0x0000f573, /* csrrci a0, csr, 1 */
	};
	static const uint32_t reads[] = {
		0x00003573, /* csrrc a0, csr, x0 */
		0x00006573, /* csrrsi a0, csr, 0 */
		0x00007573, /* csrrci a0, csr, 0 */
	};

	for (uint32_t csr = 0xc00; csr < 0xc03; csr++) {
		during("csr %x", (uint64_t)csr);
		for (unsigned i = 0; i < ARRAY_SIZE(writes); i++)
			EXPECT(in_supervisor(writes[i] | csr << 20), CAUSE_ILLEGAL);
		for (unsigned i = 0; i < ARRAY_SIZE(reads); i++)
			EXPECT(in_supervisor(reads[i] | csr << 20), NOTHING);
	}
}

static void counters_for_user_mode(void)
{
	for (uint32_t enabled = 0; enabled < 8; enabled++) {
		csr_write("scounteren", enabled);
		EXPECT(csr_read("scounteren") & 7, enabled);
		for (uint32_t counter = 0; counter < 3; counter++) {
			during("scounteren %x, counter %u", (uint64_t)enabled, (uint64_t)counter);
			EXPECT(in_user(CSRRS_A0 | (0xc00 + counter) << 20),
			       enabled >> counter & 1 ? CAUSE_USER_ECALL : CAUSE_ILLEGAL);
			EXPECT(in_supervisor(CSRRS_A0 | (0xc00 + counter) << 20), NOTHING);
		}
	}
	csr_write("scounteren", 7);
}

static void instructions_retired(void)
{
	uint64_t first, second;

	asm volatile("rdinstret %0\n nop\n nop\n nop\n nop\n rdinstret %1" : "=&r"(first), "=&r"(second));
	EXPECT(second - first, 5);
	asm volatile("li t0, 100\n rdinstret %0\n1: addi t0, t0, -1\n bnez t0, 1b\n rdinstret %1"
		     : "=&r"(first), "=&r"(second)
		     :
		     : "t0");
	EXPECT(second - first, 201);
	/* What traps is not counted, what the handler runs is. */
	asm volatile("rdcycle %0\n nop\n rdcycle %1" : "=&r"(first), "=&r"(second));
	EXPECT_TRUE(second > first);
}

static void status_register(void)
{
	uint64_t mine = STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_FS | STATUS_SUM | STATUS_MXR;
	uint64_t before = csr_read("sstatus");

	EXPECT(before >> 32 & 3, 2); /* UXL */
	csr_write("sstatus", (UINT64_MAX & ~STATUS_SIE) ^ UINT64_C(1) << 32);
	EXPECT(csr_read("sstatus") & ~(UINT64_C(3) << 9), (mine & ~STATUS_SIE) | STATUS_SD | UINT64_C(2) << 32);
	csr_write("sstatus", 0);
	EXPECT(csr_read("sstatus"), UINT64_C(2) << 32);
	csr_write("sstatus", before);
}

static void plain_registers(void)
{
	static const uint64_t values[] = {0, UINT64_MAX, 0x123456789abcdef0, 0x8000000000000000};
	uint64_t old;

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		during("value %x", values[i]);
		csr_write("stval", values[i]);
		EXPECT(csr_read("stval"), values[i]);
		csr_write("sepc", values[i]);
		EXPECT(csr_read("sepc"), values[i] & ~UINT64_C(1));
		csr_write("0x14d", values[i]);
		EXPECT(csr_read("0x14d"), values[i]);
	}
	csr_write("0x14d", UINT64_MAX);
	during(NULL);
	for (uint64_t cause = 0; cause < 16; cause++) {
		csr_write("scause", cause);
		EXPECT(csr_read("scause"), cause);
		csr_write("scause", cause | CAUSE_INTERRUPT);
		EXPECT(csr_read("scause"), cause | CAUSE_INTERRUPT);
	}
	/* The forms that set and clear answer with what was there. */
	csr_write("stval", 0xf0);
	asm volatile("csrrs %0, stval, %1" : "=r"(old) : "r"(UINT64_C(0x0f)));
	EXPECT(old, 0xf0);
	asm volatile("csrrc %0, stval, %1" : "=r"(old) : "r"(UINT64_C(0x81)));
	EXPECT(old, 0xff);
	asm volatile("csrrwi %0, stval, 21" : "=r"(old));
	EXPECT(old, 0x7e);
	asm volatile("csrrsi %0, stval, 10" : "=r"(old));
	EXPECT(old, 21);
	asm volatile("csrrci %0, stval, 1" : "=r"(old));
	EXPECT(old, 31);
	EXPECT(csr_read("stval"), 30);
}

static void floating_point_off(void)
{
	static const uint32_t words[] = {
		0x00000053,	      /* fadd.s */
		0x02000053,	      /* fadd.d */
		0xe0000553,	      /* fmv.x.w */
		0x00052007,	      /* flw f0, 0(a0) */
		0x00053027,	      /* fsd f0, 0(a0) */
		0x00002000,	      /* c.fld */
		0x00302573,	      /* frcsr */
		0x00101073,	      /* fsflags x0, x0 */
		0x00002573 | 2 << 20, /* frrm */
	};

	csr_clear("sstatus", STATUS_FS);
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		during("word %x", (uint64_t)words[i]);
		EXPECT(in_supervisor(words[i]), CAUSE_ILLEGAL);
		EXPECT_TRUE(this_cpu()->seen.value == words[i] || this_cpu()->seen.value == 0);
		EXPECT(in_user(words[i]), CAUSE_ILLEGAL);
	}
	during(NULL);
	EXPECT(csr_read("sstatus") & (STATUS_FS | STATUS_SD), 0);
	csr_set("sstatus", STATUS_FS);
}

/* FS becomes dirty with what is written, and only reading leaves it. */
static void floating_point_dirty(void)
{
	static const struct {
		uint32_t word;
		bool writes;
	} words[] = {
		{0xe2000553, false}, /* fmv.x.d a0, f0 */
		{0x02000053, true},  /* fadd.d f0, f0, f0 */
		{0xf2050053, true},  /* fmv.d.x f0, a0 */
		{0x00305573, true},  /* csrrwi a0, fcsr, 0 */
		{0x00302573, false}, /* frcsr a0 */
	};

	for (uint64_t state = 1; state < 3; state++)
		for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
			during("FS %u, word %x", state, (uint64_t)words[i].word);
			csr_clear("sstatus", STATUS_FS);
			csr_set("sstatus", state << 13);
			EXPECT(in_supervisor(words[i].word), NOTHING);
			EXPECT(csr_read("sstatus") >> 13 & 3, words[i].writes ? 3 : state);
			EXPECT(csr_read("sstatus") >> 63, words[i].writes);
		}
	csr_set("sstatus", STATUS_FS);
}

/* A rounding mode that is none: illegal where frm counts, and of no matter elsewhere. */
static void rounding_modes(void)
{
	static const struct {
		uint32_t word;
		bool dynamic;
	} words[] = {
		{0x02007053, true},  /* fadd.d dyn */
		{0x00007053, true},  /* fadd.s dyn */
		{0x5a007053, true},  /* fsqrt.d dyn */
		{0x02007043, true},  /* fmadd.d dyn */
		{0xc2007553, true},  /* fcvt.w.d dyn */
		{0xd2207053, true},  /* fcvt.d.l dyn */
		{0x40107053, true},  /* fcvt.s.d dyn */
		{0x02001053, false}, /* fadd.d rtz */
		{0x22000053, false}, /* fsgnj.d */
		{0xa2002553, false}, /* feq.d */
		{0x2a000053, false}, /* fmin.d */
		{0xe2001553, false}, /* fclass.d */
	};

	for (uint64_t mode = 0; mode < 8; mode++)
		for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
			during("frm %u, word %x", mode, (uint64_t)words[i].word);
			csr_write("frm", mode);
			EXPECT(in_supervisor(words[i].word), words[i].dynamic && mode > 4 ? CAUSE_ILLEGAL : NOTHING);
		}
	csr_write("fcsr", 0);
}

void main(void)
{
	static const struct test tests[] = {
		{"which there are, and for whom", existence},
		{"read-only ones", read_only},
		{"scounteren", counters_for_user_mode},
		{"instret", instructions_retired},
		{"sstatus", status_register},
		{"registers that hold what is written", plain_registers},
		{"floating point turned off", floating_point_off},
		{"floating point's state", floating_point_dirty},
		{"rounding modes", rounding_modes},
	};

	set_up();
	run_tests(tests, ARRAY_SIZE(tests));
}
