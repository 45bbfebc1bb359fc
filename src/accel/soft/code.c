/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/code.c - claims on decoded lines, and their end when somebody writes there.
 */
#include "accel/soft/code.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/hart.h"
#include "accel/soft/host.h"
#include "accel/soft/soft.h"
#include "base/util.h"

static void *map_zeroes(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int code_init(struct code_map *map, size_t pages)
{
	map->pages = pages;
	map->harts = map_zeroes(pages);
	map->lines = map_zeroes(pages * sizeof(*map->lines));
	pthread_mutex_init(&map->lock, NULL);
	return map->harts && map->lines ? 0 : -ENOMEM;
}

void code_destroy(struct code_map *map)
{
	if (map->harts)
		munmap(map->harts, map->pages);
	if (map->lines)
		munmap(map->lines, map->pages * sizeof(*map->lines));
	pthread_mutex_destroy(&map->lock);
}

void code_reset(struct code_map *map)
{
	/* Fresh zeroes; both are only hints to the kernel that cannot fail on a mapping of ours. */
	madvise(map->harts, map->pages, MADV_DONTNEED);
	madvise(map->lines, map->pages * sizeof(*map->lines), MADV_DONTNEED);
	memset(map->queues, 0, sizeof(map->queues));
	map->pending = 0;
}

void code_claim(struct hart *hart, uint32_t page, uint64_t lines)
{
	struct soft *soft = hart->soft;
	struct code_map *map = &soft->code;
	uint8_t before;

	/*
	 * A hart that has a claim on the page knows that nobody writes there unseen; a hart whose first this is makes
	 * sure of it, even if another is just about to.
	 */
	pthread_mutex_lock(&map->lock);
	before = map->harts[page];
	__atomic_store_n(&map->harts[page], before | 1u << hart->index, __ATOMIC_SEQ_CST);
	__atomic_store_n(&map->lines[page], map->lines[page] | lines, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&map->lock);
	if (!(before >> hart->index & 1)) {
		struct fence fence = {.kind = FENCE_CODE,
				      .host = (uint64_t)(uintptr_t)soft->ram->host + page * PAGE_SIZE};

		tlb_mark_code(hart, fence.host);
		fence_others(hart, (UINT64_C(1) << soft->hart_count) - 1, &fence);
	}
}

/* Queues an invalidation. Under the lock. */
static void enqueue(struct code_queue *queue, uint32_t page, uint64_t lines)
{
	if (queue->count > CODE_QUEUE)
		return;
	if (queue->count && queue->written[queue->count - 1].page == page)
		queue->written[queue->count - 1].lines |= lines;
	else if (queue->count++ < CODE_QUEUE)
		queue->written[queue->count - 1] = (struct code_written){page, lines};
}

/* Withdraws the claims on `lines` and tells every hart that has code in the page. */
static void invalidate(struct soft *soft, uint32_t page, uint64_t lines)
{
	struct code_map *map = &soft->code;
	uint64_t left;
	uint8_t told;

	pthread_mutex_lock(&map->lock);
	lines &= map->lines[page];
	told = lines ? map->harts[page] : 0;
	left = map->lines[page] & ~lines;
	__atomic_store_n(&map->lines[page], left, __ATOMIC_SEQ_CST);
	if (!left)
		__atomic_store_n(&map->harts[page], 0, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < soft->hart_count; i++)
		if (told >> i & 1)
			enqueue(&map->queues[i], page, lines);
	__atomic_fetch_or(&map->pending, told, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&map->lock);
	for (unsigned i = 0; i < soft->hart_count; i++)
		if (told >> i & 1)
			hart_kick(&soft->harts[i]);
}

void code_written(struct soft *soft, uint32_t page, unsigned offset, unsigned size)
{
	uint64_t lines = code_lines(offset, size);

	/* Orders the write before the look; code_claim() and the decoder do the reverse. */
	host_fence();
	if (__atomic_load_n(&soft->code.lines[page], __ATOMIC_RELAXED) & lines)
		invalidate(soft, page, lines);
}

void code_ram_written(void *opaque, uint64_t gpa, uint64_t len)
{
	struct soft *soft = opaque;
	uint8_t *host = ram_at(soft->ram, gpa, len);

	if (!host)
		return;
	while (len) {
		unsigned offset = (uintptr_t)host & ~PAGE_MASK;
		unsigned size = MIN(len, PAGE_SIZE - offset);

		code_written(soft, soft_page(soft, (uintptr_t)host), offset, size);
		host += size;
		len -= size;
	}
}

/* Queues the invalidation of everything. Under the lock. */
static void enqueue_all(struct code_map *map, unsigned hart)
{
	map->queues[hart].count = CODE_QUEUE + 1;
	__atomic_fetch_or(&map->pending, 1u << hart, __ATOMIC_RELEASE);
}

/* What was written until the end is forgotten then: a fence.i that follows has nothing left to do. */
void code_ram_unseen(void *opaque, bool begins)
{
	struct soft *soft = opaque;
	struct code_map *map = &soft->code;

	pthread_mutex_lock(&map->lock);
	for (unsigned i = 0; i < soft->hart_count && !begins; i++)
		enqueue_all(map, i);
	__atomic_fetch_add(&map->unseen, begins ? 1 : UINT32_MAX, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&map->lock);
	for (unsigned i = 0; i < soft->hart_count && !begins; i++)
		hart_kick(&soft->harts[i]);
}

int code_ram_file(void *opaque, unsigned index, const struct ram_range *range, bool present)
{
	static const struct fence everything = {.kind = FENCE_TLB, .flush = {.size = UINT64_MAX, .asid = UINT64_MAX}};
	struct soft *soft = opaque;
	struct code_map *map = &soft->code;

	pthread_mutex_lock(&map->lock);
	for (unsigned i = 0; i < soft->hart_count; i++)
		enqueue_all(map, i);
	pthread_mutex_unlock(&map->lock);
	fence_post_all(soft, &everything);
	return 0;
}

void code_distrust(struct hart *hart)
{
	struct code_map *map = &hart->soft->code;

	if (!__atomic_load_n(&map->unseen, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&map->lock);
	enqueue_all(map, hart->index);
	pthread_mutex_unlock(&map->lock);
}

void code_serve(struct hart *hart)
{
	struct code_map *map = &hart->soft->code;
	uint32_t bit = 1u << hart->index;
	struct code_queue queue;

	if (!(__atomic_load_n(&map->pending, __ATOMIC_ACQUIRE) & bit))
		return;
	pthread_mutex_lock(&map->lock);
	queue = map->queues[hart->index];
	map->queues[hart->index].count = 0;
	__atomic_fetch_and(&map->pending, ~bit, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&map->lock);
	if (queue.count > CODE_QUEUE) {
		cache_flush(hart);
		return;
	}
	for (unsigned i = 0; i < queue.count; i++)
		cache_invalidate(hart, queue.written[i].page, queue.written[i].lines);
}
