/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/sleeps.c - waits in a callback.
 *
 * Breaks: callbacks: do not wait
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	static int once;

	if (!once++)
		wait_ms(700);
	return 0;
}

DEVICE(.activate = activate);
