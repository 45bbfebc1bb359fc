/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traps.c - exceptions one by one: cause, where, which value; what sstatus makes of a trap and of its end.
 */
#include "check.h"
#include "paging.h"

#define USER_CODE UINT64_C(0x2000000000)
#define KERNEL_CODE UINT64_C(0x3000000000)
#define HOLE UINT64_C(0x28000000)

#define RET 0x8082
#define ECALL 0x00000073

static _Alignas(4096) uint16_t user_page[2048];
static _Alignas(4096) uint16_t kernel_page[2048];
static uint64_t memory[4];

static void set_up(void)
{
	uint64_t *root = new_root();

	map(root, USER_CODE, (uint64_t)user_page, 0, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	map(root, KERNEL_CODE, (uint64_t)kernel_page, 0, PTE_RWX);
	csr_write("satp", satp_of(root, 0));
	fence_all();
}

/* Puts one instruction, of two or four bytes, at the start of a page, and what comes back after it. */
static unsigned place(uint16_t *page, uint32_t instruction, uint32_t after)
{
	unsigned at = 0;

	page[at++] = (uint16_t)instruction;
	if ((instruction & 3) == 3)
		page[at++] = (uint16_t)(instruction >> 16);
	page[at] = (uint16_t)after;
	page[at + 1] = (uint16_t)(after >> 16);
	asm volatile("fence.i" : : : "memory");
	return at * 2;
}

static uint64_t in_kernel(uint32_t instruction)
{
	place(kernel_page, instruction, RET);
	return try_call(KERNEL_CODE);
}

static uint64_t in_user(uint32_t instruction)
{
	place(user_page, instruction, ECALL);
	return run_user(USER_CODE, 0, 0, 0);
}

static void illegal_instructions(void)
{
	static const uint32_t words[] = {
		0x00000000,						    /* 16 bits of zero */
		0x00008000,						    /* quadrant 0, function 4 */
		0x00009c41,						    /* beside c.subw and c.addw */
		0xffffffff, 0x0000000b, 0x00007003, 0x82007033, 0x30200073, /* mret */
		0x7b200073,						    /* dret */
		0x00200073,						    /* uret */
		0x62000073,						    /* hfence.gvma */
		0x30047073,						    /* csrrci x0, mstatus, 8 */
		0xc0001073,						    /* csrrw x0, cycle, x0 */
		0x5c002573,						    /* csrr a0, of a number that is nobody's */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		uint64_t value = (words[i] & 3) == 3 ? words[i] : words[i] & 0xffff;

		during("word %x in S mode", (uint64_t)words[i]);
		EXPECT(in_kernel(words[i]), CAUSE_ILLEGAL);
		EXPECT(this_cpu()->seen.pc, KERNEL_CODE);
		EXPECT(this_cpu()->seen.value, value);
		during("word %x in U mode", (uint64_t)words[i]);
		EXPECT(in_user(words[i]), CAUSE_ILLEGAL);
		EXPECT(this_cpu()->seen.pc, USER_CODE);
		EXPECT(this_cpu()->seen.value, value);
	}
}

static void supervisor_only(void)
{
	static const uint32_t words[] = {
		0x10200073, /* sret */
		0x12000073, /* sfence.vma */
		0x12b50073, /* sfence.vma a0, a1 */
		0x10002573, /* csrr a0, sstatus */
		0x18002573, /* csrr a0, satp */
		0x14005073, /* csrwi sscratch, 0 */
		0x14d02573, /* csrr a0, stimecmp */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		during("word %x", (uint64_t)words[i]);
		EXPECT(in_user(words[i]), CAUSE_ILLEGAL);
		EXPECT(this_cpu()->seen.value, words[i]);
	}
	during("wfi");
	EXPECT(in_user(0x10500073), CAUSE_ILLEGAL);
}

static void breakpoints(void)
{
	static const uint32_t words[] = {0x00100073, 0x9002};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		EXPECT(in_kernel(words[i]), CAUSE_BREAKPOINT);
		EXPECT(this_cpu()->seen.pc, KERNEL_CODE);
		/* Either is allowed. */
		EXPECT_TRUE(this_cpu()->seen.value == 0 || this_cpu()->seen.value == KERNEL_CODE);
		EXPECT(in_user(words[i]), CAUSE_BREAKPOINT);
		EXPECT(this_cpu()->seen.pc, USER_CODE);
	}
}

static void user_calls(void)
{
	unsigned after = place(user_page, 0x00150513, ECALL); /* addi a0, a0, 1 */

	EXPECT(run_user(USER_CODE, 41, 7, 0x1230), CAUSE_USER_ECALL);
	EXPECT(this_cpu()->seen.pc, USER_CODE + after);
	EXPECT(this_cpu()->seen.value, 0);
	EXPECT(this_cpu()->seen.x[10], 42);
	EXPECT(this_cpu()->seen.x[11], 7);
	EXPECT(this_cpu()->seen.x[2], 0x1230);
	EXPECT(this_cpu()->seen.status & STATUS_SPP, 0);
}

static void user_faults(void)
{
	EXPECT(run_user(KERNEL_CODE, 0, 0, 0), CAUSE_FETCH_PAGE);
	EXPECT(this_cpu()->seen.pc, KERNEL_CODE);
	EXPECT(this_cpu()->seen.value, KERNEL_CODE);
	place(user_page, 0x00053503, ECALL); /* ld a0, 0(a0) */
	EXPECT(run_user(USER_CODE, KERNEL_CODE + 5, 0, 0), CAUSE_LOAD_PAGE);
	EXPECT(this_cpu()->seen.pc, USER_CODE);
	EXPECT(this_cpu()->seen.value, KERNEL_CODE + 5);
	EXPECT(this_cpu()->seen.x[10], KERNEL_CODE + 5);
	place(user_page, 0x00b53023, ECALL); /* sd a1, 0(a0) */
	EXPECT(run_user(USER_CODE, USER_CODE + 64, 0, 0), CAUSE_STORE_PAGE);
	EXPECT(this_cpu()->seen.value, USER_CODE + 64);
}

/* Loads and stores may be misaligned; atomic operations may not. */
static void misaligned(void)
{
	uint64_t value;

	for (unsigned offset = 1; offset < 8; offset++) {
		uint64_t at = (uint64_t)memory + offset;

		during("offset %u", (uint64_t)offset);
		EXPECT(try_store(at, 0x1122334455667788), NOTHING);
		EXPECT(try_load(at, &value), NOTHING);
		EXPECT(value, 0x1122334455667788);
		EXPECT(ATTEMPT("amoadd.d %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(at)),
		       CAUSE_STORE_MISALIGNED);
		EXPECT(this_cpu()->seen.value, at);
		EXPECT(ATTEMPT("lr.d %[value], (%[at])", AND[value] "=r"(value), [at] "r"(at)), CAUSE_LOAD_MISALIGNED);
		EXPECT(this_cpu()->seen.value, at);
		EXPECT(ATTEMPT("sc.d %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(at)),
		       CAUSE_STORE_MISALIGNED);
		EXPECT(this_cpu()->seen.value, at);
		if (offset == 4)
			continue;
		EXPECT(ATTEMPT("amomaxu.w %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(at)),
		       CAUSE_STORE_MISALIGNED);
		EXPECT(ATTEMPT("lr.w %[value], (%[at])", AND[value] "=r"(value), [at] "r"(at)), CAUSE_LOAD_MISALIGNED);
	}
}

static void access_faults(void)
{
	uint64_t value;

	EXPECT(try_load(HOLE + 3, NULL), CAUSE_LOAD_ACCESS);
	EXPECT(this_cpu()->seen.value, HOLE + 3);
	EXPECT(try_store(HOLE, 0), CAUSE_STORE_ACCESS);
	EXPECT(this_cpu()->seen.value, HOLE);
	EXPECT(ATTEMPT("amoswap.w %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(HOLE)),
	       CAUSE_STORE_ACCESS);
	EXPECT(ATTEMPT("lr.d %[value], (%[at])", AND[value] "=r"(value), [at] "r"(HOLE)), CAUSE_LOAD_ACCESS);
	EXPECT(try_call(HOLE + 8), CAUSE_FETCH_ACCESS);
	EXPECT(this_cpu()->seen.pc, HOLE + 8);
	EXPECT(this_cpu()->seen.value, HOLE + 8);
}

/* An instruction that traps has not written its destination, even if that is its base. */
static void nothing_half_done(void)
{
	uint64_t base = HOLE;

	EXPECT(ATTEMPT("ld %[base], 0(%[base])", AND[base] "+r"(base), "r"(0)), CAUSE_LOAD_ACCESS);
	EXPECT(base, HOLE);
	EXPECT(ATTEMPT("amoadd.d %[base], %[base], (%[base])", AND[base] "+r"(base), "r"(0)), CAUSE_STORE_ACCESS);
	EXPECT(base, HOLE);
	/* jalr writes its link before the fetch at its target faults. */
	EXPECT(try_call(HOLE), CAUSE_FETCH_ACCESS);
	EXPECT_TRUE(this_cpu()->seen.x[1] != 0 && this_cpu()->seen.x[1] != HOLE);
}

/* What SIE, SPIE and SPP are in the handler and after it. */
static void status_stack(void)
{
	csr_clear("sstatus", STATUS_SIE | STATUS_SPIE | STATUS_SPP);
	EXPECT(in_kernel(0), CAUSE_ILLEGAL);
	EXPECT(this_cpu()->seen.status & (STATUS_SIE | STATUS_SPIE | STATUS_SPP), STATUS_SPP);
	EXPECT(csr_read("sstatus") & (STATUS_SIE | STATUS_SPIE | STATUS_SPP), STATUS_SPIE);
	csr_set("sstatus", STATUS_SIE);
	EXPECT(in_kernel(0), CAUSE_ILLEGAL);
	EXPECT(this_cpu()->seen.status & (STATUS_SIE | STATUS_SPIE | STATUS_SPP), STATUS_SPP | STATUS_SPIE);
	EXPECT(csr_read("sstatus") & (STATUS_SIE | STATUS_SPIE | STATUS_SPP), STATUS_SIE | STATUS_SPIE);
	csr_clear("sstatus", STATUS_SIE);
	EXPECT(in_user(0x00000013), CAUSE_USER_ECALL);
	EXPECT(this_cpu()->seen.status & (STATUS_SIE | STATUS_SPIE | STATUS_SPP), STATUS_SPIE);
}

/* Exceptions go to the base even if interrupts are vectored; the base has its two lowest bits for the mode. */
static void trap_vector(void)
{
	uint64_t before = csr_read("stvec");

	csr_write("stvec", before | 1);
	EXPECT(csr_read("stvec"), before | 1);
	EXPECT(in_kernel(0), CAUSE_ILLEGAL);
	EXPECT(in_user(0), CAUSE_ILLEGAL);
	csr_write("stvec", before);
	EXPECT(csr_read("stvec"), before);
}

static void exception_pc(void)
{
	csr_write("sepc", UINT64_MAX);
	EXPECT(csr_read("sepc"), UINT64_MAX - 1);
	csr_write("sepc", 0x80000002);
	EXPECT(csr_read("sepc"), 0x80000002);
}

/* sret to S mode at any address, from where it goes on. */
static void supervisor_return(void)
{
	uint64_t value = 0;

	csr_set("sstatus", STATUS_SPP);
	csr_clear("sstatus", STATUS_SPIE);
	asm volatile("la t0, 1f\n csrw sepc, t0\n sret\n li %0, 1\n1: addi %0, %0, 2" : "+r"(value) : : "t0");
	EXPECT(value, 2);
	EXPECT(csr_read("sstatus") & (STATUS_SIE | STATUS_SPIE | STATUS_SPP), STATUS_SPIE);
}

void main(void)
{
	static const struct test tests[] = {
		{"illegal instructions", illegal_instructions},
		{"what only S mode may", supervisor_only},
		{"breakpoints", breakpoints},
		{"calls from U mode", user_calls},
		{"faults in U mode", user_faults},
		{"misaligned accesses", misaligned},
		{"access faults", access_faults},
		{"what traps has not been done", nothing_half_done},
		{"sstatus over a trap", status_stack},
		{"stvec", trap_vector},
		{"sepc", exception_pc},
		{"sret to S mode", supervisor_return},
	};

	set_up();
	run_tests(tests, ARRAY_SIZE(tests));
}
