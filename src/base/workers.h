/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/workers.h - a bounded pool of threads for calls that may block: opening files, disks without io_uring.
 */
#pragma once

#include "base/cleanup.h"
#include <mortise/error.h>

struct workers;

/* A piece of work; embedded in what it works on, which must live until run() was called. run() may free it. */
struct work {
	void (*run)(struct work *work);
	struct work *next; /* owned by the pool while queued */
};

/*
 * Starts one thread, which stays; more come, up to `max`, while work waits, and end after some idle seconds. `name`
 * (15 characters) shows up in ps -L.
 */
int workers_new(struct workers **out, const char *name, unsigned max, struct mortise_error *err);

/* Queues `work`, which starts in the order of queueing. Never fails and never waits. Any thread. */
void workers_submit(struct workers *workers, struct work *work);

/*
 * Ends the threads once all work was run, and frees the pool. Where a call hangs, waiting stops after `seconds` (< 0:
 * never): then the pool is left to the process's end, together with what its threads still use, and the answer is
 * -ETIMEDOUT. Nobody may submit any more. NULL is fine.
 */
int workers_stop(struct workers *workers, int seconds);

static inline struct workers *workers_free(struct workers *workers)
{
	workers_stop(workers, -1);
	return NULL;
}
DEFINE_CLEANUP(struct workers *, workers_free)
