/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harts.c - starting and stopping another hart, and interrupts from one to the other.
 */
#include "other.h"

static void nothing(void)
{
}

static uint64_t state(void)
{
	struct sbi_result result = SBI_CALL(SBI_HSM, SBI_HSM_STATUS, other_id());

	EXPECT(result.error, SBI_SUCCESS);
	return result.value;
}

static void starting(void)
{
	EXPECT(state(), SBI_HSM_STOPPED);
	EXPECT(other_begin().error, SBI_SUCCESS);
	other_post(nothing);
	other_wait();
	EXPECT(state(), SBI_HSM_STARTED);
	EXPECT(other_start.a0, other_id());
	EXPECT(other_start.status & STATUS_SIE, 0);
	EXPECT(other_start.satp, 0);
	EXPECT(other_start.sie, 0);
	EXPECT(other_begin().error, SBI_ERR_ALREADY_AVAILABLE);
}

static void stop_this(void)
{
	other_job_done();
	SBI_CALL(SBI_HSM, SBI_HSM_STOP);
	panic("a stopped hart goes on");
}

static void stopping(void)
{
	for (unsigned round = 0; round < 20; round++) {
		other_post(stop_this);
		other_wait();
		while (state() != SBI_HSM_STOPPED)
			;
		/* An interrupt does not start it. */
		SBI_CALL(SBI_IPI, 0, 1, other_id());
		EXPECT(state(), SBI_HSM_STOPPED);
		EXPECT(other_begin().error, SBI_SUCCESS);
		other_post(nothing);
		other_wait();
	}
}

/* Interrupts back and forth, each hart waiting by WFI for the other's. */
static uint64_t ball;

static void wait_for_ball(uint64_t number)
{
	while (load(ball) != number) {
		csr_clear("sip", SOFTWARE);
		if (load(ball) != number)
			asm volatile("wfi" : : : "memory");
	}
}

static void return_balls(void)
{
	for (uint64_t round = 0; round < ROUNDS; round++) {
		wait_for_ball(2 * round + 1);
		store(ball, 2 * round + 2);
		SBI_CALL(SBI_IPI, 0, 1, !other_id());
	}
}

static void interrupts(void)
{
	csr_write("sie", SOFTWARE);
	store(ball, 0);
	other_post(return_balls);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		store(ball, 2 * round + 1);
		EXPECT(SBI_CALL(SBI_IPI, 0, 1, other_id()).error, SBI_SUCCESS);
		wait_for_ball(2 * round + 2);
	}
	other_wait();
	csr_clear("sip", SOFTWARE);
	csr_write("sie", 0);
}

static uint64_t spinning;

/* The other hart spins with interrupts on; a broadcast reaches it and this one. */
static void spin_for_interrupt(void)
{
	struct cpu *cpu = this_cpu();

	cpu->interrupts = 0;
	csr_write("sie", SOFTWARE);
	csr_set("sstatus", STATUS_SIE);
	store(spinning, 1);
	while (!*(volatile unsigned *)&cpu->interrupts)
		;
	csr_clear("sstatus", STATUS_SIE);
	csr_clear("sip", SOFTWARE);
	csr_write("sie", SOFTWARE);
}

static void broadcast(void)
{
	for (unsigned round = 0; round < 20; round++) {
		store(spinning, 0);
		other_post(spin_for_interrupt);
		while (!load(spinning))
			;
		EXPECT(SBI_CALL(SBI_IPI, 0, 0, UINT64_MAX).error, SBI_SUCCESS);
		other_wait();
		EXPECT(csr_read("sip") & SOFTWARE, SOFTWARE);
		csr_clear("sip", SOFTWARE);
	}
}

void main(void)
{
	static const struct test tests[] = {
		{"starting", starting},
		{"stopping and starting again", stopping},
		{"interrupts back and forth", interrupts},
		{"a broadcast", broadcast},
	};

	run_tests(tests, ARRAY_SIZE(tests));
}
