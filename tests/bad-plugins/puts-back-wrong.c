/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/puts-back-wrong.c - puts back a chain that it did not take last.
 *
 * Breaks: chain: is given back once
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *first, *second;

	while ((first = device->host->queue_pop(device->device, queue))) {
		second = device->host->queue_pop(device->device, queue);
		if (!second) {
			answer(device, first);
			return;
		}
		device->host->queue_unpop(device->device, first);
		answer(device, second);
		answer(device, first);
	}
}

DEVICE(.notify = notify);
