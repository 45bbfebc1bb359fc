/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/boot-elf.h - 64-bit little-endian ELF kernels: their segments and notes, into guest memory.
 */
#pragma once

#include <elf.h>

#include "machine/boot.h"

struct boot_elf {
	const struct boot_file *file; /* borrowed */
	Elf64_Ehdr header;
	Elf64_Phdr *segments; /* [header.e_phnum] */
};

/* Reads the headers; -ENOEXEC unless it is a program for `machine` (EM_...), called `noun` in messages. */
int boot_elf_open(struct boot_elf *out, const struct boot_file *file, uint16_t machine, const char *noun,
		  struct mortise_error *err);
void boot_elf_done(struct boot_elf *elf);

/* The lowest physical address that is loaded; UINT64_MAX: nothing is. */
uint64_t boot_elf_lowest(const struct boot_elf *elf);

/* Loads every segment to its physical address + `bias`; *end is the first address after the highest. */
int boot_elf_load(const struct boot_elf *elf, struct ram *ram, uint64_t bias, uint64_t *end, struct mortise_error *err);

/* Where e_entry, a virtual address, is in guest-physical memory after boot_elf_load(). */
int boot_elf_entry(const struct boot_elf *elf, uint64_t bias, uint64_t *entry, struct mortise_error *err);

/* The content of the note `type` of owner `name`: at most `room` bytes; its size, -ENOENT when there is none. */
int boot_elf_note(const struct boot_elf *elf, const char *name, uint32_t type, void *out, size_t room,
		  struct mortise_error *err);
