/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/clock.c - guest time, and the one thread that kicks harts whose timer is due.
 */
#include "accel/soft/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "accel/soft/hart.h"
#include "accel/soft/soft.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int clock_init(struct clock *clock, uint64_t hz, struct mortise_error *err)
{
	pthread_condattr_t monotonic;

	if (hz == 0 || hz >= NS_PER_S)
		return mortise_fail(err, -EINVAL, "The time base must be above 0 and below 1 GHz, not %llu Hz",
				    (unsigned long long)hz);
	clock->hz = hz;
	/* Rounded up, so that a whole number of ticks is never read as one less. */
	clock->scale = ((unsigned __int128)hz << 64) / NS_PER_S + 1;
	clock->origin = clock->stopped = now_ns();
	clock->wake_at = CLOCK_NEVER;
	pthread_mutex_init(&clock->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&clock->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return 0;
}

uint64_t clock_ticks(const struct clock *clock)
{
	uint64_t stopped = __atomic_load_n(&clock->stopped, __ATOMIC_ACQUIRE);
	uint64_t now = stopped ? stopped : now_ns();

	return (unsigned __int128)(now - __atomic_load_n(&clock->origin, __ATOMIC_RELAXED)) * clock->scale >> 64;
}

void clock_stop(struct clock *clock)
{
	if (!clock->stopped)
		__atomic_store_n(&clock->stopped, now_ns(), __ATOMIC_RELEASE);
}

void clock_run(struct clock *clock)
{
	pthread_mutex_lock(&clock->lock);
	if (clock->stopped) {
		__atomic_store_n(&clock->origin, clock->origin + (now_ns() - clock->stopped), __ATOMIC_RELAXED);
		__atomic_store_n(&clock->stopped, 0, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&clock->lock);
}

uint64_t clock_deadline(const struct clock *clock, uint64_t ticks)
{
	unsigned __int128 ns = ((unsigned __int128)ticks * NS_PER_S + clock->hz - 1) / clock->hz + clock->origin;

	/* Half the range of a signed 64-bit time is 146 years. */
	return ns < INT64_MAX / 2 ? (uint64_t)ns : CLOCK_NEVER;
}

void clock_arm(struct hart *hart, uint64_t deadline)
{
	struct clock *clock = &hart->soft->clock;

	pthread_mutex_lock(&clock->lock);
	hart->deadline = deadline;
	if (deadline < clock->wake_at)
		pthread_cond_signal(&clock->changed);
	pthread_mutex_unlock(&clock->lock);
}

/* Kicks the harts that are due and returns the next deadline. Sleeping harts watch their own. */
static uint64_t kick_due(struct soft *soft)
{
	uint64_t now = now_ns(), next = CLOCK_NEVER;

	for (unsigned i = 0; i < soft->hart_count; i++) {
		struct hart *hart = &soft->harts[i];

		if (hart->deadline <= now) {
			hart->deadline = CLOCK_NEVER;
			hart_kick(hart);
		} else if (hart->deadline < next) {
			next = hart->deadline;
		}
	}
	return next;
}

static void *timer_main(void *arg)
{
	struct soft *soft = arg;
	struct clock *clock = &soft->clock;

	pthread_mutex_lock(&clock->lock);
	while (!clock->ending) {
		struct timespec until;

		clock->wake_at = kick_due(soft);
		if (clock->wake_at == CLOCK_NEVER) {
			pthread_cond_wait(&clock->changed, &clock->lock);
			continue;
		}
		until.tv_sec = clock->wake_at / NS_PER_S;
		until.tv_nsec = clock->wake_at % NS_PER_S;
		pthread_cond_timedwait(&clock->changed, &clock->lock, &until);
	}
	pthread_mutex_unlock(&clock->lock);
	return NULL;
}

int clock_start(struct soft *soft, struct mortise_error *err)
{
	int error = pthread_create(&soft->clock.thread, NULL, timer_main, soft);

	if (error)
		return mortise_fail(err, -error, "The timer thread cannot be started: %s", strerror(error));
	pthread_setname_np(soft->clock.thread, "timer");
	soft->clock.threaded = true;
	return 0;
}

void clock_destroy(struct clock *clock)
{
	if (clock->threaded) {
		pthread_mutex_lock(&clock->lock);
		clock->ending = true;
		pthread_cond_signal(&clock->changed);
		pthread_mutex_unlock(&clock->lock);
		pthread_join(clock->thread, NULL);
	}
	pthread_cond_destroy(&clock->changed);
	pthread_mutex_destroy(&clock->lock);
}
