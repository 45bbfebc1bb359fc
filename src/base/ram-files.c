/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ram-files.c - files as guest memory, mapped and unmapped while the guest runs.
 *
 * A file at files_base + n is mapped at host + size + n. An entry of ram->files is one word, so that readers need no
 * lock: the numbers of the file's first page and of the page after its last, 0 where there is none. What was mapped
 * once stays mapped to something: there may be host addresses around that were translated earlier.
 */
#include "base/ram.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/util.h"

/* Linux hot-plugs memory in sections of this size: no two files share one. */
#define SECTION (UINT64_C(128) << 20)

#define HIDDEN (UINT64_C(1) << 63) /* in an entry: the guest does not see it any more */

/* Offsets in the place of files, bytes. */
struct extent {
	uint64_t start, end;
};

static struct extent extent_of(const struct ram *ram, unsigned index)
{
	const uint64_t pages = atomic_load_explicit(&ram->files[index], memory_order_acquire) & ~HIDDEN;

	return (struct extent){(pages >> 32) << RAM_PAGE_SHIFT, (pages & UINT32_MAX) << RAM_PAGE_SHIFT};
}

static bool is_hidden(const struct ram *ram, unsigned index)
{
	return atomic_load_explicit(&ram->files[index], memory_order_relaxed) & HIDDEN;
}

static void publish(struct ram *ram, unsigned index, struct extent extent)
{
	atomic_store(&ram->files[index], (extent.start >> RAM_PAGE_SHIFT) << 32 | extent.end >> RAM_PAGE_SHIFT);
}

void *ram_file_at(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	const uint64_t offset = gpa - ram->files_base;

	if (offset >= RAM_FILES_SIZE || !ram->files_base)
		return NULL;
	for (unsigned i = 0; i < RAM_FILES_MAX; i++) {
		const struct extent extent = extent_of(ram, i);

		if (offset >= extent.start && offset < extent.end && len - 1 < extent.end - offset)
			return is_hidden(ram, i) ? NULL : ram->host + ram->size + offset;
	}
	return NULL;
}

void ram_place_files(struct ram *ram, uint64_t base)
{
	ram->files_base = base;
}

/* Finds room after some other file, or at the start; -ENOSPC. Under the lock. */
static int find_room(const struct ram *ram, uint64_t size, uint64_t *out)
{
	for (unsigned after = 0; after <= RAM_FILES_MAX; after++) {
		const uint64_t start = after ? ALIGN_UP(extent_of(ram, after - 1).end, SECTION) : 0;
		bool fits = size <= RAM_FILES_SIZE && start <= RAM_FILES_SIZE - size;

		for (unsigned i = 0; i < RAM_FILES_MAX && fits; i++) {
			const struct extent other = extent_of(ram, i);

			fits = start >= ALIGN_UP(other.end, SECTION) || start + size <= other.start;
		}
		if (fits) {
			*out = start;
			return 0;
		}
	}
	return -ENOSPC;
}

static int find_place(const struct ram *ram, uint64_t size, unsigned *index, uint64_t *start, struct mortise_error *err)
{
	unsigned i = 0;

	if (!ram->files_base)
		return mortise_fail(err, -ENOTSUP, "This board has no place for files in guest memory");
	while (i < RAM_FILES_MAX && extent_of(ram, i).end)
		i++;
	if (i == RAM_FILES_MAX || find_room(ram, size, start) < 0)
		return mortise_fail(err, -ENOSPC,
				    "There is no room for %" PRIu64 " more bytes of files in guest memory: %" PRIu64
				    " GiB and %d files are the most",
				    size, RAM_FILES_SIZE >> 30, RAM_FILES_MAX);
	*index = i;
	return 0;
}

/* Puts memory where a file was, that nobody else has. */
static int cover(const struct ram_range *range)
{
	return mmap(range->host, range->size, PROT_READ | PROT_WRITE,
		    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED
		       ? -errno
		       : 0;
}

static int map(struct ram *ram, int fd, bool writable, struct ram_range *out, struct mortise_error *err)
{
	struct extent extent = {0};
	unsigned index = 0;
	int r = find_place(ram, out->size, &index, &extent.start, err);

	if (r < 0)
		return r;
	extent.end = extent.start + out->size;
	out->base = ram->files_base + extent.start;
	out->host = ram->host + ram->size + extent.start;
	if (mmap(out->host, out->size, PROT_READ | PROT_WRITE, MAP_FIXED | (writable ? MAP_SHARED : MAP_PRIVATE), fd,
		 0) == MAP_FAILED)
		return mortise_fail(err, -errno, "Could not map %" PRIu64 " bytes of a file: %s", out->size,
				    strerror(errno));
	madvise(out->host, out->size, MADV_DONTDUMP);
	publish(ram, index, extent);
	if (ram->watch.file)
		r = ram->watch.file(ram->watch.opaque, index, out, true);
	if (r < 0) {
		publish(ram, index, (struct extent){0});
		cover(out);
		return mortise_fail(err, r, "The accelerator takes no %" PRIu64 " bytes at 0x%" PRIx64 ": %s",
				    out->size, out->base, strerror(-r));
	}
	return 0;
}

int ram_map_file(struct ram *ram, int fd, uint64_t size, bool writable, struct ram_range *out,
		 struct mortise_error *err)
{
	struct ram_range range = {.size = size};
	int r;

	if (!size || !IS_ALIGNED(size, RAM_PAGE_SIZE))
		return mortise_fail(err, -EINVAL, "A file of %" PRIu64 " bytes is no whole number of pages of %" PRIu64,
				    size, RAM_PAGE_SIZE);
	pthread_mutex_lock(&ram->files_lock);
	r = map(ram, fd, writable, &range, err);
	pthread_mutex_unlock(&ram->files_lock);
	if (r == 0)
		*out = range;
	return r;
}

void ram_unmap_file(struct ram *ram, const struct ram_range *range)
{
	int r = -ENOENT;

	pthread_mutex_lock(&ram->files_lock);
	for (unsigned i = 0; i < RAM_FILES_MAX && r == -ENOENT; i++) {
		const struct extent extent = extent_of(ram, i);

		if (!extent.end || ram->files_base + extent.start != range->base)
			continue;
		atomic_fetch_or(&ram->files[i], HIDDEN);
		if (ram->watch.file)
			ram->watch.file(ram->watch.opaque, i, range, false);
		r = cover(range);
		/* Else its place can be nobody else's. */
		if (r == 0)
			publish(ram, i, (struct extent){0});
	}
	pthread_mutex_unlock(&ram->files_lock);
	if (r < 0)
		log_error("a file of %" PRIu64 " bytes stays mapped: %s", range->size, strerror(-r));
}
