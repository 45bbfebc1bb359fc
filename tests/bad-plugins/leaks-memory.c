/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/leaks-memory.c - leaves memory behind.
 *
 * Breaks: unrealize: no memory is left behind
 */
#include "device.h"

static void end(void *self)
{
	struct device *device = self;

	device->memory = strdup(device->text ? device->text : "nothing");
}

DEVICE(.unrealize = end);
