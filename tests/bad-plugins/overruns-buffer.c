/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/overruns-buffer.c - writes a fixed answer into whatever buffer it is given.
 *
 * Breaks: chain: nothing outside of its buffers is written
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		if (chain->in_count)
			((volatile char *)chain->in->iov_base)[chain->in->iov_len] = 1;
		device->host->queue_push(device->device, chain, chain->in_size);
	}
}

DEVICE(.notify = notify);
