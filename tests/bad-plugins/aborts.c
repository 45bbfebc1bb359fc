/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/aborts.c - gives up with abort(), as assert() does.
 *
 * Breaks: process: is neither ended nor changed
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	if (features & 4)
		abort();
	return 0;
}

DEVICE(.activate = activate);
