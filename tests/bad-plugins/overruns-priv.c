/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/overruns-priv.c - says that it needs less memory for each chain than it uses.
 *
 * Breaks: chain: nothing outside of its iovecs and priv is touched
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		((volatile char *)chain->priv)[20] = 1;
		answer(device, chain);
	}
}

DEVICE(.notify = notify, .request_size = 20);
