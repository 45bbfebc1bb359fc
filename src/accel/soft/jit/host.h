/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/host.h - what this host has beyond the x86-64 baseline. Ops that need what is missing bail.
 */
#pragma once

#include <stdbool.h>

struct jit_host {
	bool lzcnt, tzcnt, popcnt, fma;
};

extern struct jit_host jit_host;
