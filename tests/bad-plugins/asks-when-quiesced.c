/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/asks-when-quiesced.c - sets a timer while its state is saved.
 *
 * Breaks: quiesce: nothing is asked of the host afterwards
 */
#include "device.h"

static int64_t save(void *self, void *data, uint64_t room)
{
	struct device *device = self;

	device->host->timer_set(device->device, 0, device->host->clock_ns() + 1);
	return 0;
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	return size ? mortise_fail(err, -EINVAL, "the state is not empty") : 0;
}

static void timer(void *self, uint32_t id)
{
}

DEVICE(.save = save, .restore = restore, .timer = timer);
