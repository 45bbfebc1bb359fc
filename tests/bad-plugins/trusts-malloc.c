/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/trusts-malloc.c - does not look at what malloc() returns.
 *
 * Breaks: memory: any allocation may fail
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	device->memory = malloc(100);
	device->memory[0] = 1;
	return begin(self, handle, host, err);
}

static void end(void *self)
{
	struct device *device = self;

	free((char *)device->memory);
}

DEVICE(.realize = realize, .unrealize = end);
