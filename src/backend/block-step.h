/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-step.h - a request on a file as a sequence of system calls.
 *
 * An engine asks for the next step, performs it in its own way, and tells what came of it, until none is left. Here,
 * and for both engines alike, is what a short read means, how memory that O_DIRECT refuses is bounced, and what is done
 * on a file system that cannot free space or write zeroes. One request is stepped by one thread at a time.
 */
#pragma once

#include <stdbool.h>

#include "backend/block-bounce.h"
#include "backend/block-file.h"

enum step_call { STEP_READ, STEP_WRITE, STEP_SYNC, STEP_ALLOCATE };

struct step {
	enum step_call call;
	int mode;		 /* of fallocate() */
	const struct iovec *iov; /* READ, WRITE: lives until the step is done; NULL: `one` alone */
	unsigned count;
	struct iovec one;
	uint64_t offset, length; /* bytes; not of SYNC */
};

/* The part of a request's state that is kept here. */
struct step_state {
	uint64_t done;	    /* bytes of the request that are behind us */
	void *bounce;	    /* the buffer in use, or NULL */
	uint32_t in_bounce; /* bytes of the present step that go through it */
	uint16_t retries;
	uint16_t phase;		/* of WRITE_ZEROES: how it is being tried */
	uint64_t for_engine[3]; /* whatever else the engine has to remember */
};

static inline struct step_state *step_state(struct mortise_block_request *request)
{
	struct block_request_state *state = block_request_state(request);

	_Static_assert(sizeof(struct step_state) <= sizeof(state->engine), "a request has room for its steps");
	return (struct step_state *)state->engine;
}

enum step_answer {
	STEP_READY, /* *out is to be performed */
	STEP_OVER,  /* *result is the request's */
	STEP_WAIT   /* all buffers are in use: ask again when a request has ended */
};

/* The next step of `request`; at first with its step state zeroed. */
enum step_answer step_next(struct block_file *file, struct bounce_pool *pool, struct mortise_block_request *request,
			   struct step *out, int *result);

/*
 * `answer` is what the system call returned, or a negative errno. true: go on with step_next(); false: the request is
 * over and *result its result.
 */
bool step_done(struct block_file *file, struct bounce_pool *pool, struct mortise_block_request *request, long answer,
	       int *result);

/* Performs a step on the calling thread, which may block. */
long step_perform(const struct block_file *file, const struct step *step);
