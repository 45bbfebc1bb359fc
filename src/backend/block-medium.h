/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-medium.h - what lies in a block node at present: an open file, say, and how it is to be used.
 *
 * A medium never changes but for its size; blockdev-reopen puts another one into the node. It is opened and closed on
 * a worker thread. While a device has claimed the node, the driver's engine does its requests. Everything that could
 * go wrong with a request's form (range, alignment, read-only) was refused before an engine sees it.
 */
#pragma once

#include <stdatomic.h>

#include "backend/block-options.h"
#include "backend/block.h"
#include <mortise/property.h>

#define BLOCK_MAX_SEGMENTS 1024 /* IOV_MAX */
#define BLOCK_MAX_TRANSFER (UINT64_C(1) << 30)
#define BLOCK_SECTOR 512     /* bytes, what every request is a multiple of */
#define BLOCK_SIZE_MAX 32768 /* of a logical block, in bytes */

struct block_claim;
struct block_engine;
struct block_driver;

struct block_medium {
	const struct block_driver *driver;
	const char *driver_name;
	void *private; /* the driver's */

	/* Of one whose driver is written to mortise/block-driver.h: see block-adapter.h. */
	const struct mortise_block_driver *adapted;
	const struct block_source *source; /* where that came from; NULL: it is built in */

	struct options *options; /* what it was made from */

	/* Written before the medium is in a node, read by any thread afterwards. */
	bool read_only, auto_read_only, direct, no_flush, unmap;
	struct {
		uint32_t logical, physical, optimal_io; /* bytes, as in struct mortise_block_info */
		bool discard, write_zeroes;

		/* What the engine takes; devices may give more. */
		uint32_t max_segments;
		uint64_t max_transfer, max_discard;
	} limits;

	_Atomic uint64_t size; /* bytes; written by the control thread */
	bool opened;	       /* between the driver's open() and close(); the worker's while it has a job to do */
};

struct block_driver {
	const char *const *names; /* of blockdev-add's `driver`, NULL-terminated */
	const char *summary;	  /* one line, no full stop */

	/* Stored in medium->private, `size` bytes, zeroed; strings are borrowed from medium->options. */
	const struct mortise_property *properties;
	size_t size;

	/* Checks what was stored. Control thread; quick. */
	int (*check)(struct block_medium *medium, struct mortise_error *err);

	/* Opens: sets medium->size and medium->limits, may set medium->read_only. Worker thread; may block. */
	int (*open)(struct block_medium *medium, struct mortise_error *err);

	/* Closes what open() opened, and gives the lock back. Worker thread; may block. */
	void (*close)(struct block_medium *medium);

	/* Keeps others from using an open medium, lets them again. Worker thread. NULL: nobody else could. */
	int (*lock)(const struct block_medium *medium, struct mortise_error *err);
	void (*unlock)(const struct block_medium *medium);

	/* Puts what was written on stable storage. No request is in flight. Worker thread; may block. NULL: it is. */
	int (*sync)(struct block_medium *medium, struct mortise_error *err);

	/* Looks at the size again; sets it first where `wanted` is not 0. Worker thread; may block. NULL: cannot. */
	int (*measure)(struct block_medium *medium, uint64_t wanted, uint64_t *size, struct mortise_error *err);

	/* The descriptor whose bytes are the medium's, for mmap(); the medium's own. NULL: there is none. */
	int (*descriptor)(const struct block_medium *medium);

	/* Makes an engine for `claim`. Control thread: quick, and the claim's loop is not touched. */
	int (*attach)(struct block_engine **out, struct block_medium *medium, struct block_claim *claim,
		      struct mortise_error *err);

	/* Fills in what a query shows: out->filename, out->aio (of a node that nobody has claimed). Control thread. */
	void (*describe)(const struct block_medium *medium, struct block_description *out);
};

/* Does the requests of one claim. All functions run on the claim's loop; the engine embeds this. */
struct block_engine {
	const char *name; /* "io_uring", "threads", or the driver's */

	/* Ends in block_complete(), but never before it returned: then block_complete_later(). */
	void (*submit)(struct block_engine *engine, struct mortise_block_request *request);

	/* Frees the engine; no request is under way. Before the first request on the control thread, too. */
	void (*detach)(struct block_engine *engine);

	/* Optional: no other engine of this medium is left. Requests may come before; may be called again. */
	void (*start)(struct block_engine *engine);

	/* Optional: ends what is under way, soon. */
	void (*cancel)(struct block_engine *engine);
};

/* Consumes `options`, all of which are taken, and checks them. Nothing is opened yet. Control thread. */
int block_medium_new(struct block_medium **out, const struct block_source *source, struct options *options,
		     struct mortise_error *err);

/* A medium that is not open, or is left to the end of the process. NULL is fine. */
struct block_medium *block_medium_free(struct block_medium *medium);
DEFINE_CLEANUP(struct block_medium *, block_medium_free)

/* Worker threads; closing what is not open is fine. */
int block_medium_open(struct block_medium *medium, struct mortise_error *err);
int block_medium_lock(const struct block_medium *medium, struct mortise_error *err);
void block_medium_unlock(const struct block_medium *medium);
void block_medium_close(struct block_medium *medium);

extern const struct block_driver block_driver_file;
