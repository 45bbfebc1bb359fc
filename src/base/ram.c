/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ram.c - guest memory.
 */
#include "base/ram.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"

int ram_new(struct ram **out, uint64_t size, bool shared, struct mortise_error *err)
{
	_cleanup_(ram_free_p) struct ram *ram = NULL;
	void *host;

	if (size < RAM_MIN || size > RAM_MAX || !IS_ALIGNED(size, RAM_PAGE_SIZE))
		return mortise_fail(
			err, -EINVAL,
			"Memory size of %" PRIu64 " bytes is not possible: give whole pages, from 128M to 64G", size);
	ram = calloc(1, sizeof(*ram));
	if (!ram)
		return mortise_fail(err, -ENOMEM, "Out of memory for the guest memory's description");
	ram->fd = -1;
	pthread_mutex_init(&ram->files_lock, NULL);
	if (shared) {
		ram->fd = memfd_create("mortise-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (ram->fd < 0 || ftruncate(ram->fd, (off_t)size) < 0)
			return mortise_fail(err, -errno, "Could not make a memfd of %" PRIu64 " bytes: %s", size,
					    strerror(errno));
	}
	/* The place of files is taken together with RAM's, so that one number tells a page of either. */
	host = mmap(NULL, size + RAM_FILES_SIZE, PROT_NONE, MAP_NORESERVE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (host != MAP_FAILED) {
		ram->host = host;
		ram->size = size;
		host = mmap(host, size, PROT_READ | PROT_WRITE,
			    MAP_FIXED | MAP_NORESERVE | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS), ram->fd,
			    0);
	}
	if (host == MAP_FAILED)
		return mortise_fail(err, -errno, "Could not map %" PRIu64 " bytes of guest memory: %s", size,
				    strerror(errno));

	/* Both are wishes: huge pages save first-touch faults, and a core dump of the VMM need not hold the guest's
	 * memory. */
	madvise(host, size, MADV_HUGEPAGE);
	madvise(host, size, MADV_DONTDUMP);
	*out = steal_ptr(&ram);
	return 0;
}

struct ram *ram_free(struct ram *ram)
{
	if (!ram)
		return NULL;
	if (ram->host)
		munmap(ram->host, ram_span(ram));
	if (ram->fd >= 0)
		close(ram->fd);
	pthread_mutex_destroy(&ram->files_lock);
	free(ram);
	return NULL;
}

int ram_map(struct ram *ram, uint64_t base, uint64_t size, struct mortise_error *err)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < ram->range_count; i++)
		used += ram->ranges[i].size;
	if (ram->range_count == ARRAY_SIZE(ram->ranges) || !size || size > ram->size - used || base + size < base)
		return mortise_fail(err, -EINVAL, "Could not place %" PRIu64 " bytes of memory at 0x%" PRIx64, size,
				    base);
	ram->ranges[ram->range_count++] = (struct ram_range){.base = base, .size = size, .host = ram->host + used};
	return 0;
}

void ram_written(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	const uint8_t *host = ram->watch.written ? ram_at(ram, gpa, len) : NULL;
	unsigned barrier = 0;

	if (!host)
		return;
	/* The write is to be seen before the map is looked at: a locked operation is a full barrier. */
	__atomic_fetch_or(&barrier, 0, __ATOMIC_SEQ_CST);
	for (uint64_t page = (uint64_t)(host - ram->host) >> RAM_PAGE_SHIFT,
		      last = (uint64_t)(host + len - 1 - ram->host) >> RAM_PAGE_SHIFT;
	     page <= last; page++) {
		if (__atomic_load_n(&ram->watch.code_map[page], __ATOMIC_ACQUIRE)) {
			ram->watch.written(ram->watch.opaque, gpa, len);
			return;
		}
	}
}

/* The range of guest addresses that shows the mapping at `offset`; NULL: none does. */
static const struct ram_range *range_at(const struct ram *ram, uint64_t offset)
{
	for (unsigned i = 0; i < ram->range_count; i++) {
		const uint64_t start = (uint64_t)(ram->ranges[i].host - ram->host);

		if (offset >= start && offset - start < ram->ranges[i].size)
			return &ram->ranges[i];
	}
	return NULL;
}

int ram_discard(const struct ram *ram, const void *host, uint64_t len)
{
	const uint64_t offset = (uint64_t)((uintptr_t)host - (uintptr_t)ram->host);
	const struct ram_range *range = range_at(ram, offset);
	uint64_t first, end;
	uint8_t *page;

	if (!range || len > range->size - (uint64_t)(ram->host + offset - range->host))
		return -EFAULT;
	first = ALIGN_UP(offset, RAM_PAGE_SIZE);
	end = (offset + len) & ~(RAM_PAGE_SIZE - 1);
	if (first >= end)
		return 0;
	page = ram->host + first;
	if (madvise(page, end - first, ram->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED) < 0)
		return -errno;
	ram_written(ram, range->base + (uint64_t)(page - range->host), end - first);
	return 0;
}

int ram_clear(struct ram *ram, struct mortise_error *err)
{
	/* MADV_REMOVE punches the memfd; private anonymous pages read as zero once dropped. */
	if (madvise(ram->host, ram->size, ram->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED) < 0)
		return mortise_fail(err, -errno, "Could not clear guest memory: %s", strerror(errno));
	return 0;
}
