/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/boot.h - files into guest memory: kernels in their formats, and initial RAM disks.
 *
 * Files are the operator's, yet nothing in them is believed: every size and offset is checked against guest memory.
 */
#pragma once

#include "accel/accel.h"
#include "base/ram.h"

/* A file to load, opened. */
struct boot_file {
	const char *path; /* borrowed */
	int fd;
	uint64_t size;
};

#define BOOT_FILE_NONE                 \
	{                              \
		.path = NULL, .fd = -1 \
	}

/* Opens a regular file; anything else is refused without waiting for it. */
int boot_open(struct boot_file *out, const char *path, struct mortise_error *err);
void boot_close(struct boot_file *file); /* BOOT_FILE_NONE is fine */

/* Reads [offset, offset + size) of a file into memory; the file must have it all. */
int boot_read(const struct boot_file *file, void *to, uint64_t size, uint64_t offset, struct mortise_error *err);

/* Loads the whole file to `gpa`. */
int boot_load_file(struct ram *ram, const struct boot_file *file, uint64_t gpa, struct mortise_error *err);

/* Copies bytes into guest memory. */
int boot_put(struct ram *ram, uint64_t gpa, const void *data, uint64_t size, const char *what,
	     struct mortise_error *err);

/* The failure of those that find no RAM there; -ENOSPC. */
int boot_no_room(const char *what, uint64_t size, uint64_t gpa, struct mortise_error *err);

/* Whose kernel a file looks like; RISC-V's when it looks like nothing, so that the loader may say so. */
enum accel_arch boot_kernel_arch(const char *path);

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
