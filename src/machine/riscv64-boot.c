/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/riscv64-boot.c - RISC-V kernels into guest memory: Images (raw or gzip'd) and ELF files.
 */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/util.h"
#include "machine/boot-elf.h"
#include "machine/boot.h"

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
		return boot_no_room(path, size, base + offset, err);
	out->entry = base + offset;
	out->end = base + offset + size;
	return 0;
}

static int load_image(struct ram *ram, uint64_t base, const struct boot_file *file, struct boot_kernel *out,
		      struct mortise_error *err)
{
	struct riscv_image image;
	struct boot_kernel kernel = {0};
	int r = boot_read(file, &image, sizeof(image), 0, err);

	if (r < 0)
		return r;
	r = place_image(ram, base, &image, file->size, file->path, &kernel, err);
	if (r < 0)
		return r;
	r = boot_read(file, ram_at(ram, kernel.entry, file->size), file->size, 0, err);
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
static int load_gzip(struct ram *ram, uint64_t base, const struct boot_file *from, struct boot_kernel *out,
		     struct mortise_error *err)
{
	_cleanup_(close_gzip) gzFile file = NULL;
	struct boot_kernel kernel = {0};
	struct riscv_image image;
	uint64_t done = sizeof(image);
	int copy = dup(from->fd), n = 0;
	int r;

	if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0 || !(file = gzdopen(copy, "rb"))) {
		r = errno ? -errno : -ENOMEM;
		if (copy >= 0)
			close(copy);
		return mortise_fail(err, r, "Could not read '%s': %s", from->path, strerror(-r));
	}
	if (gzread(file, &image, sizeof(image)) != (int)sizeof(image) || !is_image(&image))
		return mortise_fail(err, -ENOEXEC,
				    "Could not load '%s': what is compressed there is no RISC-V kernel Image",
				    from->path);
	r = place_image(ram, base, &image, sizeof(image), from->path, &kernel, err);
	if (r < 0)
		return r;
	memcpy(ram_at(ram, kernel.entry, sizeof(image)), &image, sizeof(image));
	for (;; done += (uint64_t)n) {
		uint64_t step = MIN(kernel.end - kernel.entry - done, 16 * MIB);
		char probe;

		n = step ? gzread(file, ram_at(ram, kernel.entry + done, step), (unsigned)step)
			 : gzread(file, &probe, 1);
		if (n < 0)
			return mortise_fail(err, -ENOEXEC, "Could not decompress '%s': the file is damaged",
					    from->path);
		if (!n)
			break;
		if (!step)
			return mortise_fail(err, -ENOEXEC, "Could not load '%s': it is larger than its header says",
					    from->path);
	}
	*out = kernel;
	return 0;
}

/* How far an ELF file's physical addresses have to be moved up: kernels linked at 0 go to the first aligned place. */
static uint64_t elf_bias(uint64_t base, const struct boot_elf *elf)
{
	const uint64_t lowest = boot_elf_lowest(elf);

	return lowest < base ? base + RISCV_KERNEL_ALIGN - (lowest & ~(uint64_t)(RISCV_KERNEL_ALIGN - 1)) : 0;
}

static int load_elf(struct ram *ram, uint64_t base, const struct boot_file *file, struct boot_kernel *out,
		    struct mortise_error *err)
{
	_cleanup_(boot_elf_done) struct boot_elf elf = {0};
	struct boot_kernel kernel = {0};
	uint64_t bias;
	int r = boot_elf_open(&elf, file, EM_RISCV, "RISC-V", err);

	if (r < 0)
		return r;
	bias = elf_bias(base, &elf);
	r = boot_elf_load(&elf, ram, bias, &kernel.end, err);
	if (r == 0)
		r = boot_elf_entry(&elf, bias, &kernel.entry, err);
	if (r < 0)
		return r;
	*out = kernel;
	return 0;
}

int boot_load_riscv_kernel(struct ram *ram, uint64_t base, const char *path, struct boot_kernel *out,
			   struct mortise_error *err)
{
	_cleanup_(boot_close) struct boot_file file = BOOT_FILE_NONE;
	union {
		struct riscv_image image;
		unsigned char bytes[sizeof(struct riscv_image)];
	} head;
	struct boot_kernel kernel = {0};
	int r = boot_open(&file, path, err);

	if (r < 0)
		return r;
	if (file.size < sizeof(head))
		return mortise_fail(err, -ENOEXEC, "Could not load '%s': %" PRIu64 " bytes are too few for a kernel",
				    path, file.size);
	r = boot_read(&file, &head, sizeof(head), 0, err);
	if (r < 0)
		return r;
	if (!memcmp(head.bytes, ELFMAG, SELFMAG))
		r = load_elf(ram, base, &file, &kernel, err);
	else if (is_image(&head.image))
		r = load_image(ram, base, &file, &kernel, err);
	else if (head.bytes[0] == 0x1f && head.bytes[1] == 0x8b)
		r = load_gzip(ram, base, &file, &kernel, err);
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
