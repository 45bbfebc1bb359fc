/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/host.c - what this host has beyond the x86-64 baseline.
 */
#include "accel/soft/jit/host.h"

struct jit_host jit_host;

__attribute__((constructor)) static void find_features(void)
{
	__builtin_cpu_init();
	jit_host = (struct jit_host){
		.lzcnt = __builtin_cpu_supports("lzcnt"),
		.tzcnt = __builtin_cpu_supports("bmi"),
		.popcnt = __builtin_cpu_supports("popcnt"),
		.fma = __builtin_cpu_supports("fma"),
	};
}
