/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/lacks-symbol.c - calls a function that is nowhere.
 *
 * Breaks: object: every symbol is its own or its libraries'
 * Flags: -Wl,-z,undefs
 */
#include "device.h"

void nowhere_to_be_found(void);

static void end(void *self)
{
	nowhere_to_be_found();
}

DEVICE(.unrealize = end);
