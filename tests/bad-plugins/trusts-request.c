/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/trusts-request.c - uses a number of the driver's as an index.
 *
 * Breaks: requests: malformed ones are survived
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		if (chain->out_size > 1000)
			raise(SIGSEGV);
		answer(device, chain);
	}
}

DEVICE(.notify = notify);
