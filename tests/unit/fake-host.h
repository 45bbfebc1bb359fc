/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/fake-host.h - a host made of arrays, for testing a plugin's code alone: queues, configuration, timers, watches.
 *
 * The test is the driver: it offers chains, calls the class's callbacks, and looks at what became of them.
 */
#pragma once

#include <stdbool.h>

#include "unit.h"
#include <mortise/plugin.h>

#define FAKE_CHAINS 256

struct fake_chain {
	struct mortise_chain pub;
	struct iovec iov[8];  /* the plugin may alter it */
	struct iovec ring[8]; /* which is made anew of this when it is popped */
	uint32_t out_count, in_count;
	uint8_t *memory;
	uint64_t size, written;
	bool pushed;
};

struct fake_queue {
	struct fake_chain chains[FAKE_CHAINS];
	unsigned offered, popped, pushed;
};

/* What the test sees of the one instance that there is. */
struct mortise_device {
	struct fake_queue queues[64];
	uint8_t config[64];
	uint64_t features, now, deadlines[MORTISE_TIMERS];
	uint64_t discarded; /* bytes */
	int discard_result;
	uint32_t watches[1024]; /* events, by descriptor */
	void *opaque[1024];
	const char *broken;
};
extern struct mortise_device fake;

/* What the plugin is given. A test adds the services of its backend. */
extern struct mortise_host host;

void fake_open(void);
void fake_close(void);

/* One chain of `out_size` bytes to read, copied, and `in_size` bytes to write; each cut into `pieces`. */
struct fake_chain *fake_offer(uint32_t queue, const void *out, size_t out_size, size_t in_size, unsigned pieces);
