/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/hangs.c - does not come back from a callback.
 *
 * Breaks: callbacks: return
 */
#include "device.h"

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;

	while (!device->stop)
		;
}

DEVICE(.notify = notify);
