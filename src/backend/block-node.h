/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-node.h - what the files about block nodes share: the node, its claim, its jobs.
 *
 * While a device has claimed a node there is a claim: the binding to that device's loop, with the engine that does the
 * requests.
 */
#pragma once

#include <pthread.h>

#include "backend/block-bounce.h"
#include "backend/block-medium.h"
#include "base/notice.h"
#include "base/ram.h"
#include "base/workers.h"

struct block_reopen;
struct block_switch;

/* Requests that no engine takes as they are, see block-shape.h; the loop's thread. */
struct block_shape {
	struct bounce_pool pool;
	struct shaped *for_buffer, **for_buffer_tail; /* wait for a buffer of the pool */

	/* Where blocks are larger than sectors. A write of a part of a block has no other write beside it. */
	bool ordered;
	bool exclusive;	  /* such a write is under way */
	unsigned writing; /* other writes under way */
	struct mortise_block_request *held, **held_tail;
};

/* The binding of a node to the loop of the device that has claimed it. */
struct block_claim {
	struct mortise_block *node;
	struct loop *loop;
	struct block_engine *engine; /* exchanged on the loop */

	/* Control thread. */
	char *owner;
	const char *aio;	  /* the engine's name, for queries */
	struct block_claim *next; /* of the same node */
	bool started;		  /* start_task was posted */
	struct event *overdue;	  /* block_hurry(): when cancel_task is posted */

	void (*_Atomic changed)(void *opaque, struct mortise_block *block); /* NULL: nobody wants to know */
	void *opaque;							    /* set before `changed` */
	struct task change_task;
	atomic_bool change_posted;
	struct task start_task, cancel_task;
	atomic_bool cancel_posted;

	/* The loop's thread. */
	struct block_shape shape;
	struct mortise_block_request *later, **later_tail; /* results that wait for the next round */
	struct task later_task;
	unsigned in_flight;				 /* requests that are not over, but for those in `held` */
	struct block_switch *held_for;			 /* new requests wait until it is over; or NULL */
	struct mortise_block_request *held, **held_tail; /* those that do */

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
	char name[BLOCK_NAME_MAX + 1];

	/*
	 * Exchanged on the claim's loop, or where there is no claim on the control thread, which frees the old one when
	 * it has come back to its own loop: so these two threads may use what they find here until their next step.
	 */
	struct block_medium *_Atomic medium;

	/* Control thread. */
	enum block_state state;
	struct block_claim *claim;  /* the present one, or NULL */
	struct block_claim *claims; /* all that are not gone yet */
	struct reply *closing;	    /* whom to tell once it is closed */
	struct block_job job;
	struct block_switch *change; /* the medium is being exchanged; or NULL */
	bool pinned;		     /* for the claim's sake nothing is to change */

	struct {
		struct ram *ram; /* NULL: the node is not mapped */
		struct ram_range range;
	} map; /* the claim's loop's; the control thread's where there is no claim */

	struct block_failing {
		struct mortise_block *node;
		bool write;
		int error;
		struct notice notice;
	} failing[2]; /* reads; others */
	struct {
		_Atomic uint64_t operations[6], bytes[6], failed[6], nanoseconds[6]; /* written by the claim's loop */
	} stats;
};

/* What block.c and the engines keep in struct mortise_block_request.host. */
struct block_request_state {
	struct mortise_block_request *next; /* of the list that the request is on; the engine's while it has it */
	uint64_t started : 63;		    /* nanoseconds; 0: a part of another one, which is counted in its place */
	uint64_t ordered : 1;		    /* one of those that block-shape.c counts */
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

static inline struct block_medium *block_medium_of(struct mortise_block *node)
{
	return atomic_load_explicit(&node->medium, memory_order_acquire);
}

struct block_nodes {
	struct loop *control;
	struct workers *workers;
	struct mortise_block *first, **last;
	unsigned count;
	struct block_reopen *reopens;	   /* those under way */
	const struct block_source *source; /* NULL: there are built-in drivers alone */
	void (*failed)(void *opaque, const struct block_failure *failure);
	void *failed_opaque;

	pthread_mutex_t lock; /* guards `ended`, and the flags of block_hand_back() */
	bool ended;	      /* the control loop takes no more tasks */
};

/* The node of that name, in whatever state; NULL. */
struct mortise_block *block_find_any(struct block_nodes *nodes, const char *name);

/* Whether a job or an exchange of the medium is under way: then nothing else can begin. */
static inline bool block_is_busy(const struct mortise_block *node)
{
	return node->job.busy || node->change;
}

/* -EBUSY and what goes on with the node, if anything does. */
int block_check_idle(const struct mortise_block *node, struct mortise_error *err);

/* Ends what block_pin() and block_map() began, if they did. Control thread; the claim's device is at rest. */
void block_unpin(struct mortise_block *node);

/* Tells the claim's device of a changed node. Control thread. */
void block_claim_changed(struct block_claim *claim);
void block_claim_free(struct block_claim *claim);

/* The medium, which is in the node, has another size. Control thread. */
void block_set_size(struct mortise_block *node, struct block_medium *medium, uint64_t size);

/* Closes a node that was deleted once its last claim and its job are gone. Control thread. */
void block_close_if_idle(struct mortise_block *node);

/* Posts `task` to the control loop and sets *flag; false, and only the flag, once the registry has ended. Any thread.
 */
bool block_hand_back(struct block_nodes *nodes, struct task *task, bool *flag);

/* Ends a request: counts it and calls done(). The claim's loop, never from inside submit(). */
void block_complete(struct block_claim *claim, struct mortise_block_request *request, int result);

/* Ends a request in the loop's next round. The claim's loop, anywhere. */
void block_complete_later(struct block_claim *claim, struct mortise_block_request *request, int result);

/* --- exchanging the medium: block-reopen.c --- */

/* One node's part in it. The loop of the claim has it between a call below and `answer`. */
struct block_switch {
	struct block_reopen *reopen;
	struct mortise_block *node;
	struct block_medium *medium; /* the one that is not in the node: the new one, then the old one */
	struct block_claim *claim;   /* whose requests wait, or NULL; the loop's, it may have been released meanwhile */
	struct block_engine *engine; /* of the claim, for `medium`; or NULL */
	bool install;		     /* whether `medium` takes the node's place */
	struct task task;	     /* to the claim's loop */
	struct task answer;	     /* back to the control loop */
	bool answered;		     /* guarded by the registry's lock */
};

/* From now on requests wait. Answers when those that were submitted before are over. Control thread. */
void block_claim_hold(struct block_claim *claim, struct block_switch *change);

/* Installs the medium, if that is wanted, and lets requests go on. Answers. Control thread. */
void block_claim_go_on(struct block_claim *claim, struct block_switch *change);

/* A claim of the node is no more: an exchange may have waited for that. Control thread. */
void block_reopen_claim_gone(struct mortise_block *node);

void block_reopens_free(struct block_nodes *nodes); /* at the end; the workers are at rest */
