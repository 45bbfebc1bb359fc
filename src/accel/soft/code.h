/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/code.h - which guest RAM was decoded by some hart, and telling the harts when it is overwritten.
 *
 * For each page of RAM one byte says which harts have blocks from it; in each such page a 64-bit map says from which
 * lines of 64 bytes, so that data beside code does not disturb it. Harts claim lines before they read them to decode;
 * writers look after they wrote. Either the decoder sees the new bytes or the writer sees the claim.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ram.h"

struct hart;
struct soft;

#define CODE_QUEUE 64

struct code_map {
	uint8_t *harts;	 /* atomic reads, changed under the lock; ram->watch.code_map */
	uint64_t *lines; /* atomic reads, changed under the lock */
	size_t pages;
	pthread_mutex_t lock;

	/* What was overwritten and is not yet taken up, one queue for each hart. Under the lock. */
	struct code_queue {
		unsigned count; /* more than CODE_QUEUE: everything */
		struct code_written {
			uint32_t page;
			uint64_t lines;
		} written[CODE_QUEUE];
	} queues[8];
	uint32_t pending; /* atomic: a bit for each hart with a non-empty queue */

	/* Atomic: how many write to RAM without telling. While there are any, fence.i forgets all code. */
	uint32_t unseen;
};

int code_init(struct code_map *map, size_t pages);
void code_destroy(struct code_map *map);

/* Nothing is decoded any more. VM paused. */
void code_reset(struct code_map *map);

/* The lines that [offset, offset + size) of a page touches; size is at least 1 and ends in the page. */
static inline uint64_t code_lines(unsigned offset, unsigned size)
{
	unsigned first = offset / 64, last = (offset + size - 1) / 64;

	return (UINT64_MAX << first) & (UINT64_MAX >> (63 - last));
}

/* Claims lines for `hart`. No write after this returns goes unseen. May serve fences. */
void code_claim(struct hart *hart, uint32_t page, uint64_t lines);

static inline bool code_page_clean(const struct code_map *map, uint32_t page)
{
	return __atomic_load_n(&map->harts[page], __ATOMIC_RELAXED) == 0;
}

/* To be called after [offset, offset + size) of a page was written. Any thread. */
void code_written(struct soft *soft, uint32_t page, unsigned offset, unsigned size);

/* For ram_watch: after [gpa, gpa + len) was written. Any thread. */
void code_ram_written(void *opaque, uint64_t gpa, uint64_t len);

/* For ram_watch: somebody begins, or has ceased, to write without telling. Any thread. */
void code_ram_unseen(void *opaque, bool begins);

/* For ram_watch: a file has become memory or has ceased to be, so translations and code are void. Any thread. */
int code_ram_file(void *opaque, unsigned index, const struct ram_range *range, bool present);

/* For another hart's fence.i: marks for code_serve() what may be stale although nobody told. Own thread. */
void code_distrust(struct hart *hart);

/* Kills this hart's blocks from what was overwritten. Own thread, between blocks. */
void code_serve(struct hart *hart);

/* fence.i: both. */
static inline void code_fence(struct hart *hart)
{
	code_distrust(hart);
	code_serve(hart);
}
