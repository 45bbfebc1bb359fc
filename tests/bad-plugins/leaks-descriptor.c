/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/leaks-descriptor.c - leaves a descriptor behind.
 *
 * Breaks: unrealize: no descriptor is left behind
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct device *device = self;

	device->fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

DEVICE(.activate = activate);
