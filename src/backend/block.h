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
#include <mortise/block-driver.h>

struct block_nodes; /* the registry */

int block_nodes_new(struct block_nodes **out, struct loop *control, struct mortise_error *err);

/*
 * At the end of the program: closes what is open. Nothing is claimed any more, and the control loop runs no more:
 * replies still outstanding are not answered. A disk that hangs is waited for a few seconds, then left to the end of
 * the process.
 */
struct block_nodes *block_nodes_free(struct block_nodes *nodes);
DEFINE_CLEANUP(struct block_nodes *, block_nodes_free)

/* Where drivers come from that are not built in: plugins. Control thread. */
struct block_source {
	/* -ENOENT and a message that names it when there is none. */
	int (*find)(void *opaque, const char *driver, const struct mortise_block_driver **out,
		    struct mortise_error *err);

	/* A node of the driver has come into being (1), or is gone (-1). */
	void (*used)(void *opaque, const struct mortise_block_driver *driver, int change);
	void *opaque;
};
void block_nodes_set_source(struct block_nodes *nodes, const struct block_source *source); /* borrowed */

/*
 * Opens a node from flat blockdev-add options: node-name, driver (raw when absent), read-only, auto-read-only,
 * cache.direct, cache.no-flush, discard (unmap when absent, so that what the guest trims is free again; or ignore),
 * detect-zeroes (off), and those of the driver; all but node-name also under "file." for the nested form of the seed
 * and of `driver: raw`. Consumes `options`. On failure nothing stays behind.
 */
void block_add(struct block_nodes *nodes, struct options *options, struct reply *reply);

/* Closes a node that nobody has claimed; -ENOENT when there is none, -EBUSY when in use. */
void block_del(struct block_nodes *nodes, const char *name, struct reply *reply);

/*
 * Gives each of the nodes that the `count` lists of options name another medium, made from those options alone: another
 * file, say, or the same one with other rights. All of them or none. A node may be in use: requests that were submitted
 * before are finished on the old medium, later ones wait for the new one, and its device is told. Consumes the lists.
 */
void block_reopen(struct block_nodes *nodes, struct options **lists, unsigned count, struct reply *reply);

/* The same with another file, and all else as it was; `read_only`: "on", "off", or NULL for what was asked for. */
void block_change_medium(struct mortise_block *node, const char *filename, const char *read_only, struct reply *reply);

/* NULL when there is none, or when it is still being opened or closed. */
struct mortise_block *block_find(struct block_nodes *nodes, const char *name);

/*
 * A node serves one instance at a time. block_claim() reserves it for `owner` (a device's id, copied) and binds its
 * requests to `loop`; -EBUSY: "Node d0 is in use by device 'v0'". `changed` runs on `loop` after the node's size
 * changed. block_release() needs all requests done. It leaves a last task on `loop`, which must still be run
 * (loop_free() of a loop with a thread does that); the node can be claimed again at once.
 */
int block_claim(struct mortise_block *block, const char *owner, struct loop *loop, struct mortise_error *err);
void block_release(struct mortise_block *block);

/*
 * A claimed node as guest memory. block_pin() sees to it that its medium and size stay as they are until it is
 * released, which also ends the mapping; block_map() is the service of struct mortise_host, on the claim's loop, and
 * answers the same again when it is called again.
 */
struct ram;
int block_pin(struct mortise_block *block, struct mortise_error *err);
int block_map(struct mortise_block *block, struct ram *ram, struct mortise_mapping *mapping, struct mortise_error *err);

void block_on_change(struct mortise_block *block, void (*changed)(void *opaque, struct mortise_block *block),
		     void *opaque);

/*
 * The device that has claimed the node is to go (`on`), or stays after all: requests that are still in flight after
 * some seconds are cancelled, where the node's driver can do that.
 */
void block_hurry(struct mortise_block *block, bool on);

/*
 * A request that failed, of the node that `owner` has claimed; not one that was refused, as a driver can ask for
 * nonsense. Of a node's reads and its writes (all that are no reads) one a second at most is told of.
 */
struct block_failure {
	const char *node_name, *owner; /* borrowed for the time of the call; owner NULL: released meanwhile */
	bool write;
	int error; /* negative errno */
};
void block_nodes_on_failure(struct block_nodes *nodes,
			    void (*failed)(void *opaque, const struct block_failure *failure),
			    void *opaque); /* control thread */

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

/* A built-in driver with its options, for help. Constant. */
struct block_type {
	const char *name, *summary;
	const struct mortise_property *properties; /* `offset` is of no use to others */
};
bool block_type_get(size_t index, struct block_type *out); /* false: there are no more */
