/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/reads-pushed.c - looks at a chain that it gave back.
 *
 * Breaks: chain: is not touched after it was given back
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		answer(device, chain);
		device->requests += ((volatile struct mortise_chain *)chain)->out_size;
	}
}

DEVICE(.notify = notify);
