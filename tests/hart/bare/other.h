/* SPDX-License-Identifier: Apache-2.0 */
/*
 * other.h - the second hart, which waits for jobs from the first.
 */
#pragma once

#include "check.h"
#include "sbi.h"

#define SOFTWARE (UINT64_C(1) << IRQ_SOFTWARE)
#define ROUNDS 200 /* of things that wait for each other */

#define load(what) __atomic_load_n(&(what), __ATOMIC_SEQ_CST)
#define store(what, value) __atomic_store_n(&(what), value, __ATOMIC_SEQ_CST)

/* The hart that the firmware did not start with. */
uint64_t other_id(void);

/* What it found when it was started. */
extern struct other_start {
	uint64_t a0, status, satp, sie;
} other_start;

/* Has the firmware start it; it waits for jobs from then on. */
struct sbi_result other_begin(void);

/* Gives it something to run, once it has done what it had before. */
void other_post(void (*what)(void));

void other_wait(void);

/* To be called by a job that does not come back. */
void other_job_done(void);
