/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-hart-trap.c - traps are precise, Sv39 translates and protects, fences forget.
 */
#include "unit.h"

#include "hart-rig.h"

#define DATA (RIG_RAM + 16 * MIB)
#define HANDLER (RIG_RAM + 0x8000)

static struct rig *rig;

static int setup(void **state)
{
	rig = rig_new(1);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

/* A handler that keeps scause, sepc and stval in s2, s3, s4 and ends the program; installed by the code emitted. */
static void end_on_trap(void)
{
	uint64_t at = rig->at;

	rig->at = HANDLER;
	EMIT(rig, CSRR(s2, scause), CSRR(s3, sepc), CSRR(s4, stval), CSRR(s5, sstatus), CSRR(s6, rdinstret));
	rig_end(rig);
	rig->at = at;
	rig_li(rig, t0, HANDLER);
	EMIT(rig, CSRW(stvec, t0));
}

static void expect_trap(uint64_t cause, uint64_t pc, uint64_t value)
{
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), cause);
	assert_int_equal(rig_x(rig, s3), pc);
	assert_int_equal(rig_x(rig, s4), value);
}

/* Translation on, with the tables of rig_tables() and whatever was mapped besides. */
static void enable_sv39(void)
{
	rig_li(rig, t0, RIG_SATP(1));
	EMIT(rig, CSRW(satp, t0), SFENCE_VMA(zero, zero));
}

static void illegal_instruction(void **state)
{
	end_on_trap();
	EMIT(rig, ADDI(s7, zero, 1), 0xffffffff, ADDI(s7, zero, 2));
	expect_trap(2, rig->at - 8, 0xffffffff);
	assert_int_equal(rig_x(rig, s7), 1);
}

static void instret_stops_at_the_trap(void **state)
{
	uint64_t before;

	end_on_trap();
	EMIT(rig, CSRR(s7, rdinstret), ADDI(t1, zero, 1), ADDI(t1, zero, 1), EBREAK());
	assert_true(rig_run(rig));
	before = rig_x(rig, s7);
	/* csrr, two addi; the ebreak did not retire; four of the handler's. */
	assert_int_equal(rig_x(rig, s6) - before, 3 + 4);
}

static void floating_point_off(void **state)
{
	end_on_trap();
	EMIT(rig, FADD_D(1, 2, 3));
	expect_trap(2, rig->at - 4, FADD_D(1, 2, 3));
}

static void floating_point_gets_dirty(void **state)
{
	rig_li(rig, t0, 1 << 13);
	EMIT(rig, CSRS(sstatus, t0), FMV_X_D(t1, 1), CSRR(s2, sstatus), FMV_D_X(1, t1), CSRR(s3, sstatus));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2) >> 13 & 3, 1);
	assert_int_equal(rig_x(rig, s3) >> 13 & 3, 3);
	assert_true(rig_x(rig, s3) >> 63);
}

static void nothing_there(void **state)
{
	end_on_trap();
	rig_li(rig, t1, 0x40000000);
	EMIT(rig, LD(t2, 8, t1));
	expect_trap(5, rig->at - 4, 0x40000008);
}

static void jump_into_nothing(void **state)
{
	end_on_trap();
	rig_li(rig, t1, 0x40000000);
	EMIT(rig, JALR(ra, t1));
	expect_trap(1, 0x40000000, 0x40000000);
}

static void device_access(void **state)
{
	rig_li(rig, t1, RIG_DEVICE);
	rig_li(rig, t2, 0x1122334455667788);
	EMIT(rig, SD(t2, 8, t1), LW(s2, 8, t1), LD(s3, 8, t1));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 0x55667788);
	assert_int_equal(rig_x(rig, s3), 0x1122334455667788);
	assert_int_equal(rig->accesses, 3);
}

/* A store over a page's end whose second half faults must not have stored the first. */
static void no_partial_store(void **state)
{
	uint64_t va = 0x10000;

	rig_tables(rig);
	rig_map(rig, va, DATA, PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
	rig_poke(rig, DATA + 4088, 0x5555555555555555);
	end_on_trap();
	enable_sv39();
	rig_li(rig, t1, va + 4092);
	EMIT(rig, ADDI(t2, zero, -1), SD(t2, 0, t1));
	expect_trap(15, rig->at - 4, va + 4096);
	assert_int_equal(rig_peek(rig, DATA + 4088), 0x5555555555555555);
}

static void store_over_page_end(void **state)
{
	uint64_t va = 0x10000;

	rig_tables(rig);
	rig_map(rig, va, DATA, PTE_V | PTE_R | PTE_W);
	rig_map(rig, va + 4096, DATA + 16384, PTE_V | PTE_R | PTE_W);
	enable_sv39();
	rig_li(rig, t1, va + 4093);
	rig_li(rig, t2, 0x1122334455667788);
	EMIT(rig, SD(t2, 0, t1), LD(s2, 0, t1));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 0x1122334455667788);
	assert_int_equal(rig_peek(rig, DATA + 4088) >> 40, 0x667788);
	assert_int_equal(rig_peek(rig, DATA + 16384), 0x1122334455);
}

static void accessed_and_dirty(void **state)
{
	uint64_t va = 0x10000, at, kept;

	rig_tables(rig);
	at = rig_map(rig, va, DATA, PTE_V | PTE_R | PTE_W);
	enable_sv39();
	rig_li(rig, t1, va);
	rig_li(rig, s7, at);
	EMIT(rig, LD(t2, 0, t1), LD(s2, 0, s7), SD(t2, 0, t1), LD(s3, 0, s7));
	rig_end(rig);
	kept = rig_peek(rig, at);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), kept | PTE_A);
	assert_int_equal(rig_x(rig, s3), kept | PTE_A | PTE_D);
}

static void protection(void **state)
{
	const struct {
		unsigned flags;
		uint32_t insn;
		unsigned cause;
	} all[] = {
		{PTE_R, SD(t2, 0, t1), 15},	   {PTE_X, LD(t2, 0, t1), 13},
		{PTE_R | PTE_W, JALR(ra, t1), 12}, {PTE_R | PTE_U, LD(t2, 0, t1), 13},
		{PTE_W, LD(t2, 0, t1), 13},	   {PTE_R | PTE_X | PTE_U, JALR(ra, t1), 12},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		bool jump = all[i].cause == 12;

		rig_tables(rig);
		rig_map(rig, 0x10000, DATA, all[i].flags | PTE_V | PTE_A | PTE_D);
		rig->at = RIG_RAM;
		end_on_trap();
		enable_sv39();
		rig_li(rig, t1, 0x10000);
		EMIT(rig, all[i].insn);
		expect_trap(all[i].cause, jump ? 0x10000 : rig->at - 4, 0x10000);
	}
}

static void sum_lets_the_supervisor_in(void **state)
{
	rig_tables(rig);
	rig_map(rig, 0x10000, DATA, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	rig_poke(rig, DATA, 77);
	end_on_trap();
	enable_sv39();
	rig_li(rig, t0, 1 << 18);
	rig_li(rig, t1, 0x10000);
	EMIT(rig, CSRS(sstatus, t0), LD(s7, 0, t1), CSRC(sstatus, t0), LD(s7, 0, t1));
	expect_trap(13, rig->at - 4, 0x10000);
	assert_int_equal(rig_x(rig, s7), 77);
}

static void unsupported_satp_mode(void **state)
{
	rig_tables(rig);
	enable_sv39();
	rig_li(rig, t1, UINT64_C(9) << 60 | 0x12345);
	EMIT(rig, CSRR(s2, satp), CSRW(satp, t1), CSRR(s3, satp));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), RIG_SATP(1));
	assert_int_equal(rig_x(rig, s3), RIG_SATP(1));
}

static void asids_keep_apart(void **state)
{
	uint64_t other = RIG_RAM + 100 * MIB, at;

	rig_tables(rig);
	at = rig_map(rig, 0x10000, DATA, PTE_V | PTE_R | PTE_A | PTE_D);
	rig_poke(rig, DATA, 1);
	rig_poke(rig, other, 2);
	enable_sv39();
	rig_li(rig, t1, 0x10000);
	rig_li(rig, s7, at);
	rig_li(rig, t2, other >> 12 << 10 | PTE_V | PTE_R | PTE_A | PTE_D);
	EMIT(rig, LD(s2, 0, t1), SD(t2, 0, s7));
	/* Another address space has no translation yet; the first keeps its own until it is fenced. */
	rig_li(rig, t0, RIG_SATP(2));
	EMIT(rig, CSRW(satp, t0), LD(s3, 0, t1), ADDI(t2, zero, 1), SFENCE_VMA(t1, t2));
	rig_li(rig, t0, RIG_SATP(1));
	EMIT(rig, CSRW(satp, t0), LD(s4, 0, t1));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 1);
	assert_int_equal(rig_x(rig, s3), 2);
	assert_int_equal(rig_x(rig, s4), 2);
}

/* A fence for one address takes out the superpage that it is in. */
static void fence_in_a_superpage(void **state)
{
	uint64_t va = RIG_KERNEL + 20 * MIB, at = RIG_TABLES + 4096 + 10 * 8;

	rig_tables(rig);
	rig_poke(rig, RIG_RAM + 20 * MIB + 4096, 1);
	rig_poke(rig, RIG_RAM + 22 * MIB + 4096, 2);
	enable_sv39();
	rig_li(rig, t1, va + 4096);
	rig_li(rig, t2, va);
	rig_li(rig, s7, at);
	rig_li(rig, s8, (RIG_RAM + 22 * MIB) >> 12 << 10 | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D);
	EMIT(rig, LD(s2, 0, t1), LD(s3, 0, t2), SD(s8, 0, s7), SFENCE_VMA(t2, zero), LD(s3, 0, t1));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 1);
	assert_int_equal(rig_x(rig, s3), 2);
}

static void user_mode_and_back(void **state)
{
	uint64_t user = 0x10000, code = RIG_RAM + 0x10000, at = rig->at;

	rig_tables(rig);
	rig_map(rig, user, code, PTE_V | PTE_R | PTE_X | PTE_U);
	rig->at = code;
	EMIT(rig, ADDI(s7, zero, 5), CSRR(s8, rdtime), ECALL()); /* the clock is readable from the start */
	rig->at = at;
	end_on_trap();
	enable_sv39();
	rig_li(rig, t0, user);
	EMIT(rig, CSRW(sepc, t0), SRET());
	expect_trap(8, user + 8, 0);
	assert_int_equal(rig_x(rig, s7), 5);
	/* It came from user mode. */
	assert_int_equal(rig_x(rig, s5) & 0x100, 0);
}

static void user_may_not(void **state)
{
	const uint32_t all[] = {SRET(), WFI(), SFENCE_VMA(zero, zero), CSRR(t0, sstatus), CSRR(t0, rdtime)};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		uint64_t user = 0x10000, code = RIG_RAM + 0x10000;

		rig_tables(rig);
		rig_map(rig, user, code, PTE_V | PTE_R | PTE_X | PTE_U);
		rig->at = code;
		EMIT(rig, all[i]);
		rig->at = RIG_RAM;
		end_on_trap();
		enable_sv39();
		rig_li(rig, t0, user);
		EMIT(rig, CSRW(scounteren, zero), CSRW(sepc, t0), SRET());
		expect_trap(2, user, all[i]);
	}
}

/* An instruction whose second half is on a page that is not there: sepc is the instruction, stval the page. */
static void fetch_over_page_end(void **state)
{
	uint64_t va = 0x10000, code = RIG_RAM + 0x10000;
	uint32_t insn = ADDI(s7, zero, 9);

	rig_tables(rig);
	rig_map(rig, va, code, PTE_V | PTE_R | PTE_X);
	memcpy(ram_at(rig->ram, code + 4094, 2), &insn, 2);
	end_on_trap();
	enable_sv39();
	rig_li(rig, t1, va + 4094);
	EMIT(rig, JALR(ra, t1));
	expect_trap(12, va + 4094, va + 4096);
	/* With the page there it runs; what follows is zeroes, illegal. */
	rig_map(rig, va + 4096, code + 8192, PTE_V | PTE_R | PTE_X);
	memcpy(ram_at(rig->ram, code + 8192, 2), (char *)&insn + 2, 2);
	expect_trap(2, va + 4098, 0);
	assert_int_equal(rig_x(rig, s7), 9);
}

static void vectored_interrupts(void **state)
{
	end_on_trap();
	rig_li(rig, t0, HANDLER - 4 + 1);
	EMIT(rig, CSRW(stvec, t0), CSRSI(sip, 2), CSRSI(sie, 2), CSRSI(sstatus, 2), J(0));
	/* Cause 1 enters at base + 4, which is HANDLER; the base itself holds nothing. */
	expect_trap(UINT64_C(1) << 63 | 1, rig->at - 4, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(illegal_instruction),
		TEST(instret_stops_at_the_trap),
		TEST(floating_point_off),
		TEST(floating_point_gets_dirty),
		TEST(nothing_there),
		TEST(jump_into_nothing),
		TEST(device_access),
		TEST(no_partial_store),
		TEST(store_over_page_end),
		TEST(accessed_and_dirty),
		TEST(protection),
		TEST(sum_lets_the_supervisor_in),
		TEST(unsupported_satp_mode),
		TEST(asids_keep_apart),
		TEST(fence_in_a_superpage),
		TEST(user_mode_and_back),
		TEST(user_may_not),
		TEST(fetch_over_page_end),
		TEST(vectored_interrupts),
	};

	return cmocka_run_group_tests_name("hart-trap", tests, NULL, NULL);
}
