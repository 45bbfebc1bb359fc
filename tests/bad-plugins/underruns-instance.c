/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/underruns-instance.c - writes before its instance.
 *
 * Breaks: instance: nothing outside of it is written
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	((volatile char *)self)[-1] = 1;
	return 0;
}

DEVICE(.activate = activate);
