/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ram.h - guest memory: where guest-physical addresses live in this process.
 *
 * One anonymous (or memfd) mapping made with MAP_NORESERVE, seen by the guest in one or two ranges. The layout is
 * fixed before the first vCPU runs; after that any thread may translate addresses without a lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include <mortise/error.h>

#define RAM_PAGE_SHIFT 12
#define RAM_PAGE_SIZE (UINT64_C(1) << RAM_PAGE_SHIFT)
#define RAM_MIN (UINT64_C(128) << 20)
#define RAM_MAX (UINT64_C(64) << 30)

struct ram_range {
	uint64_t base; /* guest-physical */
	uint64_t size; /* bytes */
	uint8_t *host;
};

/*
 * Told of every write that does not come from a vCPU (device DMA, the boot loader, a discard). `code_map` has one byte
 * for each page of the mapping, indexed by (host - ram->host) >> RAM_PAGE_SHIFT: where it is non-zero the accelerator
 * wants to know. Any thread.
 */
struct ram_watch {
	void (*written)(void *opaque, uint64_t gpa, uint64_t len);
	/* Somebody begins, or has ceased, to write wherever he likes without telling. May be NULL. */
	void (*unseen)(void *opaque, bool begins);
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
};

/* Maps `size` bytes (a multiple of the page size); `shared` asks for a memfd that other processes can map. */
int ram_new(struct ram **out, uint64_t size, bool shared, struct mortise_error *err);
struct ram *ram_free(struct ram *ram);
DEFINE_CLEANUP(struct ram *, ram_free)

/* Shows the next `size` bytes of the mapping to the guest at `base`. Machine set-up only. */
int ram_map(struct ram *ram, uint64_t base, uint64_t size, struct mortise_error *err);

/*
 * The host address of [gpa, gpa + len), or NULL when any byte of it is not RAM or the range crosses a hole. `len` 0 is
 * NULL. Checked for overflow. Hot path.
 */
static inline void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < ram->range_count; i++) {
		uint64_t offset = gpa - ram->ranges[i].base;

		if (offset < ram->ranges[i].size && len - 1 < ram->ranges[i].size - offset)
			return ram->ranges[i].host + offset;
	}
	return NULL;
}

/* Tells the accelerator that [gpa, gpa + len), which is RAM, was written by something else than a vCPU. Any thread. */
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
