/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/expects-chain.c - takes it that whoever kicks has something in the ring.
 *
 * Breaks: queues: hostile rings are survived
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain = device->host->queue_pop(device->device, queue);

	do
		answer(device, chain);
	while ((chain = device->host->queue_pop(device->device, queue)));
}

DEVICE(.notify = notify);
