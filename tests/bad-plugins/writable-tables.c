/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/writable-tables.c - can have its tables of pointers overwritten.
 *
 * Breaks: object: relocated data is read-only afterwards
 * Flags: -Wl,-z,norelro
 */
#include "device.h"

DEVICE();
