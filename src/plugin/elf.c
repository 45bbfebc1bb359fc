/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/elf.c - looking into a shared object before the dynamic linker does.
 */
#include "plugin/elf.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define PROGRAM_HEADERS_MAX 64
#define DYNAMIC_MAX (64 * KIB)

/* This program's own header, made by the linker: what a plugin's must agree with. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct image {
	int fd;
	const char *path;
	uint64_t size; /* of the file, in bytes */
	struct mortise_error *err;
};

MORTISE_PRINTF(2, 3)
static int bad(const struct image *image, const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return mortise_fail(image->err, -ENOEXEC, "Plugin file '%s' %s", image->path, why);
}

static int read_at(const struct image *image, void *to, uint64_t size, uint64_t offset)
{
	if (size > image->size || offset > image->size - size)
		return bad(image, "is truncated: it ends after %llu bytes", (unsigned long long)image->size);
	if (pread(image->fd, to, size, (off_t)offset) != (ssize_t)size)
		return bad(image, "could not be read: %s", strerror(errno));
	return 0;
}

static int check_header(const struct image *image, const ElfW(Ehdr) * header)
{
	const ElfW(Ehdr) *own = &__ehdr_start;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_type != ET_DYN)
		return bad(image, "is not an ELF shared object");
	if (header->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] || header->e_ident[EI_DATA] != own->e_ident[EI_DATA] ||
	    header->e_machine != own->e_machine)
		return bad(image, "is for another machine (ELF machine %u, this one is %u)", header->e_machine,
			   own->e_machine);
	if (header->e_phentsize != sizeof(ElfW(Phdr)) || !header->e_phnum || header->e_phnum > PROGRAM_HEADERS_MAX)
		return bad(image, "has broken program headers");
	return 0;
}

static int look_at_dynamic(const struct image *image, const ElfW(Phdr) * dynamic, struct elf_facts *out)
{
	_cleanup_free_ ElfW(Dyn) *entries = NULL;
	int r;

	if (dynamic->p_filesz > DYNAMIC_MAX || dynamic->p_filesz % sizeof(*entries))
		return bad(image, "has a broken dynamic section of %llu bytes", (unsigned long long)dynamic->p_filesz);
	entries = calloc(1, dynamic->p_filesz + sizeof(*entries));
	if (!entries)
		return mortise_fail(image->err, -ENOMEM, "Out of memory for plugin file '%s'", image->path);
	r = read_at(image, entries, dynamic->p_filesz, dynamic->p_offset);
	if (r < 0)
		return r;
	for (const ElfW(Dyn) *entry = entries; entry->d_tag != DT_NULL; entry++) {
		const uint64_t flags = entry->d_tag == DT_FLAGS ? entry->d_un.d_val : 0;

		out->bound_now |= entry->d_tag == DT_BIND_NOW || flags & DF_BIND_NOW ||
				  (entry->d_tag == DT_FLAGS_1 && entry->d_un.d_val & DF_1_NOW);
		out->text_relocations |= entry->d_tag == DT_TEXTREL || flags & DF_TEXTREL;
	}
	return 0;
}

int elf_look(int fd, const char *path, struct elf_facts *out, struct mortise_error *err)
{
	struct image image = {.fd = fd, .path = path, .err = err};
	ElfW(Phdr) segments[PROGRAM_HEADERS_MAX];
	const ElfW(Phdr) *dynamic = NULL;
	struct elf_facts facts = {0};
	ElfW(Ehdr) header;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not look at plugin file '%s': %s", path, strerror(errno));
	image.size = (uint64_t)st.st_size;
	if (image.size < sizeof(header))
		return bad(&image, "is not an ELF shared object: it has only %llu bytes",
			   (unsigned long long)image.size);
	r = read_at(&image, &header, sizeof(header), 0);
	if (r < 0)
		return r;
	r = check_header(&image, &header);
	if (r < 0)
		return r;
	r = read_at(&image, segments, header.e_phnum * sizeof(*segments), header.e_phoff);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		const ElfW(Phdr) *segment = &segments[i];

		facts.executable_stack |= segment->p_type == PT_GNU_STACK && segment->p_flags & PF_X;
		facts.relro |= segment->p_type == PT_GNU_RELRO;
		if (segment->p_type == PT_DYNAMIC)
			dynamic = segment;
		if (segment->p_filesz > image.size || segment->p_offset > image.size - segment->p_filesz)
			return bad(&image, "is truncated: it ends after %llu bytes", (unsigned long long)image.size);
	}
	if (!dynamic)
		return bad(&image, "is not a dynamic shared object");
	r = look_at_dynamic(&image, dynamic, &facts);
	if (r < 0)
		return r;
	*out = facts;
	return 0;
}

int elf_check(int fd, const char *path, struct mortise_error *err)
{
	const struct image image = {.fd = fd, .path = path, .err = err};
	struct elf_facts facts;
	int r = elf_look(fd, path, &facts, err);

	if (r < 0)
		return r;
	if (facts.executable_stack)
		return bad(&image, "wants an executable stack: link it with -Wl,-z,noexecstack");
	if (!facts.bound_now)
		return bad(&image, "binds its symbols lazily: link it with -Wl,-z,now");
	return 0;
}
