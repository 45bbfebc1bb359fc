/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.c - whose code runs.
 */
#include "calls.h"

#include <stdatomic.h>
#include <stdio.h>

#include "board.h"
#include "bus/device.h"

static __thread struct call *current;
static __thread bool inside;

/* The callback that runs in this process, for those who wait for it: there is one instance at work at a time. */
static _Atomic(const char *) running;
static _Atomic uint64_t running_since;

static long waits(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

void call_begin(struct call *call, struct shim *shim, const char *name)
{
	*call = (struct call){.outer = current,
			      .shim = shim,
			      .name = name,
			      .started = device_clock_ns(),
			      .switches = waits(),
			      .was_inside = inside};
	current = call;
	atomic_store(&running_since, call->started);
	atomic_store(&running, name);
	inside = true;
}

/* Time alone would blame the plugin for a busy machine: it must have gone to sleep, too. */
void call_end(struct call *call)
{
	const uint64_t took = device_clock_ns() - call->started;

	inside = call->was_inside;
	if (took > CALL_WAIT_MAX && waits() > call->switches)
		rule_broken(RULE_WAITS, "%s() has waited for %llu ms", call->name,
			    (unsigned long long)(took / 1000000));
	rule_kept(RULE_WAITS);
	rule_kept(RULE_RETURNS);
	rule_kept(RULE_CRASH);
	current = call->outer;
	atomic_store(&running, current ? current->name : NULL);
}

struct call *call_now(void)
{
	return current;
}

const char *call_words(void)
{
	static __thread char words[256];

	if (current)
		snprintf(words, sizeof(words), "in %s(), while %s", current->name, board->doing);
	else
		snprintf(words, sizeof(words), "outside of callbacks, while %s", board->doing);
	return words;
}

bool call_inside(void)
{
	return inside;
}

bool call_set_inside(bool now)
{
	const bool was = inside;

	inside = now;
	return was;
}

const char *call_overdue(uint64_t nanoseconds)
{
	const char *name = atomic_load(&running);

	return name && device_clock_ns() - atomic_load(&running_since) > nanoseconds ? name : NULL;
}
