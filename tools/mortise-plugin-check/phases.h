/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phases.h - the checks, each in a process of its own, and what they share.
 */
#pragma once

#include "interpose.h"
#include "requests.h"

#define DRIVERS_MAX 64

/* What the first phase finds out about a plugin; in shared memory. */
struct plugin_facts {
	char name[64], version[64], license[64], abi[16], sha256[65];
	unsigned driver_count;
	char drivers[DRIVERS_MAX][64];
	bool children[DRIVERS_MAX]; /* plugged into others */
	unsigned backend_count;	    /* drivers of block nodes and netdevs */
};

void phase_object(const struct subject *subject, struct plugin_facts *facts);

/* Of one driver: subject->driver. Those that need a slot are not for drivers that are plugged into others. */
void phase_properties(const struct subject *subject);
void phase_life(const struct subject *subject);
void phase_features(const struct subject *subject);
void phase_reset(const struct subject *subject);
void phase_quiesce(const struct subject *subject);
void phase_state(const struct subject *subject);
void phase_queues(const struct subject *subject);
void phase_requests(const struct subject *subject);
void phase_allocations(const struct subject *subject);
void phase_calls(const struct subject *subject);

/* --- work.c --- */

/* What the driver offers: how many requests, and how. */
struct work {
	unsigned count;
	bool spoilt;  /* malformed */
	bool meddled; /* altered while in flight */
};

/*
 * Offers requests, feeds the backends and takes back what comes; what must be answered and is not is a finding, unless
 * the device asked for a reset.
 */
void work_do(struct driver *driver, const struct work *work);

/* Offers and kicks, and does not wait. */
void work_offer(struct driver *driver, const struct work *work, unsigned expected[DRIVER_QUEUES]);

/* Frames and bytes from outside; and what went there is taken. */
void work_feed(struct driver *driver);

/* What an instance could leave behind. */
struct leftovers {
	unsigned descriptors, threads;
	struct allocations allocations;
};
struct leftovers leftovers_now(void);
bool leftovers_grew(const struct leftovers *before);

/* Findings where there is more than `before`: of one rule, or of each kind's own where that is RULES. */
void leftovers_check(const struct leftovers *before, enum rule rule, const char *after);
