/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim.h - what stands between the core and the plugin that is checked: a class whose callbacks call the plugin's, and
 * services that call the core's.
 *
 * To the core the shim is a plugin like any other; to the plugin it is the host. The plugin's instance, and each chain
 * that it is shown, lie in memory with fences, apart from those that the core knows.
 */
#pragma once

#include "bus/device.h"
#include "calls.h"
#include "guard.h"

#define WATCHES_MAX 64

/* A block request that the plugin has submitted. */
struct io {
	struct io *next;
	struct shim *shim;
	struct mortise_block_request *request;
	void (*done)(struct mortise_block_request *request, int result); /* the plugin's */
	int result;
};

/* A chain as the plugin sees it, and what it stands for. */
struct shown {
	struct shown *next;		    /* of the instance's */
	struct area *view, *priv;	    /* `view`: the mortise_chain, then its iovecs */
	struct mortise_chain *chain, *core; /* core NULL: not in the plugin's hands */
	uint64_t popped;		    /* the how-manieth of its instance */
	uint32_t room;			    /* iovecs */
};

/* The core's instance. */
struct shim {
	struct mortise_device *device;
	const struct mortise_class *real; /* the plugin's class */
	struct area *area;		  /* of the plugin's instance */
	void *self;			  /* the same, for callbacks */
	bool realizing;
	uint64_t popped;
	uint32_t in_flight; /* chains in the plugin's hands */
	struct shown *shown;
	struct io *kept; /* requests that are done, but the plugin does not know yet */
	struct task release;
	int watched[WATCHES_MAX], watch_count;
	_Alignas(16) uint8_t properties[]; /* as the core stores them: what the instance begins with */
};

/* The class to give to the core in place of a plugin's, which it goes on using; and that one again. */
struct mortise_class *shim_class_new(struct mortise_class *real);
const struct mortise_class *shim_real_class(const struct mortise_class *class);
struct shim *shim_of(struct mortise_device *device);

/* The services to give to plugins. */
const struct mortise_host *shim_host(void);

/* --- chains: shim-chains.c --- */

struct mortise_chain *shown_new(struct shim *shim, struct mortise_chain *core);
struct mortise_chain *shown_take(struct shim *shim, struct mortise_chain *chain, const char *service, bool last);
void shown_forget(struct shim *shim); /* all of them: their queues have begun anew */

/* Whether [base, base + size) lies in a buffer of a chain that the plugin holds. */
bool shown_holds(const struct shim *shim, const void *base, uint64_t size);

/* --- backends: shim-io.c --- */

#define DISK_SIZE (UINT64_C(4) << 20)

void io_submit(struct shim *shim, struct mortise_block *block, struct mortise_block_request *request);

/*
 * Has requests stay in flight: what is done is kept from plugins until the instance was asked to quiesce, and comes
 * after that. io_quiesced(): it was, on its thread.
 */
void io_hold(void);
void io_quiesced(struct shim *shim);

/* --- faults: shim-io.c --- */

/* Has the nth call from now of a service that can fail do so (1: the next), and no other; 0: none. */
void calls_fail(uint64_t nth);
bool calls_failed(void);
bool call_fails(void); /* for services: whether this is the one */
