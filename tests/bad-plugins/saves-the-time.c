/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/saves-the-time.c - has something in its state that is no state.
 *
 * Breaks: save: saves the same twice
 */
#include "device.h"

static int64_t save(void *self, void *data, uint64_t room)
{
	struct device *device = self;
	const uint64_t now = device->host->clock_ns();

	if (room < sizeof(now))
		return -ENOSPC;
	memcpy(data, &now, sizeof(now));
	return sizeof(now);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	return size == sizeof(uint64_t) ? 0 : mortise_fail(err, -EINVAL, "a state of another size");
}

DEVICE(.save = save, .restore = restore);
