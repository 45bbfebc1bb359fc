/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/boot-elf.c - ELF kernels into guest memory (System V gABI, chapters 4 and 5).
 */
#include "machine/boot-elf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define NOTES_MAX (1 * MIB)

int boot_elf_open(struct boot_elf *out, const struct boot_file *file, uint16_t machine, const char *noun,
		  struct mortise_error *err)
{
	_cleanup_(boot_elf_done) struct boot_elf elf = {.file = file};
	const Elf64_Ehdr *header = &elf.header;
	size_t size;
	int r = boot_read(file, &elf.header, sizeof(elf.header), 0, err);

	if (r < 0)
		return r;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_machine != machine ||
	    header->e_phentsize != sizeof(Elf64_Phdr) || !header->e_phnum)
		return mortise_fail(err, -ENOEXEC, "Could not load '%s': not a 64-bit %s ELF program", file->path,
				    noun);
	size = header->e_phnum * sizeof(Elf64_Phdr);
	elf.segments = malloc(size);
	if (!elf.segments)
		return mortise_fail(err, -ENOMEM, "Out of memory for the headers of '%s'", file->path);
	r = boot_read(file, elf.segments, size, header->e_phoff, err);
	if (r < 0)
		return r;
	*out = elf;
	elf.segments = NULL;
	return 0;
}

void boot_elf_done(struct boot_elf *elf)
{
	free(elf->segments);
	elf->segments = NULL;
}

static bool is_loaded(const Elf64_Phdr *segment)
{
	return segment->p_type == PT_LOAD && segment->p_memsz;
}

uint64_t boot_elf_lowest(const struct boot_elf *elf)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned i = 0; i < elf->header.e_phnum; i++)
		if (is_loaded(&elf->segments[i]))
			lowest = MIN(lowest, elf->segments[i].p_paddr);
	return lowest;
}

int boot_elf_load(const struct boot_elf *elf, struct ram *ram, uint64_t bias, uint64_t *end, struct mortise_error *err)
{
	const char *path = elf->file->path;
	uint64_t highest = 0;

	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];
		uint64_t gpa = segment->p_paddr + bias;
		char *to;
		int r;

		if (!is_loaded(segment))
			continue;
		to = ram_at(ram, gpa, segment->p_memsz);
		if (!to)
			return boot_no_room(path, segment->p_memsz, gpa, err);
		if (segment->p_filesz > segment->p_memsz)
			return mortise_fail(err, -ENOEXEC,
					    "Could not load '%s': ELF segment %u is larger in the file than in memory",
					    path, i);
		r = boot_read(elf->file, to, segment->p_filesz, segment->p_offset, err);
		if (r < 0)
			return r;
		memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
		ram_written(ram, gpa, segment->p_memsz);
		highest = MAX(highest, gpa + segment->p_memsz);
	}
	*end = highest;
	return 0;
}

int boot_elf_entry(const struct boot_elf *elf, uint64_t bias, uint64_t *entry, struct mortise_error *err)
{
	const uint64_t virtual = elf->header.e_entry;

	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (is_loaded(segment) && virtual - segment->p_vaddr < segment->p_memsz) {
			*entry = virtual - segment->p_vaddr + segment->p_paddr + bias;
			return 0;
		}
	}
	return mortise_fail(err, -ENOEXEC, "Could not load '%s': its entry 0x%" PRIx64 " is in none of its segments",
			    elf->file->path, virtual);
}

/* One step through a note segment: the note at *at, and *at behind it. False at the end, or where it makes no sense. */
static bool next_note(const char *notes, size_t size, size_t *at, Elf64_Nhdr *note, const char **name,
		      const char **desc)
{
	size_t rest = size - *at, name_room, desc_room;

	if (rest < sizeof(*note))
		return false;
	memcpy(note, notes + *at, sizeof(*note));
	rest -= sizeof(*note);
	name_room = ALIGN_UP((size_t)note->n_namesz, 4);
	desc_room = ALIGN_UP((size_t)note->n_descsz, 4);
	if (name_room > rest || desc_room > rest - name_room)
		return false;
	*name = notes + *at + sizeof(*note);
	*desc = *name + name_room;
	*at += sizeof(*note) + name_room + desc_room;
	return true;
}

int boot_elf_note(const struct boot_elf *elf, const char *name, uint32_t type, void *out, size_t room,
		  struct mortise_error *err)
{
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];
		_cleanup_free_ char *notes = NULL;
		const char *owner, *desc;
		Elf64_Nhdr note;
		size_t at = 0;
		int r;

		if (segment->p_type != PT_NOTE || !segment->p_filesz || segment->p_filesz > NOTES_MAX)
			continue;
		notes = malloc(segment->p_filesz);
		if (!notes)
			return mortise_fail(err, -ENOMEM, "Out of memory for the notes of '%s'", elf->file->path);
		r = boot_read(elf->file, notes, segment->p_filesz, segment->p_offset, err);
		if (r < 0)
			return r;
		while (next_note(notes, segment->p_filesz, &at, &note, &owner, &desc)) {
			if (note.n_type == type && note.n_namesz == strlen(name) + 1 &&
			    memcmp(owner, name, note.n_namesz) == 0) {
				memcpy(out, desc, MIN(note.n_descsz, room));
				return (int)MIN(note.n_descsz, room);
			}
		}
	}
	return -ENOENT;
}
