/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-node.h - what block.c and the drivers of block nodes (file, null) share.
 *
 * A node is opened and closed on a worker thread. While a device has claimed it there is a claim: the binding to that
 * device's loop, with the driver's engine, which does the requests. Everything that could go wrong with a request's
 * form (range, alignment, read-only) was refused before an engine sees it.
 */
#pragma once

#include <stdatomic.h>

#include "backend/block-options.h"
#include "backend/block.h"
#include "base/workers.h"

#define BLOCK_MAX_SEGMENTS 1024 /* IOV_MAX */
#define BLOCK_MAX_TRANSFER (UINT64_C(1) << 30)

struct block_claim;
struct block_engine;

struct block_driver {
	const char *const *names; /* of blockdev-add's `driver`, NULL-terminated */

	/*
	 * Takes the driver's own options and makes node->private. Control thread; quick. On failure nothing is left.
	 */
	int (*configure)(struct mortise_block *node, struct block_options *options, struct mortise_error *err);

	/* Opens: sets node->size and node->limits, may set node->read_only. Worker thread; may block. */
	int (*open)(struct mortise_block *node, struct mortise_error *err);

	/* Closes what open() opened. Worker thread; may block. */
	void (*close)(struct mortise_block *node);

	/* Frees node->private; the node is not open. */
	void (*destroy)(struct mortise_block *node);

	/* Looks at the size again; sets it first where `wanted` is not 0. Worker thread; may block. NULL: cannot. */
	int (*measure)(struct mortise_block *node, uint64_t wanted, uint64_t *size, struct mortise_error *err);

	/* Makes an engine for `claim`. Control thread: quick, and the claim's loop is not touched. */
	int (*attach)(struct block_engine **out, struct block_claim *claim, struct mortise_error *err);

	/* Fills in what a query shows: out->filename, out->aio (of a node that nobody has claimed). Control thread. */
	void (*describe)(const struct mortise_block *node, struct block_description *out);
};

/* Does the requests of one claim. Both functions run on the claim's loop; the engine embeds this. */
struct block_engine {
	const char *name; /* "io_uring", "threads", "null" */

	/* Ends in block_complete(), but never before it returned: then block_complete_later(). */
	void (*submit)(struct block_engine *engine, struct mortise_block_request *request);

	/* Frees the engine; no request is under way. */
	void (*detach)(struct block_engine *engine);
};

/* The binding of a node to the loop of the device that has claimed it. */
struct block_claim {
	struct mortise_block *node;
	struct loop *loop;
	struct block_engine *engine;
	char *owner;
	struct block_claim *next; /* of the same node, control thread */

	void (*_Atomic changed)(void *opaque, struct mortise_block *block); /* NULL: nobody wants to know */
	void *opaque;							    /* set before `changed` */
	struct task change_task;
	atomic_bool change_posted;

	struct mortise_block_request *later, **later_tail; /* results that wait for the next round; loop's thread */
	struct task later_task;

	struct task detach_task, gone_task; /* release: on the loop, then back on the control loop */
	bool detached;			    /* guarded by the registry's lock */
};

/* What a worker thread is doing with a node: opening, measuring or closing it, one at a time. */
struct block_job {
	int (*run)(struct mortise_block *node, struct mortise_error *err);	     /* worker thread */
	void (*finish)(struct mortise_block *node, struct reply *reply, int result); /* control thread */
	struct work work;
	struct task task;
	struct reply *reply;
	uint64_t wanted, size, before; /* of measure(): bytes */
	int result;
	bool busy;     /* submitted and not finished yet; control thread */
	bool finished; /* run() was done; guarded by the registry's lock */
};

enum block_state { BLOCK_OPENING, BLOCK_OPEN, BLOCK_CLOSING };

/* A node; plugins see it as opaque. Belongs to the control thread but where said otherwise. */
struct mortise_block {
	struct block_nodes *nodes;
	struct mortise_block *next;
	const struct block_driver *driver;
	void *private; /* the driver's */
	char name[BLOCK_NAME_MAX + 1];
	const char *driver_name;

	/* Written before the node is open, read by any thread afterwards. */
	bool read_only, auto_read_only, direct, no_flush, unmap;
	struct {
		uint32_t logical, physical, optimal_io; /* bytes, as in struct mortise_block_info */
		bool discard, write_zeroes;
	} limits;

	_Atomic uint64_t size; /* bytes; written by the control thread */

	/* Control thread. */
	enum block_state state;
	struct block_claim *claim;  /* the present one, or NULL */
	struct block_claim *claims; /* all that are not gone yet */
	struct reply *closing;	    /* whom to tell once it is closed */
	struct block_job job;
	bool opened; /* between the driver's open() and close(); the worker's while a job runs */

	struct {
		_Atomic uint64_t operations[6], bytes[6], failed[6], nanoseconds[6]; /* written by the claim's loop */
	} stats;
};

/* What block.c and the engines keep in struct mortise_block_request.host. */
struct block_request_state {
	struct mortise_block_request *next; /* of the list that the request is on; the engine's while it has it */
	uint64_t started;		    /* nanoseconds */
	union {
		uint64_t engine[6]; /* while an engine has the request */
		int result;	    /* once it is over */
	};
};

static inline struct block_request_state *block_request_state(struct mortise_block_request *request)
{
	_Static_assert(sizeof(struct block_request_state) == sizeof(request->host), "a request has room for its state");
	return (struct block_request_state *)request->host;
}

/* Tells the claim's device of a changed node. Control thread. */
void block_claim_changed(struct block_claim *claim);
void block_claim_free(struct block_claim *claim);

/* Closes a node that was deleted once its last claim and its job are gone. Control thread. */
void block_close_if_idle(struct mortise_block *node);

/* Posts `task` to the control loop and sets *flag; false, and only the flag, once the registry has ended. Any thread.
 */
bool block_hand_back(struct block_nodes *nodes, struct task *task, bool *flag);

/* Ends a request: counts it and calls done(). The claim's loop, never from inside submit(). */
void block_complete(struct block_claim *claim, struct mortise_block_request *request, int result);

/* Ends a request in the loop's next round. The claim's loop, anywhere. */
void block_complete_later(struct block_claim *claim, struct mortise_block_request *request, int result);

extern const struct block_driver block_driver_file, block_driver_null;
