/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - a virtio driver without a guest: it negotiates, sets up rings, and offers buffers in them, well or badly.
 *
 * It sees guest memory through a mapping of its own. Each buffer has fences of known bytes around it, which are looked
 * after when the chain comes back.
 */
#pragma once

#include <linux/virtio_ring.h>

#include "rig.h"

#define DRIVER_QUEUE_SIZE 32 /* descriptors; fewer where the device has fewer */
#define DRIVER_QUEUES 64
#define BUFFER_MAX 8000 /* bytes */

/* What a request is made of, before it is cut into descriptors. */
struct request {
	uint32_t queue;
	uint8_t out[BUFFER_MAX];
	uint32_t out_size, in_size;
	bool answered; /* the device has no reason to keep it */
};

struct driver_queue {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint32_t size;
	uint16_t avail_idx, used_idx, free_count;
	bool taken[DRIVER_QUEUE_SIZE]; /* descriptors */
	struct {
		uint32_t size;
		uint16_t next;
		bool written;		  /* by the device */
	} buffers[DRIVER_QUEUE_SIZE];	  /* of descriptors: what the ring says may have been spoilt since */
	uint8_t chain[DRIVER_QUEUE_SIZE]; /* by head: descriptors in it; 0: none */
	uint32_t in_flight;
};

struct driver {
	struct rig *rig;
	uint64_t features; /* negotiated */
	struct driver_queue queues[DRIVER_QUEUES];
	uint64_t seed; /* of what is random */
};

void driver_init(struct driver *driver, struct rig *rig, uint64_t seed);
uint32_t driver_random(struct driver *driver, uint32_t below);

/* --- registers --- */

uint32_t driver_read(struct driver *driver, uint64_t offset);
void driver_write(struct driver *driver, uint64_t offset, uint32_t value);
void driver_config(struct driver *driver, void *out, uint32_t size);
uint64_t driver_offered(struct driver *driver);

/* As Linux does it, up to DRIVER_OK; false where the device says that it needs a reset, or refuses the features. */
bool driver_bind(struct driver *driver, uint64_t features);

/* The same in steps, up to but not including DRIVER_OK: 0 reset, 1 ACKNOWLEDGE, 2 DRIVER, 3 FEATURES_OK, 4 queues. */
void driver_advance(struct driver *driver, uint64_t features, unsigned steps);
void driver_reset(struct driver *driver);
bool driver_broken(struct driver *driver); /* DEVICE_NEEDS_RESET */

/* --- requests --- */

/* Offers it, cut at random places; false when the ring is full. */
bool driver_offer(struct driver *driver, const struct request *request);
void driver_kick(struct driver *driver, uint32_t queue);

/* Takes back what has been used; how many chains. */
unsigned driver_harvest(struct driver *driver);
unsigned driver_in_flight(const struct driver *driver);

/* Waits until that many chains (of a queue) came back, or for so many seconds. */
bool driver_wait(struct driver *driver, uint32_t queue, unsigned chains, double seconds);

/* Alters out buffers of chains that are in flight, as a hostile guest does. */
void driver_meddle(struct driver *driver);
