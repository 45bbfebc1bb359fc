/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/exits.c - ends the process.
 *
 * Breaks: process: is neither ended nor changed
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	if (features & 4)
		exit(1);
	return 0;
}

DEVICE(.activate = activate);
