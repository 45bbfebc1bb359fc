/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/sound.c - nothing is wrong with this one.
 *
 * Breaks: nothing
 */
#include "device.h"

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct device *device = self;

	if (room < sizeof(device->requests))
		return -ENOSPC;
	memcpy(data, &device->requests, sizeof(device->requests));
	return sizeof(device->requests);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct device *device = self;

	if (size != sizeof(device->requests))
		return mortise_fail(err, -EINVAL, "a state of another size");
	memcpy(&device->requests, data, size);
	return 0;
}

DEVICE(.save = save, .restore = restore);
