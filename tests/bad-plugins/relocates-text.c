/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/relocates-text.c - has an address in its code.
 *
 * Breaks: object: there are no text relocations
 * Flags: -Wl,-z,notext
 */
#include "device.h"

__asm__(".text\n.quad mortise_plugin_v1\n");

DEVICE();
