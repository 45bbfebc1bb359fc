/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/boot.h - files into guest memory: kernels in their formats, and initial RAM disks.
 *
 * Files are the operator's, yet nothing in them is believed: every size and offset is checked against guest memory.
 */
#pragma once

#include "base/ram.h"

/* What a kernel file turned out to be. */
struct boot_kernel {
	uint64_t entry; /* guest-physical */
	uint64_t end;	/* first address after it, its zeroed data included */
};

/*
 * Loads a RISC-V kernel: a raw Image (Documentation/arch/riscv/boot-image-header.rst), the same compressed by gzip, or
 * an ELF file. An Image goes to `base` + its text offset; an ELF file to its physical addresses, moved up to `base`
 * where those lie below it.
 */
int boot_load_riscv_kernel(struct ram *ram, uint64_t base, const char *path, struct boot_kernel *out,
			   struct mortise_error *err);

/* Loads a whole file to `gpa`; its size goes to *size. */
int boot_load_file(struct ram *ram, const char *path, uint64_t gpa, uint64_t *size, struct mortise_error *err);

/* Copies bytes into guest memory. */
int boot_put(struct ram *ram, uint64_t gpa, const void *data, uint64_t size, const char *what,
	     struct mortise_error *err);
