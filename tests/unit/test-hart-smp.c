/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-hart-smp.c - SBI, timers, several harts, pausing and resetting.
 */
#include "unit.h"

#include <time.h>

#include "hart-rig.h"

#define SECOND (RIG_RAM + 0x20000)
#define DATA (RIG_RAM + 16 * MIB)

enum {
	BASE = 0x10,
	TIME = 0x54494d45,
	IPI = 0x735049,
	RFENCE = 0x52464e43,
	HSM = 0x48534d,
	SRST = 0x53525354,
	DBCN = 0x4442434e
};

static struct rig *rig;

static int setup(void **state)
{
	rig = rig_new(1);
	return 0;
}

static int setup_two(void **state)
{
	rig = rig_new(2);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

static void base_and_probe(void **state)
{
	rig_sbi(rig, BASE, 0);
	EMIT(rig, ADD(s2, a0, zero), ADD(s3, a1, zero));
	rig_li(rig, a0, HSM);
	rig_sbi(rig, BASE, 3);
	EMIT(rig, ADD(s4, a1, zero));
	rig_li(rig, a0, 0x504d55);
	rig_sbi(rig, BASE, 3);
	EMIT(rig, ADD(s5, a1, zero));
	rig_sbi(rig, 0x12345678, 0);
	EMIT(rig, ADD(s6, a0, zero));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 0);
	assert_int_equal(rig_x(rig, s3), 2 << 24);
	assert_int_equal(rig_x(rig, s4), 1);
	assert_int_equal(rig_x(rig, s5), 0);
	assert_int_equal((int64_t)rig_x(rig, s6), -2);
}

static void debug_console(void **state)
{
	memcpy(ram_at(rig->ram, DATA, 5), "hello", 5);
	rig_li(rig, a0, 5);
	rig_li(rig, a1, DATA);
	rig_li(rig, a2, 0);
	rig_sbi(rig, DBCN, 0);
	EMIT(rig, ADD(s2, a1, zero));
	rig_li(rig, a0, '!');
	rig_sbi(rig, DBCN, 2);
	/* A buffer that is not memory. */
	rig_li(rig, a0, 5);
	rig_li(rig, a1, 0x1000);
	rig_sbi(rig, DBCN, 0);
	EMIT(rig, ADD(s3, a0, zero));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 5);
	assert_int_equal((int64_t)rig_x(rig, s3), -3);
	assert_string_equal(rig->console, "hello!");
}

/* The answer is how much was written; a byte that was not is an error. */
static void full_debug_console(void **state)
{
	memset(ram_at(rig->ram, DATA, 1000), 'x', 1000);
	rig_li(rig, a0, 1000);
	rig_li(rig, a1, DATA);
	rig_li(rig, a2, 0);
	rig_sbi(rig, DBCN, 0);
	EMIT(rig, ADD(s2, a0, zero), ADD(s3, a1, zero));
	rig_li(rig, a0, '!');
	rig_sbi(rig, DBCN, 2);
	EMIT(rig, ADD(s4, a0, zero));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 0);
	assert_int_equal(rig_x(rig, s3), sizeof(rig->console) - 1);
	assert_int_equal((int64_t)rig_x(rig, s4), -1);
}

static void system_reset(void **state)
{
	rig_li(rig, a0, 1);
	rig_li(rig, a1, 0);
	rig_sbi(rig, SRST, 0);
	EMIT(rig, J(0));
	assert_true(rig_run(rig));
	assert_int_equal(rig->request, ACCEL_GUEST_REBOOT);
}

/* WFI with the timer's interrupt enabled but not taken: it ends when the time has come, and no processor time goes. */
static void timer_ends_wfi(void **state)
{
	struct timespec before, after;
	uint64_t spent;

	rig_li(rig, t0, 1 << 5);
	rig_li(rig, t1, 2000000); /* 200 ms */
	EMIT(rig, CSRW(sie, t0), CSRR(s2, rdtime), ADD(t1, t1, s2), CSRW(stimecmp, t1));
	EMIT(rig, WFI(), CSRR(s3, rdtime), CSRR(s4, sip), BEQ(s4, zero, -12));
	rig_end(rig);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_true(rig_run(rig));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	spent = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
	assert_true(rig_x(rig, s3) - rig_x(rig, s2) >= 2000000);
	assert_int_equal(rig_x(rig, s4), 1 << 5);
	assert_true(spent < 100000000);
}

/* A timer interrupts a hart that never looks. */
static void timer_interrupts_a_loop(void **state)
{
	rig_li(rig, t0, RIG_RAM + 0x8000);
	EMIT(rig, CSRW(stvec, t0));
	rig_li(rig, t0, 1 << 5);
	EMIT(rig, CSRW(sie, t0), CSRSI(sstatus, 2), CSRR(a0, rdtime));
	rig_li(rig, t0, 100000);
	EMIT(rig, ADD(a0, a0, t0));
	rig_sbi(rig, TIME, 0);
	EMIT(rig, J(0));
	rig->at = RIG_RAM + 0x8000;
	EMIT(rig, CSRR(s2, scause));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), UINT64_C(1) << 63 | 5);
}

static void external_interrupt(void **state)
{
	rig_li(rig, t0, RIG_RAM + 0x8000);
	EMIT(rig, CSRW(stvec, t0));
	rig_li(rig, t0, 1 << 9);
	EMIT(rig, CSRW(sie, t0), CSRSI(sstatus, 2), WFI(), J(-4));
	rig->at = RIG_RAM + 0x8000;
	EMIT(rig, CSRR(s2, scause));
	rig_end(rig);
	rig_start(rig);
	rig->accel->set_irq(rig->accel, 0, ACCEL_IRQ_RISCV_SEI, true);
	assert_true(rig_wait(rig));
	rig_pause(rig);
	assert_int_equal(rig_x(rig, s2), UINT64_C(1) << 63 | 9);
}

static void time_stands_still(void **state)
{
	uint64_t paused, later;

	EMIT(rig, J(0));
	rig_start(rig);
	rig_pause(rig);
	paused = clock_ticks(&rig->soft->clock);
	usleep(20000);
	later = clock_ticks(&rig->soft->clock);
	assert_int_equal(paused, later);
	rig->accel->resume(rig->accel);
	usleep(20000);
	rig_pause(rig);
	assert_in_range(clock_ticks(&rig->soft->clock) - paused, 150000, 5000000);
}

static void reset_forgets(void **state)
{
	rig_li(rig, s2, 5);
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 5);
	/* Other code at the same place: nothing decoded may be left. */
	rig->at = RIG_RAM;
	EMIT(rig, ADD(s3, s2, zero), CSRR(s4, satp));
	rig_li(rig, s2, 6);
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 6);
	assert_int_equal(rig_x(rig, s3), 0);
}

static void reservations(void **state)
{
	rig_li(rig, t0, DATA);
	EMIT(rig, LR_D(t1, t0), SC_D(s2, t1, t0),			       /* succeeds */
	     SC_D(s3, t1, t0),						       /* has no reservation */
	     LR_D(t1, t0), ADDI(t2, zero, 9), SD(t2, 0, t0), SC_D(s4, t1, t0), /* the value changed */
	     LR_D(t1, t0), ADDI(t2, t0, 8), SC_D(s5, t1, t2));		       /* another address */
	/* A trap in between ends it. */
	rig_li(rig, t1, rig->at + 4 * 15);
	EMIT(rig, CSRW(stvec, t1), LR_D(t1, t0), EBREAK(), J(0), SC_D(s6, t1, t0));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), 0);
	assert_int_equal(rig_x(rig, s3), 1);
	assert_int_equal(rig_x(rig, s4), 1);
	assert_int_equal(rig_x(rig, s5), 1);
	assert_int_equal(rig_x(rig, s6), 1);
}

/* Starts hart 1 at SECOND. */
static void emit_start_second(void)
{
	rig_li(rig, a0, 1);
	rig_li(rig, a1, SECOND);
	rig_li(rig, a2, 0x77);
	rig_sbi(rig, HSM, 0);
	EMIT(rig, ADD(s9, a0, zero));
}

static void second_hart_starts(void **state)
{
	uint64_t at;

	emit_start_second();
	rig_li(rig, t0, DATA);
	EMIT(rig, LD(s2, 0, t0), BEQ(s2, zero, -4), LD(s3, 8, t0));
	/* Until it has stopped itself. */
	at = rig->at;
	rig_li(rig, a0, 1);
	rig_sbi(rig, HSM, 2);
	EMIT(rig, ADDI(t1, zero, 1), BNE(a1, t1, (int32_t)(at - rig->at - 4)));
	rig_end(rig);
	rig->at = SECOND;
	rig_li(rig, t0, DATA);
	EMIT(rig, SD(a1, 8, t0), ADDI(a0, a0, 10), SD(a0, 0, t0));
	rig_sbi(rig, HSM, 1);
	EMIT(rig, J(0));
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s9), 0);
	assert_int_equal(rig_x(rig, s2), 11);
	assert_int_equal(rig_x(rig, s3), 0x77);
}

/* Both harts add to one word; none gets lost. */
static void atomics_between_harts(void **state)
{
	const unsigned rounds = 200000;

	emit_start_second();
	for (unsigned i = 0; i < 2; i++) {
		rig_li(rig, t0, DATA);
		rig_li(rig, t1, rounds);
		EMIT(rig, ADDI(t2, zero, 1), AMOADD_D(zero, t2, t0), LR_D(s2, t0), ADDI(s2, s2, 1), SC_D(s3, s2, t0),
		     BNE(s3, zero, -12), ADDI(t1, t1, -1), BNE(t1, zero, -24));
		EMIT(rig, ADDI(t0, t0, 64), AMOADD_D(zero, t2, t0));
		if (i == 0) {
			EMIT(rig, ADDI(t1, zero, 2), LD(t2, 0, t0), BNE(t2, t1, -4));
			rig_end(rig);
			rig->at = SECOND;
		} else {
			EMIT(rig, WFI(), J(-4));
		}
	}
	assert_true(rig_run(rig));
	assert_int_equal(rig_peek(rig, DATA), 4 * rounds);
}

/* The second hart sits in WFI until the first sends an IPI. */
static void interrupt_between_harts(void **state)
{
	emit_start_second();
	rig_li(rig, t0, DATA);
	EMIT(rig, LD(s2, 0, t0), BEQ(s2, zero, -4));
	rig_li(rig, a0, 1);
	rig_li(rig, a1, 1);
	rig_sbi(rig, IPI, 0);
	rig_li(rig, t0, DATA);
	EMIT(rig, LD(s3, 8, t0), BEQ(s3, zero, -4));
	rig_end(rig);
	rig->at = SECOND;
	rig_li(rig, t0, DATA);
	rig_li(rig, t1, SECOND + 0x1000);
	EMIT(rig, CSRW(stvec, t1), CSRSI(sie, 2), CSRSI(sstatus, 2), ADDI(t1, zero, 1), SD(t1, 0, t0), WFI(), J(-4));
	rig->at = SECOND + 0x1000;
	EMIT(rig, CSRR(t1, scause), SD(t1, 8, t0), WFI(), J(-4));
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s3), UINT64_C(1) << 63 | 1);
}

/*
 * The second hart reads through a translation, the first changes the table and fences it remotely: when the call has
 * returned, no read gives the old page.
 */
static void remote_fence(void **state)
{
	const unsigned rounds = 100;
	uint64_t at;

	rig_tables(rig);
	at = rig_map(rig, 0x10000, DATA + 4096, PTE_V | PTE_R | PTE_A);
	rig_poke(rig, DATA + 4096, 0);
	rig_poke(rig, DATA + 8192, 1);
	emit_start_second();
	rig_li(rig, s2, rounds);
	rig_li(rig, s3, at);
	rig_li(rig, s4, (DATA + 4096) >> 12 << 10 | PTE_V | PTE_R | PTE_A);
	rig_li(rig, s5, (DATA + 8192) >> 12 << 10 | PTE_V | PTE_R | PTE_A);
	rig_li(rig, s6, DATA);
	/* Each round: swap pages, fence hart 1, ask what it reads by a counter in DATA, compare with DATA + 8. */
	at = rig->at;
	EMIT(rig, ADD(t0, s4, zero), ADD(s4, s5, zero), ADD(s5, t0, zero), SD(s4, 0, s3));
	rig_li(rig, a0, 2);
	rig_li(rig, a1, 0);
	rig_li(rig, a2, 0x10000);
	rig_li(rig, a3, 4096);
	rig_sbi(rig, RFENCE, 1);
	EMIT(rig, SD(s2, 0, s6), LD(t0, 16, s6), BNE(t0, s2, -4), LD(t0, 8, s6), LD(t1, 24, s6), ADDI(t2, zero, 1),
	     rv_r(0x33, 0, 0x20, t2, t2, t1), SD(t2, 24, s6));
	/* s8 counts the rounds in which it read what it should: 1, 0, 1, ... */
	EMIT(rig, BNE(t0, t2, 8), ADDI(s8, s8, 1), ADDI(s2, s2, -1));
	EMIT(rig, BNE(s2, zero, (int32_t)(at - rig->at)));
	rig_end(rig);
	rig->at = SECOND;
	rig_li(rig, t0, RIG_SATP(3));
	rig_li(rig, t1, 0x10000);
	rig_li(rig, t2, DATA);
	EMIT(rig, CSRW(satp, t0), LD(s2, 0, t2), LD(s3, 0, t1), SD(s3, 8, t2), SD(s2, 16, t2), J(-16));
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s8), rounds);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TWO(name) cmocka_unit_test_setup_teardown(name, setup_two, teardown)
	static const struct CMUnitTest tests[] = {
		ONE(base_and_probe),	      ONE(debug_console),
		ONE(full_debug_console),      ONE(system_reset),
		ONE(timer_ends_wfi),	      ONE(timer_interrupts_a_loop),
		ONE(external_interrupt),      ONE(time_stands_still),
		ONE(reset_forgets),	      ONE(reservations),
		TWO(second_hart_starts),      TWO(atomics_between_harts),
		TWO(interrupt_between_harts), TWO(remote_fence),
	};

	return cmocka_run_group_tests_name("hart-smp", tests, NULL, NULL);
}
