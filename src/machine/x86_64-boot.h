/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/x86_64-boot.h - x86-64 kernels into guest memory, with all that their boot protocols hand over.
 */
#pragma once

#include "accel/accel.h"
#include "base/ram.h"

/* What firmware would fill with its tables: reserved in the memory map that the guest gets. */
#define X86_64_FIRMWARE_BASE UINT64_C(0xe0000)
#define X86_64_FIRMWARE_SIZE UINT64_C(0x20000)

struct x86_64_boot {
	const char *kernel, *initrd; /* paths; initrd may be NULL */
	const char *cmdline;
	uint64_t rsdp; /* where ACPI's root pointer is; 0: there is none */
};

/*
 * Loads a bzImage for the 64-bit boot protocol (Documentation/arch/x86/boot.rst; 2.12 or newer), or an ELF file with a
 * PVH entry (xen/include/public/arch-x86/hvm/start_info.h), and says where and how the first vCPU starts. `ram` has its
 * first range at address 0.
 */
int x86_64_boot(struct ram *ram, const struct x86_64_boot *boot, struct accel_entry *entry, struct mortise_error *err);
