/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/ring.h - the driver's side of a split virtqueue, as simple and as rude as a test needs it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ram.h"
#include "bus/virtqueue.h"

/* Guest memory of the tests: two ranges with a hole between them. */
#define RING_RAM_BASE UINT64_C(0x80000000)
#define RING_RAM_SIZE (UINT64_C(64) << 20)
#define RING_RAM_HIGH UINT64_C(0x100000000)

/* Rings lie at the start of memory, 64 KiB each; buffers from here on. */
#define RING_BUFFERS (RING_RAM_BASE + (UINT64_C(16) << 20))

struct ring {
	struct ram *ram;
	struct virtqueue_place place;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t avail_idx, used_idx; /* of the driver */
	uint16_t kicked;	      /* avail_idx at the last look whether to kick */
	bool event_idx;
};

void ring_ram_new(struct ram **out);

/* Ring number `n` of `size` entries, zeroed, at its place in memory. */
void ring_init(struct ring *ring, struct ram *ram, unsigned n, uint32_t size, bool event_idx);

/* Begins both indices at `at` instead of 0. */
void ring_begin_at(struct ring *ring, uint16_t at);

void ring_desc(struct ring *ring, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next);
void ring_table(struct ram *ram, uint64_t table, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
		uint16_t next);

/* Makes the chain at `head` available. */
void ring_offer(struct ring *ring, uint16_t head);

/* Whether the device wants to be notified of what was offered since this was last asked. */
bool ring_must_kick(struct ring *ring);

/* The next used element, if there is one. */
bool ring_take(struct ring *ring, struct vring_used_elem *elem);

/* Asks for an interrupt when the used index moves past `index`, or for none. */
void ring_want_interrupt_after(struct ring *ring, uint16_t index);
void ring_want_no_interrupt(struct ring *ring);
