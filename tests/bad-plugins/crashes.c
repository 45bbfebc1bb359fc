/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/crashes.c - crashes.
 *
 * Breaks: callbacks: do not crash
 */
#include "device.h"

static void reset(void *self)
{
	raise(SIGILL);
}

DEVICE(.reset = reset);
