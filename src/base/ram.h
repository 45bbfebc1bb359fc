/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ram.h - guest memory: where guest-physical addresses live in this process.
 *
 * One anonymous (or memfd) mapping made with MAP_NORESERVE, seen by the guest in one or two ranges, whose layout is
 * fixed before the first vCPU runs; and files that are mapped behind it while the guest runs. Any thread may translate
 * addresses without a lock.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include <mortise/error.h>

#define RAM_PAGE_SHIFT 12
#define RAM_PAGE_SIZE (UINT64_C(1) << RAM_PAGE_SHIFT)
#define RAM_MIN (UINT64_C(128) << 20)
#define RAM_MAX (UINT64_C(64) << 30)

/* What files can have of guest memory, in bytes and in number. */
#define RAM_FILES_SIZE (UINT64_C(32) << 30)
#define RAM_FILES_MAX 32

struct ram_range {
	uint64_t base; /* guest-physical */
	uint64_t size; /* bytes */
	uint8_t *host;
};

/*
 * Told of every write that does not come from a vCPU (device DMA, the boot loader, a discard). `code_map` has one byte
 * for each page of ram_span(), indexed by (host - ram->host) >> RAM_PAGE_SHIFT: where it is non-zero the accelerator
 * wants to know. Any thread.
 */
struct ram_watch {
	void (*written)(void *opaque, uint64_t gpa, uint64_t len);
	/* Somebody begins, or has ceased, to write wherever he likes without telling. May be NULL. */
	void (*unseen)(void *opaque, bool begins);
	/*
	 * What is at a range of guest addresses has become the `index`-th file (`present`), or is no memory any more.
	 * May fail (a negative errno) where it is present; NULL: nobody keeps translations.
	 */
	int (*file)(void *opaque, unsigned index, const struct ram_range *range, bool present);
	void *opaque;
	const uint8_t *code_map;
};

struct ram {
	uint8_t *host;
	uint64_t size;
	int fd; /* memfd, or -1 */
	unsigned range_count;
	struct ram_range ranges[2];
	struct ram_watch watch; /* set by the accelerator before vCPUs run; written == NULL: nobody watches */

	/* See ram-files.c. */
	uint64_t files_base; /* guest-physical; 0: the board has no place for files */
	pthread_mutex_t files_lock;
	_Atomic uint64_t files[RAM_FILES_MAX];
};

/* Bytes from ram->host on that guest memory can be in: RAM, and after it the files. */
static inline uint64_t ram_span(const struct ram *ram)
{
	return ram->size + RAM_FILES_SIZE;
}

/* Maps `size` bytes (a multiple of the page size); `shared` asks for a memfd that other processes can map. */
int ram_new(struct ram **out, uint64_t size, bool shared, struct mortise_error *err);
struct ram *ram_free(struct ram *ram);
DEFINE_CLEANUP(struct ram *, ram_free)

/* Shows the next `size` bytes of the mapping to the guest at `base`. Machine set-up only. */
int ram_map(struct ram *ram, uint64_t base, uint64_t size, struct mortise_error *err);

/* Lets files be seen at [base, base + RAM_FILES_SIZE). Machine set-up only. */
void ram_place_files(struct ram *ram, uint64_t base);

/*
 * Makes the first `size` bytes (whole pages) of an open file part of guest memory, at an address that is a multiple of
 * 128 MiB. Not `writable`: what the guest writes there is seen by it alone, and lost. Any thread; the caller sees to
 * it that the file keeps its size, and has its blocks.
 */
int ram_map_file(struct ram *ram, int fd, uint64_t size, bool writable, struct ram_range *out,
		 struct mortise_error *err);

/*
 * The end of that. Who still has host addresses in there (a request that is under way, a ring that the guest had put
 * there) meets memory that nobody else sees. Any thread.
 */
void ram_unmap_file(struct ram *ram, const struct ram_range *range);

/* ram_at() among files. */
void *ram_file_at(const struct ram *ram, uint64_t gpa, uint64_t len);

/*
 * The host address of [gpa, gpa + len), or NULL when any byte of it is not memory or the range crosses a hole. `len` 0
 * is NULL. Checked for overflow. Hot path.
 */
static inline void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < ram->range_count; i++) {
		uint64_t offset = gpa - ram->ranges[i].base;

		if (offset < ram->ranges[i].size && len - 1 < ram->ranges[i].size - offset)
			return ram->ranges[i].host + offset;
	}
	return ram_file_at(ram, gpa, len);
}

/* Tells the accelerator that [gpa, gpa + len), which is memory, was written by something else than a vCPU. Any thread.
 */
void ram_written(const struct ram *ram, uint64_t gpa, uint64_t len);

/*
 * Between a call with `begins` and one without, somebody outside this process, or in the kernel, may write anywhere
 * without ram_written(). Such calls add up. Any thread.
 */
static inline void ram_unseen(const struct ram *ram, bool begins)
{
	if (ram->watch.unseen)
		ram->watch.unseen(ram->watch.opaque, begins);
}

/*
 * Gives the pages wholly inside [host, host + len) back to the host, so that the guest reads zeroes there. -EFAULT, and
 * nothing done, where the range is not inside guest memory. Any thread.
 */
int ram_discard(const struct ram *ram, const void *host, uint64_t len);

/* Gives every page back to the host, so that the guest reads zeroes: power-cycle. vCPUs and devices are quiet. */
int ram_clear(struct ram *ram, struct mortise_error *err);
