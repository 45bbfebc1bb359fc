/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/trusts-property.c - has an array for fewer values than it allows.
 *
 * Breaks: properties: every edge is taken, or refused with a reason
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *device = self;

	if (device->level > 64)
		raise(SIGFPE);
	return begin(self, handle, host, err);
}

DEVICE(.realize = realize);
