/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/acpi/tables.h - the ACPI tables of the x86_64 board.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <mortise/error.h>

/*
 * Builds RSDP, XSDT, FADT, MADT and DSDT (ACPI 6.4), hardware-reduced, to lie at guest-physical `base`, the RSDP
 * first; malloc'ed.
 */
int acpi_tables_build(uint64_t base, unsigned cpus, void **out, size_t *size, struct mortise_error *err);
