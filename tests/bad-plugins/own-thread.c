/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/own-thread.c - takes chains on a thread of its own.
 *
 * Breaks: services: are called in callbacks, on the instance's thread
 */
#include "device.h"

static void *run(void *self)
{
	serve(self, 0);
	return NULL;
}

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;

	if (!pthread_create(&device->thread, NULL, run, device))
		pthread_join(device->thread, NULL);
}

DEVICE(.notify = notify);
