/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/offers-late.c - offers features when the driver has looked at them.
 *
 * Breaks: features: are offered in realize() only
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct device *device = self;

	device->host->offer_features(device->device, 1);
	return 0;
}

DEVICE(.activate = activate);
