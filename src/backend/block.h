/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block.h - block nodes: named stores of sectors that devices claim.
 *
 * The registry and everything that opens, closes, claims or queries belongs to the control thread, which never waits
 * for a disk: opening and closing happen on a worker thread and answer through a reply. Requests are submitted and
 * completed on the thread of the one instance that has claimed the node.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/options.h"
#include "base/reply.h"
#include <mortise/block.h>

struct block_nodes; /* the registry */

int block_nodes_new(struct block_nodes **out, struct loop *control, struct mortise_error *err);
struct block_nodes *block_nodes_free(struct block_nodes *nodes); /* closes what is open; nothing is claimed any more */
DEFINE_CLEANUP(struct block_nodes *, block_nodes_free)

/*
 * Opens a node from flat blockdev-add options: node-name, driver (file, host_device, raw; default by the file's
 * type), filename, read-only, cache.direct, cache.no-flush, discard, aio, locking, logical_block_size; and the same
 * under "file." for the nested form of the seed and of `driver: raw`. Consumes `options`. On failure nothing stays
 * behind.
 */
void block_add(struct block_nodes *nodes, struct options *options, struct reply *reply);

/* Closes a node that nobody has claimed; -ENOENT when there is none, -EBUSY when in use. */
void block_del(struct block_nodes *nodes, const char *name, struct reply *reply);

/* NULL when there is none, or when it is still being opened or closed. */
struct mortise_block *block_find(struct block_nodes *nodes, const char *name);

/*
 * A node serves one instance at a time. block_claim() reserves it for `owner` (a device's id, copied) and binds its
 * requests to `loop`; -EBUSY: "Node d0 is in use by device 'v0'". `changed` runs on `loop` after the node's size
 * changed. block_release() needs all requests done and may be called when the loop's thread is idle.
 */
int block_claim(struct mortise_block *block, const char *owner, struct loop *loop, struct mortise_error *err);
void block_release(struct mortise_block *block);
void block_on_change(struct mortise_block *block, void (*changed)(void *opaque, struct mortise_block *block),
		     void *opaque);

/* Looks at the file's size again, or sets it (block_resize). */
void block_refresh(struct mortise_block *block, struct reply *reply);
void block_resize(struct mortise_block *block, uint64_t size, struct reply *reply);

/* The services of struct mortise_host. */
void block_info(struct mortise_block *block, struct mortise_block_info *info);
void block_submit(struct mortise_block *block, struct mortise_block_request *request);

/* For queries: what a node is and has done. Strings are borrowed until the control thread's next step. */
struct block_stats {
	uint64_t operations[6], bytes[6], failed[6]; /* by enum mortise_block_op */
	uint64_t nanoseconds[6];		     /* spent, summed */
};
struct block_description {
	const char *node_name, *driver, *filename, *owner; /* owner NULL: not claimed */
	bool read_only, direct, no_flush;
	const char *aio; /* "io_uring", "threads" */
	struct mortise_block_info info;
	struct block_stats stats;
};
struct mortise_block *block_next(struct block_nodes *nodes, struct mortise_block *after); /* NULL: the first */
void block_describe(struct mortise_block *block, struct block_description *out);
const char *block_name(const struct mortise_block *block);
