/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/fails-with-minus-one.c - fails as system calls do.
 *
 * Breaks: failures: are a negative errno and a message
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	return features & 2 ? 1 : 0;
}

DEVICE(.activate = activate);
