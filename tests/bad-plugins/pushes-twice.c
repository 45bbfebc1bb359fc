/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/pushes-twice.c - gives a chain back twice.
 *
 * Breaks: chain: is given back once
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		answer(device, chain);
		device->host->queue_push(device->device, chain, 0);
	}
}

DEVICE(.notify = notify);
