/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/ring.c - the driver's side of a split virtqueue.
 */
#include "ring.h"

#include "unit.h"

void ring_ram_new(struct ram **out)
{
	assert_int_equal(ram_new(out, 2 * RING_RAM_SIZE, false, NULL), 0);
	assert_int_equal(ram_map(*out, RING_RAM_BASE, RING_RAM_SIZE, NULL), 0);
	assert_int_equal(ram_map(*out, RING_RAM_HIGH, RING_RAM_SIZE, NULL), 0);
}

void ring_init(struct ring *ring, struct ram *ram, unsigned n, uint32_t size, bool event_idx)
{
	const uint64_t base = RING_RAM_BASE + n * UINT64_C(0x10000);

	*ring = (struct ring){
		.ram = ram,
		.place = {.desc = base, .avail = base + 0x8000, .used = base + 0xa000, .size = size, .ready = true},
		.desc = ram_at(ram, base, 0x8000),
		.avail = ram_at(ram, base + 0x8000, 0x2000),
		.used = ram_at(ram, base + 0xa000, 0x6000),
		.event_idx = event_idx,
	};
	memset(ring->desc, 0, 0x10000);
}

void ring_begin_at(struct ring *ring, uint16_t at)
{
	ring->avail_idx = ring->used_idx = ring->kicked = at;
	ring->place.next_avail = ring->place.next_used = at;
	ring->avail->idx = ring->used->idx = at;
}

void ring_desc(struct ring *ring, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	ring->desc[i] = (struct vring_desc){.addr = addr, .len = len, .flags = flags, .next = next};
}

void ring_table(struct ram *ram, uint64_t table, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	const struct vring_desc desc = {.addr = addr, .len = len, .flags = flags, .next = next};

	memcpy(ram_at(ram, table + i * sizeof(desc), sizeof(desc)), &desc, sizeof(desc));
}

void ring_offer(struct ring *ring, uint16_t head)
{
	__atomic_store_n(&ring->avail->ring[ring->avail_idx & (ring->place.size - 1)], head, __ATOMIC_RELAXED);
	ring->avail_idx++;
	__atomic_store_n(&ring->avail->idx, ring->avail_idx, __ATOMIC_RELEASE);
}

bool ring_must_kick(struct ring *ring)
{
	const uint16_t old = ring->kicked;

	ring->kicked = ring->avail_idx;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!ring->event_idx)
		return !(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
	return vring_need_event(__atomic_load_n((uint16_t *)&ring->used->ring[ring->place.size], __ATOMIC_RELAXED),
				ring->avail_idx, old);
}

bool ring_take(struct ring *ring, struct vring_used_elem *elem)
{
	const struct vring_used_elem *from = &ring->used->ring[ring->used_idx & (ring->place.size - 1)];

	if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) == ring->used_idx)
		return false;
	elem->id = __atomic_load_n(&from->id, __ATOMIC_RELAXED);
	elem->len = __atomic_load_n(&from->len, __ATOMIC_RELAXED);
	ring->used_idx++;
	return true;
}

void ring_want_interrupt_after(struct ring *ring, uint16_t index)
{
	__atomic_store_n(&ring->avail->flags, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->avail->ring[ring->place.size], index, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ring_want_no_interrupt(struct ring *ring)
{
	__atomic_store_n(&ring->avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->avail->ring[ring->place.size], (uint16_t)(ring->used_idx - 1), __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
