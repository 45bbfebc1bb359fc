/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wakeups.h - the timers and watched descriptors that a plugin's code has asked for, on one loop.
 *
 * The loop's thread alone. timer_set and watch are documented where plugins ask for them, in mortise/plugin.h.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include <mortise/services.h>

struct wakeup;

struct wakeups {
	struct loop *loop;

	/* NULL: there are no timers, or no watches. */
	void (*timer)(void *self, uint32_t id);
	void (*fd_ready)(void *self, int fd, uint32_t events, void *opaque);
	void *self;

	/* Whether nothing may be told now: what comes due is parked until wakeups_unpark(), and costs nothing. NULL:
	 * never. */
	bool (*held)(const void *owner);
	const void *owner;

	/* Zero at first. */
	struct wakeup *timers[MORTISE_TIMERS]; /* NULL: never set */
	struct wakeup **watches;	       /* [watch_room], by descriptor; NULL: not watched */
	uint32_t watch_room;
};

/* Nanoseconds of CLOCK_MONOTONIC. Any thread. */
uint64_t wakeups_clock_ns(void);

int wakeups_timer_set(struct wakeups *wakeups, uint32_t id, uint64_t deadline);
int wakeups_watch(struct wakeups *wakeups, int fd, uint32_t events, void *opaque);

/* Sets going again what came due while it was held. */
void wakeups_unpark(struct wakeups *wakeups);

/* Ends them all. */
void wakeups_end(struct wakeups *wakeups);
