/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/cache.c - a hart's decoded blocks: finding, linking, invalidating.
 */
#include "accel/soft/cache.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/code.h"
#include "accel/soft/hart.h"
#include "base/util.h"

#define INDEX_SIZE ((CACHE_HASH + CACHE_PAGES) * sizeof(struct block *))

/* The index and the arena are one mapping, touched as it fills; huge pages, a wish, make that cheap. */
int cache_init(struct code_cache *cache)
{
	void *at = mmap(NULL, INDEX_SIZE + CACHE_ARENA, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return -ENOMEM;
	madvise(at, INDEX_SIZE + CACHE_ARENA, MADV_HUGEPAGE);
	cache->hash = at;
	cache->pages = cache->hash + CACHE_HASH;
	cache->arena = (uint8_t *)at + INDEX_SIZE;
	return 0;
}

void cache_destroy(struct code_cache *cache)
{
	if (cache->hash)
		munmap(cache->hash, INDEX_SIZE + CACHE_ARENA);
	cache->hash = NULL;
}

static struct block **hash_list(struct code_cache *cache, uint32_t page, unsigned offset)
{
	return &cache->hash[(page * 0x9e3779b1u ^ offset >> 1) & (CACHE_HASH - 1)];
}

static struct block **page_list(struct code_cache *cache, uint32_t page)
{
	return &cache->pages[page & (CACHE_PAGES - 1)];
}

void cache_flush(struct hart *hart)
{
	struct code_cache *cache = &hart->cache;

	memset(cache->hash, 0, INDEX_SIZE);
	cache->used = 0;
	cache->generation++;
	/* An odd pc is none that a jump can ask for. */
	memset(cache->jumps, 0xff, sizeof(cache->jumps));
	if (hart->jit.memory)
		jit_flush(hart);
}

struct block *cache_find(struct code_cache *cache, uint32_t page, unsigned offset)
{
	struct block *block = *hash_list(cache, page, offset);

	while (block && (block->page != page || block->start != offset))
		block = block->hash_next;
	return block;
}

struct block *cache_reserve(struct hart *hart, unsigned ops)
{
	struct code_cache *cache = &hart->cache;

	if (sizeof(struct block) + ops * sizeof(struct op) > CACHE_ARENA - cache->used)
		cache_flush(hart);
	return (struct block *)(cache->arena + cache->used);
}

void cache_insert(struct hart *hart, struct block *block, unsigned ops)
{
	struct code_cache *cache = &hart->cache;
	struct block **hash = hash_list(cache, block->page, block->start), **page = page_list(cache, block->page);

	block->hash_next = *hash;
	*hash = block;
	block->page_next = *page;
	*page = block;
	block->incoming = 0;
	block->code = 0;
	cache->used += sizeof(*block) + ops * sizeof(struct op);
}

void cache_link(struct code_cache *cache, struct op *op, struct block *target)
{
	struct link *link = op_link(op);

	link->next = target->incoming;
	target->incoming = (uint32_t)((uint8_t *)link - cache->arena);
}

/* Unlinks a block, so that whoever gets to it finds only the order to look again. */
static void kill_block(struct hart *hart, struct block *block)
{
	struct code_cache *cache = &hart->cache;
	struct block **from = hash_list(cache, block->page, block->start);

	while (*from != block)
		from = &(*from)->hash_next;
	*from = block->hash_next;
	/* Links of dead blocks may be among these: their memory is still there, and nobody runs them. */
	for (uint32_t at = block->incoming; at;) {
		struct link *link = (struct link *)(cache->arena + at);

		if (hart->jit.memory)
			jit_unlink(hart, link->site);
		link->to = NULL;
		at = link->next;
	}
	if (hart->jit.memory)
		jit_kill(hart, block);
	block->ops[0].code = OP_DEAD;
}

void cache_invalidate(struct hart *hart, uint32_t page, uint64_t lines)
{
	struct code_cache *cache = &hart->cache;
	struct block **at = page_list(cache, page);

	while (*at) {
		struct block *block = *at;

		if (block->page == page && code_lines(block->start, block->end - block->start) & lines) {
			*at = block->page_next;
			kill_block(hart, block);
		} else {
			at = &block->page_next;
		}
	}
}
