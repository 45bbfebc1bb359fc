/* SPDX-License-Identifier: Apache-2.0 */
/*
 * other.c - the second hart waits for its jobs by WFI.
 */
#include "other.h"

extern char start_other[];

struct other_start other_start;

/* There is a job when the first number is higher. */
static void (*job)(void);
static uint64_t given, done;

uint64_t other_id(void)
{
	return !cpus[0].cpu.hart_id;
}

void other_job_done(void)
{
	store(done, done + 1);
}

/* The interrupt only ends the WFI: it is not taken. */
static void work(void)
{
	csr_write("sie", SOFTWARE);
	for (;;) {
		while (load(done) == load(given)) {
			csr_clear("sip", SOFTWARE);
			if (load(done) == load(given))
				asm volatile("wfi" : : : "memory");
		}
		job();
		other_job_done();
	}
}

static void begin(uint64_t hart_id, uint64_t argument)
{
	(void)argument;
	other_start = (struct other_start){
		.a0 = hart_id,
		.status = csr_read("sstatus"),
		.satp = csr_read("satp"),
		.sie = csr_read("sie"),
	};
	work();
}

struct sbi_result other_begin(void)
{
	cpus[1].cpu.main = begin;
	return SBI_CALL(SBI_HSM, SBI_HSM_START, other_id(), start_other, &cpus[1]);
}

void other_wait(void)
{
	while (load(done) != load(given))
		;
}

void other_post(void (*what)(void))
{
	other_wait();
	job = what;
	store(given, given + 1);
	EXPECT(SBI_CALL(SBI_IPI, 0, 1, other_id()).error, SBI_SUCCESS);
}
