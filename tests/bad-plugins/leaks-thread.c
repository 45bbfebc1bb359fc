/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/leaks-thread.c - leaves a thread behind.
 *
 * Breaks: unrealize: no thread is left behind
 */
#include "device.h"

static void *run(void *self)
{
	for (;;)
		pause();
	return NULL;
}

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	if (pthread_create(&device->thread, NULL, run, NULL))
		return mortise_fail(err, -EAGAIN, "no thread is left");
	return begin(self, handle, host, err);
}

DEVICE(.realize = realize);
