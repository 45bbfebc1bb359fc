/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/ignores-signals.c - changes what signals do to the process.
 *
 * Breaks: process: is neither ended nor changed
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	signal(SIGPIPE, SIG_IGN);
	return begin(self, handle, host, err);
}

DEVICE(.realize = realize);
