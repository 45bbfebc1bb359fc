/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/works-once.c - is of no use after a reset.
 *
 * Breaks: reset: works in every state
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct device *device = self;

	return device->requests > 20 ? mortise_fail(err, -EBUSY, "it is worn out") : 0;
}

DEVICE(.activate = activate);
