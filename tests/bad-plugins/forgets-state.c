/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/forgets-state.c - takes a state and does nothing with it.
 *
 * Breaks: restore: what was saved is taken, and saved the same again
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
	return size == sizeof(uint64_t) ? 0 : mortise_fail(err, -EINVAL, "a state of another size");
}

DEVICE(.save = save, .restore = restore);
