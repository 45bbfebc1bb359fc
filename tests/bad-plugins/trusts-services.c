/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/trusts-services.c - takes it that a watch can always be set, and waits for it.
 *
 * Breaks: services: any call may fail
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	begin(self, handle, host, err);
	if (host->timer_set(handle, 0, host->clock_ns() + 1000000000) < 0)
		device = NULL;
	*(volatile uint32_t *)&device->level = 1;
	return 0;
}

static void timer(void *self, uint32_t id)
{
}

DEVICE(.realize = realize, .timer = timer);
