/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/never-realizes.c - refuses whatever it is given.
 *
 * Breaks: realize: an instance comes to life
 */
#include "device.h"

static int realize(void *self, struct mortise_device *handle, const struct mortise_host *host,
		   struct mortise_error *err)
{
	return mortise_fail(err, -ENODEV, "it is Tuesday");
}

DEVICE(.realize = realize);
