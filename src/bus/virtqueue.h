/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/virtqueue.h - the device's side of a split virtqueue (virtio 1.2, 2.7): takes descriptor chains out of guest
 * memory, checked, and puts them back as used.
 *
 * What lies in guest memory is the driver's and may change under our eyes: each descriptor is fetched once into memory
 * of our own, and only that copy is looked at. A ring that breaks the rules stops for good, with `broken` saying why.
 * A queue belongs to the one thread of its instance; between virtqueue_stop() and virtqueue_start() to nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ram.h"
#include <linux/virtio_ring.h>
#include <mortise/queue.h>

/* The most descriptors in a ring, and in an indirect table. */
#define VIRTQUEUE_MAX 1024

/* What the driver has set up, and how far the queue has come: all that outlives the instance behind a transport. */
struct virtqueue_place {
	uint64_t desc, avail, used; /* guest-physical */
	uint32_t size;
	bool ready;
	uint16_t next_avail, next_used;
};

struct virtqueue_chain;

struct virtqueue {
	const struct ram *ram;
	const uint8_t *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t *used_event, *avail_event; /* with EVENT_IDX */
	uint64_t used_gpa;
	uint32_t size;
	uint32_t index; /* of this queue in its device */
	bool started, indirect, event_idx;
	bool lent;	      /* somebody else serves it, from virtqueue_lend() to virtqueue_return() */
	bool suppressed;      /* the driver was, or may have been, told not to notify; without EVENT_IDX */
	uint16_t next_avail;  /* the ring's position that is popped next */
	uint16_t seen_avail;  /* avail->idx as last fetched */
	uint16_t next_used;   /* what used->idx will be when all is published */
	uint32_t unpublished; /* chains pushed since the last time */
	bool signal_first;    /* nothing is known yet of what the driver waits for */
	uint32_t in_flight;   /* chains popped and not yet pushed */
	struct virtqueue_chain *free, *chains;
	size_t chain_stride;
	const char *broken; /* why the driver has to reset the device; NULL: all is well */
};

/* Whether a ring of this size can lie at these addresses; NULL, or what is wrong. */
const char *virtqueue_check(const struct ram *ram, const struct virtqueue_place *place);

/*
 * Begins at `place`, which virtqueue_check() has passed. `features` are the negotiated ones, `request_size` the bytes
 * of `priv` in each chain. -ENOMEM.
 */
int virtqueue_start(struct virtqueue *vq, const struct ram *ram, const struct virtqueue_place *place, uint32_t index,
		    uint64_t features, uint32_t request_size);

/* Frees the chains; nothing is in flight. A queue that is not started is fine. */
void virtqueue_stop(struct virtqueue *vq);

/*
 * The next available chain; NULL: there is none, and the driver will notify when there is, or the ring is broken.
 */
struct mortise_chain *virtqueue_pop(struct virtqueue *vq);

/*
 * Gives a chain back as used; virtqueue_publish() shows it to the driver. False when it was not in flight: its holder's
 * mistake, and nothing was done.
 */
bool virtqueue_push(struct virtqueue *vq, struct mortise_chain *chain, uint64_t written);

/* Undoes the latest pop. False when `chain` is not what was popped last, and nothing was done. */
bool virtqueue_unpop(struct virtqueue *vq, struct mortise_chain *chain);

/*
 * Leaves a started queue, none of whose chains is in flight, to somebody else; nothing can be popped until it is
 * returned. `next`: the index in the available ring to be served next; -1: whoever served it is gone without a word,
 * and whatever was not returned to the driver is to be served again.
 */
void virtqueue_lend(struct virtqueue *vq);
void virtqueue_return(struct virtqueue *vq, int32_t next);

/*
 * Shows the driver all that was pushed since the last time, at once: chains that make up one frame must not be seen
 * apart (5.1.6.3.2). True when the driver wants an interrupt for it.
 */
bool virtqueue_publish(struct virtqueue *vq);
