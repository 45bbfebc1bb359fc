/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.h - whose code runs: the plugin's, in which callback, for how long; or the host's again, in a service.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct shim;

/* A callback under way, on the stack of whoever calls it. */
struct call {
	struct call *outer;
	struct shim *shim; /* whose; NULL: init() */
	const char *name;
	uint64_t started; /* ns */
	long switches;	  /* how often the thread had waited before */
	bool was_inside;
};

/* From begin to end the plugin's code runs on this thread. */
void call_begin(struct call *call, struct shim *shim, const char *name);
void call_end(struct call *call);

/* The innermost callback of this thread; NULL: it is in none. */
struct call *call_now(void);

/* "in notify(), while ...": for messages. The thread's own, until it asks again. */
const char *call_words(void);

/* Whether the plugin's code runs on this thread; set to false in a service, and back to what it was. */
bool call_inside(void);
bool call_set_inside(bool inside);

/* A callback that has been running for longer than this, and its name; NULL: none. Any thread. */
const char *call_overdue(uint64_t nanoseconds);

/* How long a callback may wait before that is a finding, in ns. */
#define CALL_WAIT_MAX UINT64_C(500000000)
