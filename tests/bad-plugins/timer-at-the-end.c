/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/timer-at-the-end.c - sets a timer when it is over.
 *
 * Breaks: services: are called with what they are documented to take
 */
#include "device.h"

static void end(void *self)
{
	struct device *device = self;

	device->host->timer_set(device->device, 0, 1);
}

static void timer(void *self, uint32_t id)
{
}

DEVICE(.unrealize = end, .timer = timer);
