/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-file.c - the `file` driver: raw images and block devices; options, opening, size.
 */
#include "backend/block-file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "backend/block-lock.h"
#include "base/fdset.h"
#include "base/log.h"

static const char *const driver_names[] = {"file", "host_device", NULL};

static const char *const aios[] = {"io_uring", "threads", "native", NULL};
static const char *const lockings[] = {"auto", "on", "off", NULL};

static const struct mortise_property properties[] = {
	{.name = "filename",
	 .type = MORTISE_PROPERTY_STRING,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct block_file, path),
	 .help = "path of an image or a block device"},
	{.name = "aio",
	 .type = MORTISE_PROPERTY_ENUM,
	 .offset = offsetof(struct block_file, aio),
	 .fallback = "io_uring",
	 .values = aios,
	 .help = "how requests reach the host's kernel; threads where io_uring is refused"},
	{.name = "locking",
	 .type = MORTISE_PROPERTY_ENUM,
	 .offset = offsetof(struct block_file, locking),
	 .fallback = "auto",
	 .values = lockings,
	 .help = "whether the image is locked against other processes"},
	{.name = "logical_block_size",
	 .type = MORTISE_PROPERTY_SIZE,
	 .offset = offsetof(struct block_file, want_block),
	 .help = "bytes in the smallest request, a power of two from 512 to 32768; what the file needs when absent"},
	{.name = NULL},
};

static int file_check(struct block_medium *medium, struct mortise_error *err)
{
	struct block_file *file = block_file_of(medium);
	const uint64_t size = file->want_block;

	if (!*file->path)
		return mortise_fail(err, -EINVAL, "Parameter 'filename' is empty: name an image or a block device");
	if (size && (size < 512 || size > BLOCK_SIZE_MAX || size & (size - 1)))
		return mortise_fail(
			err, -EINVAL,
			"Parameter 'logical_block_size' expects a power of two from 512 to %d, not %" PRIu64,
			BLOCK_SIZE_MAX, size);
	file->fd = -1;
	file->only_device = medium->driver_name == driver_names[1];
	file->may_punch = medium->unmap;
	return 0;
}

static const char *kind_of(mode_t mode)
{
	return S_ISCHR(mode)	? "a character device"
	       : S_ISFIFO(mode) ? "a FIFO"
	       : S_ISSOCK(mode) ? "a socket"
				: "something else";
}

/* Refuses what is not a disk before it is opened: opening a FIFO or a watchdog has effects. */
static int check_kind(const struct block_file *file, const struct stat *st, struct mortise_error *err)
{
	if (S_ISDIR(st->st_mode))
		return mortise_fail(err, -EISDIR, "Could not open '%.320s': Is a directory", file->path);
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return mortise_fail(err, -EINVAL,
				    "Could not open '%.320s': it is %s, not a regular file or a block device",
				    file->path, kind_of(st->st_mode));
	if (file->only_device && !S_ISBLK(st->st_mode))
		return mortise_fail(err, -EINVAL,
				    "'host_device' driver requires '%.320s' to be a block device; use 'file'",
				    file->path);
	return 0;
}

static int could_not_open(const struct block_file *file, int code, struct mortise_error *err)
{
	return mortise_fail(err, code, "Could not open '%.320s': %s", file->path, strerror(-code));
}

static int open_path(const struct block_medium *medium, bool read_only)
{
	int flags = (read_only ? O_RDONLY : O_RDWR) | (medium->direct ? O_DIRECT : 0) | O_CLOEXEC | O_NOCTTY;
	int fd;

	if (fdset_is_path(block_file_of(medium)->path))
		return fdset_open(block_file_of(medium)->path, flags);
	/* O_NONBLOCK in case that the path has just become a FIFO; with it, a lease of somebody else's is not waited
	 * for. */
	do {
		fd = open(block_file_of(medium)->path, flags | O_NONBLOCK);
	} while (fd < 0 && errno == EINTR);
	while (fd < 0 && (errno == EWOULDBLOCK || errno == EINTR))
		fd = open(block_file_of(medium)->path, flags);
	return fd < 0 ? -errno : fd;
}

/* Opens the descriptor and checks once more what it is. Sets medium->read_only if that is all one can get. */
static int open_file(struct block_medium *medium, struct mortise_error *err)
{
	struct block_file *file = block_file_of(medium);
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r, flags;

	if (!fdset_is_path(file->path)) {
		if (stat(file->path, &st) < 0)
			return could_not_open(file, -errno, err);
		r = check_kind(file, &st, err);
		if (r < 0)
			return r;
	}
	fd = open_path(medium, medium->read_only);
	if ((fd == -EACCES || fd == -EPERM || fd == -EROFS) && !medium->read_only && medium->auto_read_only) {
		medium->read_only = true;
		fd = open_path(medium, true);
	}
	if (fd == -EINVAL && medium->direct)
		return mortise_fail(err, fd,
				    "Could not open '%.320s': its file system does not support O_DIRECT (use "
				    "cache.direct=off)",
				    file->path);
	if (fd < 0)
		return could_not_open(file, fd, err);
	if (fstat(fd, &st) < 0)
		return could_not_open(file, -errno, err);
	r = check_kind(file, &st, err);
	if (r < 0)
		return r;
	/* With O_NONBLOCK io_uring would answer EAGAIN instead of waiting for the disk. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return could_not_open(file, -errno, err);
	file->is_device = S_ISBLK(st.st_mode);
	medium->limits.physical = (uint32_t)MIN(st.st_blksize, 4096); /* a network file system says 1 MiB */
	file->fd = steal_fd(&fd);
	return 0;
}

static int file_lock(const struct block_medium *medium, struct mortise_error *err)
{
	const struct block_file *file = block_file_of(medium);
	struct mortise_error why = {""};
	int r;

	if (file->locking == BLOCK_LOCKING_OFF)
		return 0;
	r = block_lock(file->fd, file->path, !medium->read_only, &why);
	if (r == -EOPNOTSUPP && file->locking == BLOCK_LOCKING_AUTO) {
		log_warning("%s", why.message);
		return 0;
	}
	return r < 0 ? mortise_fail(err, r, "%s", why.message) : 0;
}

static void file_unlock(const struct block_medium *medium)
{
	block_unlock(block_file_of(medium)->fd);
}

/* Once data was lost, and the device told so, nothing can be saved any more. */
static int file_sync(struct block_medium *medium, struct mortise_error *err)
{
	struct block_file *file = block_file_of(medium);

	if (medium->read_only || medium->no_flush || atomic_load(&file->sync_failed) || fdatasync(file->fd) == 0)
		return 0;
	atomic_store(&file->sync_failed, -errno);
	return mortise_fail(err, -errno, "Error flushing '%.320s': %s", file->path, strerror(errno));
}

/* The smallest size that a direct read accepts, where the kernel does not tell (before 6.1). */
static uint32_t probe_align(int fd)
{
	void *buffer;
	uint32_t align = 512;

	if (posix_memalign(&buffer, 4096, 4096))
		return 4096;
	while (align < 4096 && pread(fd, buffer, align, 0) < 0)
		align *= 2;
	free(buffer);
	return align;
}

static int find_alignment(struct block_medium *medium, uint32_t sector, struct mortise_error *err)
{
	struct block_file *file = block_file_of(medium);
	struct statx stx = {0};

	file->memory_align = file->length_align = 1;
	if (!medium->direct)
		return 0;
#ifdef STATX_DIOALIGN
	if (statx(file->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 && stx.stx_mask & STATX_DIOALIGN) {
		if (!stx.stx_dio_offset_align)
			return mortise_fail(err, -EOPNOTSUPP,
					    "Could not open '%.320s': O_DIRECT is not supported on this file (use "
					    "cache.direct=off)",
					    file->path);
		file->memory_align = stx.stx_dio_mem_align;
		file->length_align = stx.stx_dio_offset_align;
	}
#endif
	if (file->length_align == 1)
		file->memory_align = file->length_align = file->is_device ? sector : probe_align(file->fd);
	return 0;
}

static int find_size(const struct block_file *file, uint64_t *out, struct mortise_error *err)
{
	struct stat st;
	int r;

	if (file->is_device)
		r = ioctl(file->fd, BLKGETSIZE64, out);
	else
		r = fstat(file->fd, &st);
	if (r < 0)
		return mortise_fail(err, -errno, "Could not find out the size of '%.320s': %s", file->path,
				    strerror(errno));
	if (!file->is_device)
		*out = (uint64_t)st.st_size;
	return 0;
}

static int check_size(const struct block_medium *medium, uint64_t size, struct mortise_error *err)
{
	const struct block_file *file = block_file_of(medium);
	const uint32_t unit = medium->limits.logical;

	if (!size)
		return mortise_fail(
			err, -EINVAL,
			"Could not open '%.320s': its size is 0, so a guest would see no disk; give it one, "
			"as in truncate -s 1G",
			file->path);
	if (size % unit)
		return mortise_fail(err, -EINVAL,
				    "Could not open '%.320s': its size of %" PRIu64
				    " bytes is not a multiple of %" PRIu32 "; round it up with truncate -s %%%" PRIu32,
				    file->path, size, unit, unit);
	return 0;
}

static int find_limits(struct block_medium *medium, struct mortise_error *err)
{
	struct block_file *file = block_file_of(medium);
	unsigned physical = 0, optimal = 0;
	int sector = 512, r;
	uint64_t size;

	if (file->is_device) {
		if (ioctl(file->fd, BLKSSZGET, &sector) < 0 || sector < 512)
			sector = 512;
		if (ioctl(file->fd, BLKPBSZGET, &physical) == 0 && physical)
			medium->limits.physical = physical;
		if (ioctl(file->fd, BLKIOOPT, &optimal) == 0)
			medium->limits.optimal_io = optimal;
	}
	r = find_alignment(medium, (uint32_t)sector, err);
	if (r < 0)
		return r;
	sector = MAX(sector, (int)file->length_align);
	if (file->want_block && file->want_block < (uint32_t)sector && (medium->direct || file->is_device))
		return mortise_fail(err, -EINVAL,
				    "Parameter 'logical_block_size' (%" PRIu64
				    ") is below the %d bytes that '%.320s' needs",
				    file->want_block, sector, file->path);
	medium->limits.logical = file->want_block ? (uint32_t)file->want_block : (uint32_t)sector;
	if (medium->limits.physical < medium->limits.logical || medium->limits.physical & (medium->limits.physical - 1))
		medium->limits.physical = medium->limits.logical;
	medium->limits.discard = medium->unmap && !medium->read_only;
	medium->limits.write_zeroes = !medium->read_only;
	r = find_size(file, &size, err);
	if (r == 0)
		r = check_size(medium, size, err);
	if (r == 0)
		atomic_store(&medium->size, size);
	return r;
}

static void file_close(struct block_medium *medium)
{
	struct block_file *file = block_file_of(medium);

	block_unlock(file->fd);
	close(file->fd);
	file->fd = -1;
}

static int file_open(struct block_medium *medium, struct mortise_error *err)
{
	int r = open_file(medium, err);

	if (r < 0)
		return r;
	r = find_limits(medium, err);
	if (r < 0)
		file_close(medium);
	return r;
}

static int file_measure(struct block_medium *medium, uint64_t wanted, uint64_t *size, struct mortise_error *err)
{
	const struct block_file *file = block_file_of(medium);
	int r;

	if (wanted && file->is_device)
		return mortise_fail(err, -ENOTSUP, "Could not resize '%.320s': it is a block device", file->path);
	if (wanted && ftruncate(file->fd, (off_t)wanted) < 0)
		return mortise_fail(err, -errno, "Could not resize '%.320s' to %" PRIu64 " bytes: %s", file->path,
				    wanted, strerror(errno));
	r = find_size(file, size, err);
	return r < 0 ? r : check_size(medium, *size, err);
}

static int file_descriptor(const struct block_medium *medium)
{
	return block_file_of(medium)->fd;
}

static int file_attach(struct block_engine **out, struct block_medium *medium, struct block_claim *claim,
		       struct mortise_error *err)
{
	struct block_file *file = block_file_of(medium);
	int r;

	if (file->aio != BLOCK_AIO_THREADS) {
		r = block_uring_new(out, file, claim);
		if (r == 0)
			return 0;
		log_info("%s: no io_uring here (%s), using threads", file->path, strerror(-r));
	}
	return block_threads_new(out, file, claim, err);
}

static void file_describe(const struct block_medium *medium, struct block_description *out)
{
	out->filename = block_file_of(medium)->path;
	out->aio = block_file_of(medium)->aio == BLOCK_AIO_THREADS ? "threads" : "io_uring";
}

const struct block_driver block_driver_file = {
	.names = driver_names,
	.summary = "A raw image, or a block device of the host",
	.properties = properties,
	.size = sizeof(struct block_file),
	.check = file_check,
	.open = file_open,
	.close = file_close,
	.lock = file_lock,
	.unlock = file_unlock,
	.sync = file_sync,
	.measure = file_measure,
	.descriptor = file_descriptor,
	.attach = file_attach,
	.describe = file_describe,
};
