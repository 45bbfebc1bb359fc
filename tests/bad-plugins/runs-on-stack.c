/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/runs-on-stack.c - wants to run code on the stack.
 *
 * Breaks: object: the stack is not executable
 * Flags: -Wl,-z,execstack
 */
#include "device.h"

DEVICE();
