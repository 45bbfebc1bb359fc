/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/trusts-state.c - believes that what it is given is as long as what it saved.
 *
 * Breaks: restore: garbage is survived
 */
#include "device.h"

static int64_t save(void *self, void *data, uint64_t room)
{
	if (room < 64)
		return -ENOSPC;
	memset(data, 1, 64);
	return 64;
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct device *device = self;

	for (unsigned i = 0; i < 64; i++)
		device->requests += ((const volatile uint8_t *)data)[i];
	return 0;
}

DEVICE(.save = save, .restore = restore);
