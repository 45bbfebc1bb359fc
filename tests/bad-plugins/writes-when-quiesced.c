/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/writes-when-quiesced.c - has a thread that goes on writing to guest memory.
 *
 * Breaks: quiesce: no guest memory is touched afterwards
 */
#include "device.h"

static void *run(void *self)
{
	struct device *device = self;

	while (!device->stop) {
		if (device->memory)
			*device->memory = *device->memory;
		wait_ms(1);
	}
	return NULL;
}

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	if (pthread_create(&device->thread, NULL, run, device))
		return mortise_fail(err, -EAGAIN, "no thread is left");
	return begin(self, handle, host, err);
}

static void end(void *self)
{
	struct device *device = self;

	device->stop = 1;
	pthread_join(device->thread, NULL);
}

static void notify(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue))) {
		if (chain->in_count)
			device->memory = chain->in->iov_base;
		answer(device, chain);
	}
}

DEVICE(.realize = realize, .unrealize = end, .notify = notify);
