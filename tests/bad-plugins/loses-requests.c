/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/loses-requests.c - forgets about a request now and then.
 *
 * Breaks: requests: each is answered
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		if (++device->requests % 5 || device->kept)
			answer(device, chain);
		else
			device->kept = chain;
	}
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct device *device = self;

	if (device->kept)
		answer(device, device->kept);
	device->kept = NULL;
	return 0;
}

DEVICE(.virtio_id = 2, .queue_count = 1, .config_size = 60, .notify = notify, .quiesce = quiesce);
