/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/cache.h - a hart's decoded blocks: finding, linking, invalidating.
 *
 * Blocks are keyed by where their first instruction lies in guest RAM, whatever its virtual address. Each hart has its
 * own and is alone in touching them, so nothing here is locked and no block goes away under a hart that runs it: what
 * other harts and devices overwrite reaches the owner through a queue (code.h), served between blocks. Blocks live
 * in an arena. Invalidation unlinks a block but keeps its memory; a full arena is emptied as a whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/soft/op.h"

struct hart;

#define CACHE_ARENA (UINT64_C(6) << 20)
#define CACHE_HASH 16384
#define CACHE_PAGES 4096
#define CACHE_JUMPS 8192
#define CROSS_SLOTS 64

struct block {
	uint32_t page;	     /* of the RAM mapping */
	uint16_t start, end; /* the bytes decoded, as offsets in the page */
	struct block *hash_next, *page_next;
	uint32_t incoming; /* the first link; offset in the arena, 0: none */
	uint64_t code;	   /* the JIT's, to be entered; 0: none */
	struct op ops[];
};

/* An instruction in two pages, decoded under the addresses it was last run at. */
struct cross {
	uint32_t insn;
	uint16_t valid;
	struct op ops[2];
};

/*
 * Where an indirect or page-crossing jump to the virtual address `pc` goes on. That is good for as long as the TLB
 * allows fetching there and `addend` is its entry's, so that jumps outlive flushes and are shared by all address
 * spaces.
 */
struct jump {
	uint64_t pc, addend;
	struct op *op;
};

struct code_cache {
	struct jump jumps[CACHE_JUMPS];
	uint8_t *arena;
	size_t used;
	uint64_t generation;  /* counts the times that the arena was emptied */
	struct block **hash;  /* CACHE_HASH lists by start */
	struct block **pages; /* CACHE_PAGES lists by page */
	struct cross cross[CROSS_SLOTS];
};

static inline struct jump *cache_jump(struct code_cache *cache, uint64_t pc)
{
	return &cache->jumps[(pc >> 1 ^ pc >> 14) & (CACHE_JUMPS - 1)];
}

int cache_init(struct code_cache *cache);
void cache_destroy(struct code_cache *cache);

/* Forgets every block. */
void cache_flush(struct hart *hart);

/* The live block that starts at `offset` of `page`, or NULL. */
struct block *cache_find(struct code_cache *cache, uint32_t page, unsigned offset);

/* Room for a block of `ops` ops; may empty the cache first. */
struct block *cache_reserve(struct hart *hart, unsigned ops);

/* Enters the block last reserved, which uses `ops` ops. */
void cache_insert(struct hart *hart, struct block *block, unsigned ops);

/* Adds the near jump `op` to those that are told when `target` goes. */
void cache_link(struct code_cache *cache, struct op *op, struct block *target);

/* Kills the blocks that were decoded from any of the lines of `page` (code.h) that are set in `lines`. */
void cache_invalidate(struct hart *hart, uint32_t page, uint64_t lines);
