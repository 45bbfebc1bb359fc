/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/borrows-symbol.c - calls a library that it is not linked with, but the host is.
 *
 * Breaks: object: every symbol is its own or its libraries'
 * Flags: -Wl,-z,undefs
 */
#include "device.h"

const char *event_get_version(void);

static void end(void *self)
{
	event_get_version();
}

DEVICE(.unrealize = end);
