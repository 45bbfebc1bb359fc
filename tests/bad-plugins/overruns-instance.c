/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/overruns-instance.c - writes behind its instance.
 *
 * Breaks: instance: nothing outside of it is written
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	volatile struct device *device = self;

	device[1].features = features;
	return 0;
}

DEVICE(.activate = activate);
