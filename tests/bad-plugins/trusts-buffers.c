/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/trusts-buffers.c - does not expect a chain without buffers to write to.
 *
 * Breaks: callbacks: do not crash
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		char *to = chain->in_count ? chain->in->iov_base : NULL;

		*(volatile char *)to = 0;
		device->host->queue_push(device->device, chain, 1);
	}
}

DEVICE(.notify = notify);
