/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/mptable.h - the table that names CPUs and interrupt pins to kernels without ACPI.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <mortise/error.h>

/*
 * Builds the floating pointer and the table that it points at (Intel MultiProcessor Specification 1.4, chapter 4), to
 * lie at guest-physical `base`, which has to be in the BIOS's read-only area; malloc'ed. Each of the I/O APIC's `pins`
 * has the interrupt of its own number, active high; from `first_edge` on they are edge-triggered, before
 * level-triggered.
 */
int mptable_build(uint64_t base, unsigned cpus, unsigned pins, unsigned first_edge, void **out, size_t *size,
		  struct mortise_error *err);
