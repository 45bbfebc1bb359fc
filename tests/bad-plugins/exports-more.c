/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/exports-more.c - has a second symbol for everybody.
 *
 * Breaks: object: mortise_plugin_v1 is exported and nothing else
 */
#include "device.h"

MORTISE_EXPORT int helper(void);
int helper(void)
{
	return 1;
}

DEVICE();
