/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/clock.h - guest time, and the one thread that kicks harts whose timer is due.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <mortise/error.h>

struct hart;
struct soft;

#define CLOCK_NEVER UINT64_MAX

struct clock {
	uint64_t hz;	  /* of the guest's time */
	uint64_t scale;	  /* ticks a nanosecond, as a fraction of 2^64 */
	uint64_t origin;  /* atomic: CLOCK_MONOTONIC ns at which guest time was zero */
	uint64_t stopped; /* atomic: CLOCK_MONOTONIC ns at which guest time stands still, 0 while it runs */

	pthread_mutex_t lock; /* for all below and each hart's deadline */
	pthread_cond_t changed;
	pthread_t thread;
	bool threaded, ending;
	uint64_t wake_at; /* until when the thread sleeps */
};

/* Guest time starts at zero, standing still. */
int clock_init(struct clock *clock, uint64_t hz, struct mortise_error *err);
void clock_destroy(struct clock *clock);

/* Starts the thread; clock_destroy() ends it. */
int clock_start(struct soft *soft, struct mortise_error *err);

/* Guest time in ticks. Any thread. */
uint64_t clock_ticks(const struct clock *clock);

/* Guest time stands still from clock_stop() to clock_run(); no hart runs then. */
void clock_stop(struct clock *clock);
void clock_run(struct clock *clock);

/* The CLOCK_MONOTONIC ns at which guest time will be `ticks`, CLOCK_NEVER if that is beyond all need. */
uint64_t clock_deadline(const struct clock *clock, uint64_t ticks);

/* Has the thread kick `hart` at `deadline`. Hart's own thread, or VM paused. */
void clock_arm(struct hart *hart, uint64_t deadline);
