/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/device.h - one instance of a device class, and the thread that all its callbacks run on.
 *
 * The control thread makes, exchanges and ends instances; it never runs a plugin's callback itself and never waits for
 * one: what takes a callback answers through a reply. A plugin that blocks holds up its own instance alone.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/ram.h"
#include "base/reply.h"
#include <mortise/plugin.h>

/* Where an instance is in its life; see the picture in mortise/plugin.h. Written on the control thread. */
enum device_state { DEVICE_CREATED, DEVICE_REALIZED, DEVICE_ACTIVE, DEVICE_QUIESCED, DEVICE_UNREALIZED };

struct mortise_device; /* the core's struct is the one that plugins see as opaque */

struct device_config {
	const struct mortise_class *class; /* lives as long as the process */
	const struct mortise_host *host;
	const char *id;	      /* copied; for the log and for QMP; NULL for empty instances */
	struct loop *control; /* where replies go */
	struct loop *loop;    /* where callbacks run; NULL: a thread of its own, made here, named after the id */
	struct mortise_device *parent; /* plugged into that one, REALIZED or later, on its loop; NULL: into a slot */
	void *owner;		       /* whoever made the instance keeps its own record of it here; NULL: nobody */
	struct ram *ram;	       /* guest memory; NULL: none */
};

/* Allocates the instance, zeroed, and its thread. The caller then fills in properties at device_self(). */
int device_new(struct mortise_device **out, const struct device_config *config, struct mortise_error *err);

/* Frees; CREATED or UNREALIZED only, and behind no slot. NULL is fine. Joins the thread: quick, as it is idle. */
struct mortise_device *device_free(struct mortise_device *device);
DEFINE_CLEANUP(struct mortise_device *, device_free)

/* The thread that `from` has of its own, if it has, becomes that of `device`, which was made to run on it. */
void device_take_loop(struct mortise_device *device, struct mortise_device *from);

/* CREATED -> REALIZED, and made known to the parent, if there is one; or the plugin's reason why not. */
void device_realize(struct mortise_device *device, struct reply *reply);

/* REALIZED or QUIESCED, behind no slot and with no children any more -> UNREALIZED. */
void device_unrealize(struct mortise_device *device, struct reply *reply);

/* Runs a task on the instance's thread, among its callbacks. Any thread. */
void device_post(struct mortise_device *device, struct task *task);

/*
 * What a backend found out, passed on to the class's block_changed(), net_ready() or char_ready(). Dropped before
 * realize() and while quiesced: realize() and resume() look for themselves. The instance's thread.
 */
void device_block_changed(struct mortise_device *device, struct mortise_block *block);
void device_net_ready(struct mortise_device *device, struct mortise_net *net, uint32_t queue, uint32_t events);
bool device_char_ready(struct mortise_device *device, struct mortise_chardev *chardev,
		       uint32_t events); /* not dropped */

void *device_self(struct mortise_device *device);
void *device_owner(const struct mortise_device *device);
struct loop *device_loop(struct mortise_device *device);
const char *device_id(const struct mortise_device *device);
const struct mortise_class *device_class(const struct mortise_device *device);

/*
 * In realize(): the instance makes something part of guest memory, which is returned (NULL: there is none, or not in
 * realize()). It is then not taken out of its slot while a driver is bound.
 */
struct ram *device_extends_ram(struct mortise_device *device);

/* Features offered after realize(): the class's (or what offer_features() left of them) and the host's. */
uint64_t device_features(const struct mortise_device *device);

/*
 * The services of struct mortise_host that concern the guest's side; the host table points straight at them. They are
 * documented in mortise/plugin.h.
 */
void device_offer_features(struct mortise_device *device, uint64_t features);
void device_write_config(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size);
void device_read_config(struct mortise_device *device, uint32_t offset, void *data, uint32_t size);
void device_needs_reset(struct mortise_device *device, const char *why);
struct mortise_chain *device_queue_pop(struct mortise_device *device, uint32_t queue);
void device_queue_push(struct mortise_device *device, struct mortise_chain *chain, uint64_t written);
void device_queue_unpop(struct mortise_device *device, struct mortise_chain *chain);
uint64_t device_clock_ns(void);
int device_timer_set(struct mortise_device *device, uint32_t id, uint64_t deadline);
int device_watch(struct mortise_device *device, int fd, uint32_t events, void *opaque);
int device_memory_discard(struct mortise_device *device, const struct iovec *iov, uint32_t count);
int device_memory_discard_at(struct mortise_device *device, uint64_t address, uint64_t size);
void device_offer_ring_features(struct mortise_device *device, uint64_t features);
int device_memory_region(struct mortise_device *device, uint32_t index, struct mortise_memory_region *region);
int device_vring_lend(struct mortise_device *device, uint32_t queue, struct mortise_vring *vring);
void device_vring_return(struct mortise_device *device, uint32_t queue, int32_t next);
