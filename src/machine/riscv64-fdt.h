/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/riscv64-fdt.h - the riscv64 board as its device tree tells the guest.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "accel/accel.h"
#include "base/ram.h"
#include <mortise/error.h>

/* Addresses and interrupt numbers of the board: the one place where they stand. */
#define RISCV64_RTC_BASE UINT64_C(0x00101000)
#define RISCV64_PLIC_BASE UINT64_C(0x0c000000)
#define RISCV64_UART_BASE UINT64_C(0x10000000)
#define RISCV64_SLOT_BASE UINT64_C(0x10010000)
#define RISCV64_SLOT_STRIDE UINT64_C(0x1000)
#define RISCV64_RAM_BASE UINT64_C(0x80000000)
#define RISCV64_FILES_BASE (RISCV64_RAM_BASE + RAM_MAX) /* Linux on Sv39 reaches 128 GiB from RAM's start */

#define RISCV64_UART_IRQ 10
#define RISCV64_RTC_IRQ 11
#define RISCV64_POWER_IRQ 12
#define RISCV64_SLOT_IRQ 16

struct riscv64_fdt {
	unsigned cpus, slots;
	uint64_t ram_size;
	const struct accel_riscv *cpu; /* each of them */
	const char *bootargs;
	uint64_t initrd_start, initrd_end; /* 0, 0: none */
};

/* Builds the flattened device tree (Devicetree Specification 0.4); malloc'ed. */
int riscv64_fdt_build(const struct riscv64_fdt *board, void **out, size_t *size, struct mortise_error *err);
