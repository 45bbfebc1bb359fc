/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/fails-silently.c - refuses a value and does not say why.
 *
 * Breaks: failures: are a negative errno and a message
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	return device->level > 50 ? -EINVAL : begin(self, handle, host, err);
}

DEVICE(.realize = realize);
