/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/binds-lazily.c - leaves its symbols to be looked for when they are needed.
 *
 * Breaks: object: symbols are bound when it is loaded
 * Flags: -Wl,-z,lazy
 */
#include "device.h"

DEVICE();
