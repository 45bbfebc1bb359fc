/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/keeps-chains.c - waits for something before it gives chains back, when it is to be quiet, too.
 *
 * Breaks: quiesce: every chain comes back
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;

	if (!device->kept)
		device->kept = device->host->queue_pop(device->device, queue);
	serve(self, queue);
}

DEVICE(.notify = notify);
