/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/leaks-on-failure.c - leaves a descriptor behind when it refuses.
 *
 * Breaks: realize: leaves nothing behind when it fails
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	device->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (device->text && strlen(device->text) > 16)
		return mortise_fail(err, -EINVAL, "Parameter 'text' is too long");
	return begin(self, handle, host, err);
}

static void end(void *self)
{
	struct device *device = self;

	close(device->fd);
}

DEVICE(.realize = realize, .unrealize = end);
