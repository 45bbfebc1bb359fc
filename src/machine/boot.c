/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/boot.c - files into guest memory.
 */
#include "machine/boot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

int boot_open(struct boot_file *out, const char *path, struct mortise_error *err)
{
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not open '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return mortise_fail(err, -EINVAL, "Could not load '%s': it is not a regular file", path);
	*out = (struct boot_file){.path = path, .fd = steal_fd(&fd), .size = (uint64_t)st.st_size};
	return 0;
}

void boot_close(struct boot_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int boot_read(const struct boot_file *file, void *to, uint64_t size, uint64_t offset, struct mortise_error *err)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t n = pread(file->fd, (char *)to + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mortise_fail(err, -errno, "Could not read '%s': %s", file->path, strerror(errno));
		if (n == 0)
			return mortise_fail(err, -ENOEXEC, "Could not load '%s': the file is cut short", file->path);
		done += (uint64_t)n;
	}
	return 0;
}

int boot_no_room(const char *what, uint64_t size, uint64_t gpa, struct mortise_error *err)
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
		return boot_no_room(what, size, gpa, err);
	memcpy(to, data, size);
	ram_written(ram, gpa, size);
	return 0;
}

int boot_load_file(struct ram *ram, const struct boot_file *file, uint64_t gpa, struct mortise_error *err)
{
	void *to;
	int r;

	if (!file->size)
		return mortise_fail(err, -ENOEXEC, "Could not load '%s': the file is empty", file->path);
	to = ram_at(ram, gpa, file->size);
	if (!to)
		return boot_no_room(file->path, file->size, gpa, err);
	r = boot_read(file, to, file->size, 0, err);
	if (r < 0)
		return r;
	ram_written(ram, gpa, file->size);
	return 0;
}

/* A bzImage has its magic at 0x202 of the file, an ELF file says its machine; all else is tried as a RISC-V Image. */
enum accel_arch boot_kernel_arch(const char *path)
{
	_cleanup_(boot_close) struct boot_file file = BOOT_FILE_NONE;
	Elf64_Ehdr elf;
	char magic[4];

	if (boot_open(&file, path, NULL) < 0 || boot_read(&file, &elf, sizeof(elf), 0, NULL) < 0)
		return ACCEL_RISCV64;
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0)
		return elf.e_machine == EM_X86_64 ? ACCEL_X86_64 : ACCEL_RISCV64;
	if (boot_read(&file, magic, sizeof(magic), 0x202, NULL) < 0 || memcmp(magic, "HdrS", sizeof(magic)) != 0)
		return ACCEL_RISCV64;
	return ACCEL_X86_64;
}
