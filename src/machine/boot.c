/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/boot.c - files into guest memory.
 */
#include "machine/boot.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/util.h"

/* The Image header, 64 bytes at the file's start; all little endian. */
struct riscv_image {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size; /* in memory */
	uint64_t flags;
	uint32_t version, reserved1;
	uint64_t reserved2;
	uint64_t magic;	 /* "RISCV\0\0\0" */
	uint32_t magic2; /* "RSC\x05" */
	uint32_t reserved3;
};

#define RISCV_IMAGE_MAGIC2 UINT32_C(0x05435352)

/* Kernels want to start on a boundary of this. */
#define RISCV_KERNEL_ALIGN (2 * MIB)

static int open_file(const char *path, int *fd, struct stat *st, struct mortise_error *err)
{
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	_cleanup_close_ int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (opened < 0 || fstat(opened, st) < 0)
		return mortise_fail(err, -errno, "Could not open '%s': %s", path, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return mortise_fail(err, -EINVAL, "Could not load '%s': it is not a regular file", path);
	*fd = steal_fd(&opened);
	return 0;
}

/* Reads [offset, offset + size) of a file into memory; the file must have it all. */
static int read_exactly(int fd, void *to, uint64_t size, uint64_t offset, const char *path, struct mortise_error *err)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mortise_fail(err, -errno, "Could not read '%s': %s", path, strerror(errno));
		if (n == 0)
			return mortise_fail(err, -ENOEXEC, "Could not load '%s': the file is cut short", path);
		done += (uint64_t)n;
	}
	return 0;
}

static int no_room(const char *what, uint64_t size, uint64_t gpa, struct mortise_error *err)
{
	return mortise_fail(err, -ENOSPC,
			    "Could not load '%s': %" PRIu64 " bytes at 0x%" PRIx64
			    " do not fit into guest memory; give more with -m",
			    what, size, gpa);
}

int boot_put(struct ram *ram, uint64_t gpa, const void *data, uint64_t size, const char *what,
	     struct mortise_error *err)
{
	void *to = ram_at(ram, gpa, size);

	if (!to)
		return no_room(what, size, gpa, err);
	memcpy(to, data, size);
	ram_written(ram, gpa, size);
	return 0;
}

int boot_load_file(struct ram *ram, const char *path, uint64_t gpa, uint64_t *size, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	void *to;
	int r = open_file(path, &fd, &st, err);

	if (r < 0)
		return r;
	if (!st.st_size)
		return mortise_fail(err, -ENOEXEC, "Could not load '%s': the file is empty", path);
	to = ram_at(ram, gpa, (uint64_t)st.st_size);
	if (!to)
		return no_room(path, (uint64_t)st.st_size, gpa, err);
	r = read_exactly(fd, to, (uint64_t)st.st_size, 0, path, err);
	if (r < 0)
		return r;
	ram_written(ram, gpa, (uint64_t)st.st_size);
	*size = (uint64_t)st.st_size;
	return 0;
}

static bool is_image(const struct riscv_image *image)
{
	return le32toh(image->magic2) == RISCV_IMAGE_MAGIC2;
}

/* Where an Image goes and how much memory it takes there, at least `file_size` bytes. */
static int place_image(const struct ram *ram, uint64_t base, const struct riscv_image *image, uint64_t file_size,
		       const char *path, struct boot_kernel *out, struct mortise_error *err)
{
	uint64_t offset = le64toh(image->text_offset), size = MAX(le64toh(image->image_size), file_size);

	if (offset > RAM_MAX || size > RAM_MAX || !ram_at(ram, base + offset, size))
		return no_room(path, size, base + offset, err);
	out->entry = base + offset;
	out->end = base + offset + size;
	return 0;
}

static int load_image(struct ram *ram, uint64_t base, int fd, uint64_t file_size, const char *path,
		      struct boot_kernel *out, struct mortise_error *err)
{
	struct riscv_image image;
	struct boot_kernel kernel;
	int r = read_exactly(fd, &image, sizeof(image), 0, path, err);

	if (r < 0)
		return r;
	r = place_image(ram, base, &image, file_size, path, &kernel, err);
	if (r < 0)
		return r;
	r = read_exactly(fd, ram_at(ram, kernel.entry, file_size), file_size, 0, path, err);
	if (r < 0)
		return r;
	*out = kernel;
	return 0;
}

static void close_gzip(gzFile *file)
{
	if (*file)
		gzclose_r(*file);
}

/* Inflates straight into guest memory: the header says where, once it has been read. */
static int load_gzip(struct ram *ram, uint64_t base, int fd, const char *path, struct boot_kernel *out,
		     struct mortise_error *err)
{
	_cleanup_(close_gzip) gzFile file = NULL;
	struct boot_kernel kernel;
	struct riscv_image image;
	uint64_t done = sizeof(image);
	int copy = dup(fd), n = 0;
	int r;

	if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0 || !(file = gzdopen(copy, "rb"))) {
		r = errno ? -errno : -ENOMEM;
		if (copy >= 0)
			close(copy);
		return mortise_fail(err, r, "Could not read '%s': %s", path, strerror(-r));
	}
	if (gzread(file, &image, sizeof(image)) != (int)sizeof(image) || !is_image(&image))
		return mortise_fail(err, -ENOEXEC,
				    "Could not load '%s': what is compressed there is no RISC-V kernel Image", path);
	r = place_image(ram, base, &image, sizeof(image), path, &kernel, err);
	if (r < 0)
		return r;
	memcpy(ram_at(ram, kernel.entry, sizeof(image)), &image, sizeof(image));
	for (;; done += (uint64_t)n) {
		uint64_t step = MIN(kernel.end - kernel.entry - done, 16 * MIB);
		char probe;

		n = step ? gzread(file, ram_at(ram, kernel.entry + done, step), (unsigned)step)
			 : gzread(file, &probe, 1);
		if (n < 0)
			return mortise_fail(err, -ENOEXEC, "Could not decompress '%s': the file is damaged", path);
		if (!n)
			break;
		if (!step)
			return mortise_fail(err, -ENOEXEC, "Could not load '%s': it is larger than its header says",
					    path);
	}
	*out = kernel;
	return 0;
}

/* How far an ELF file's physical addresses have to be moved up: kernels linked at 0 go to the first aligned place. */
static uint64_t elf_bias(uint64_t base, const Elf64_Phdr *headers, unsigned count)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned i = 0; i < count; i++)
		if (headers[i].p_type == PT_LOAD && headers[i].p_memsz)
			lowest = MIN(lowest, headers[i].p_paddr);
	return lowest < base ? base + RISCV_KERNEL_ALIGN - (lowest & ~(uint64_t)(RISCV_KERNEL_ALIGN - 1)) : 0;
}

static int load_elf_segments(struct ram *ram, uint64_t base, int fd, const Elf64_Ehdr *elf, const Elf64_Phdr *headers,
			     const char *path, struct boot_kernel *out, struct mortise_error *err)
{
	uint64_t bias = elf_bias(base, headers, elf->e_phnum);
	struct boot_kernel kernel = {.entry = elf->e_entry, .end = 0};
	bool entered = false;

	for (unsigned i = 0; i < elf->e_phnum; i++) {
		const Elf64_Phdr *segment = &headers[i];
		uint64_t gpa = segment->p_paddr + bias;
		char *to;
		int r;

		if (segment->p_type != PT_LOAD || !segment->p_memsz)
			continue;
		to = ram_at(ram, gpa, segment->p_memsz);
		if (!to)
			return no_room(path, segment->p_memsz, gpa, err);
		if (segment->p_filesz > segment->p_memsz)
			return mortise_fail(err, -ENOEXEC,
					    "Could not load '%s': ELF segment %u is larger in the file than in memory",
					    path, i);
		r = read_exactly(fd, to, segment->p_filesz, segment->p_offset, path, err);
		if (r < 0)
			return r;
		memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
		kernel.end = MAX(kernel.end, gpa + segment->p_memsz);

		/* The entry is a virtual address; the guest starts without translation. */
		if (elf->e_entry - segment->p_vaddr < segment->p_memsz) {
			kernel.entry = elf->e_entry - segment->p_vaddr + gpa;
			entered = true;
		}
	}
	if (!entered)
		return mortise_fail(err, -ENOEXEC,
				    "Could not load '%s': its entry 0x%" PRIx64 " is in none of its segments", path,
				    (uint64_t)elf->e_entry);
	*out = kernel;
	return 0;
}

static int load_elf(struct ram *ram, uint64_t base, int fd, const char *path, struct boot_kernel *out,
		    struct mortise_error *err)
{
	_cleanup_free_ Elf64_Phdr *headers = NULL;
	Elf64_Ehdr elf;
	int r = read_exactly(fd, &elf, sizeof(elf), 0, path, err);

	if (r < 0)
		return r;
	if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_machine != EM_RISCV ||
	    elf.e_phentsize != sizeof(*headers) || !elf.e_phnum)
		return mortise_fail(err, -ENOEXEC, "Could not load '%s': not a 64-bit RISC-V ELF program", path);
	headers = calloc(elf.e_phnum, sizeof(*headers));
	if (!headers)
		return mortise_fail(err, -ENOMEM, "Out of memory for the headers of '%s'", path);
	r = read_exactly(fd, headers, elf.e_phnum * sizeof(*headers), elf.e_phoff, path, err);
	if (r < 0)
		return r;
	return load_elf_segments(ram, base, fd, &elf, headers, path, out, err);
}

int boot_load_riscv_kernel(struct ram *ram, uint64_t base, const char *path, struct boot_kernel *out,
			   struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	union {
		struct riscv_image image;
		unsigned char bytes[sizeof(struct riscv_image)];
	} head;
	struct boot_kernel kernel;
	struct stat st;
	int r = open_file(path, &fd, &st, err);

	if (r < 0)
		return r;
	if ((uint64_t)st.st_size < sizeof(head))
		return mortise_fail(err, -ENOEXEC, "Could not load '%s': %lld bytes are too few for a kernel", path,
				    (long long)st.st_size);
	r = read_exactly(fd, &head, sizeof(head), 0, path, err);
	if (r < 0)
		return r;
	if (!memcmp(head.bytes, ELFMAG, SELFMAG))
		r = load_elf(ram, base, fd, path, &kernel, err);
	else if (is_image(&head.image))
		r = load_image(ram, base, fd, (uint64_t)st.st_size, path, &kernel, err);
	else if (head.bytes[0] == 0x1f && head.bytes[1] == 0x8b)
		r = load_gzip(ram, base, fd, path, &kernel, err);
	else
		return mortise_fail(
			err, -ENOEXEC,
			"Could not load '%s': neither a RISC-V kernel Image (raw or gzip'd) nor an ELF program", path);
	if (r < 0)
		return r;
	ram_written(ram, base, kernel.end - base);
	*out = kernel;
	return 0;
}
