/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames.c - moving frames between the guest's buffers and the netdev.
 *
 * A callback moves a bounded number of them and then lets others run: the netdev's events, which are level-triggered,
 * bring it back.
 */
#include "virtio-net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_BUDGET 64
#define TRANSMIT_BUDGET 64

#define SMALL_FRAME 2048 /* what is held in store for where no segmented frames come */

int frames_new(struct nic *nic, struct mortise_error *err)
{
	for (uint32_t i = 0; i < nic->pairs_most; i++) {
		nic->receive[i].overflow = malloc(MORTISE_NET_FRAME_MAX);
		if (!nic->receive[i].overflow) {
			frames_free(nic);
			return mortise_fail(err, -ENOMEM, "Out of memory for %u queue pairs", nic->pairs_most);
		}
	}
	return 0;
}

void frames_free(struct nic *nic)
{
	for (uint32_t i = 0; i < PAIRS_MAX; i++) {
		free(nic->receive[i].overflow);
		nic->receive[i].overflow = NULL;
	}
}

/* The netdev's queue that a pair sends through: a driver may go on using pairs that the netdev does not have. */
static uint32_t sends_through(const struct nic *nic, uint32_t pair)
{
	return pair < nic->pairs ? pair : 0;
}

/* Tells the host which events a queue of the netdev is waited for, if that changed. */
static void update_wish(struct nic *nic, uint32_t pair)
{
	struct wish *wish = &nic->wishes[pair];
	uint32_t events = 0;

	if (nic->active && pair < nic->pairs) {
		events = wish->starved ? 0 : MORTISE_NET_READABLE;
		for (uint32_t i = 0; i < PAIRS_MAX; i++)
			if (nic->wishes[i].transmitting && sends_through(nic, i) == pair)
				events |= MORTISE_NET_WRITABLE;
	}
	if (events == wish->told)
		return;
	wish->told = events;
	nic->host->net_poll(nic->netdev, pair, events);
}

/* --- receiving --- */

static bool mergeable(const struct nic *nic)
{
	return negotiated(nic, VIRTIO_NET_F_MRG_RXBUF);
}

/* Adds a chain to the store; false when it has to stay in the ring. */
static bool store(struct receive_queue *queue, struct mortise_chain *chain)
{
	uint32_t count = chain->in_count < STASH_BUFFERS ? chain->in_count : STASH_BUFFERS;
	uint32_t end = queue->first_buffer + queue->buffer_count;

	if (queue->chain_count == STASH_CHAINS || queue->buffer_count + count > STASH_BUFFERS)
		return false;
	if (queue->first_chain + queue->chain_count == STASH_CHAINS) {
		memmove(queue->chains, queue->chains + queue->first_chain, queue->chain_count * sizeof(chain));
		queue->first_chain = 0;
	}
	if (end + count > STASH_BUFFERS) {
		memmove(queue->buffers, queue->buffers + queue->first_buffer,
			queue->buffer_count * sizeof(struct iovec));
		queue->first_buffer = 0;
		end = queue->buffer_count;
	}
	memcpy(queue->buffers + end, chain->in, count * sizeof(struct iovec));
	chain->in_count = count;
	chain->in_size = 0;
	for (uint32_t i = 0; i < count; i++)
		chain->in_size += chain->in[i].iov_len;
	queue->chains[queue->first_chain + queue->chain_count++] = chain;
	queue->buffer_count += count;
	queue->capacity += chain->in_size;
	return true;
}

/* Takes buffers from the ring until there is `room` in store, in bytes, or no more can be had. */
static void fill(struct nic *nic, uint32_t pair, uint64_t room)
{
	struct receive_queue *queue = &nic->receive[pair];

	while (queue->capacity < room && !(queue->chain_count && !mergeable(nic))) {
		struct mortise_chain *chain = nic->host->queue_pop(nic->device, 2 * pair);

		if (!chain)
			return;
		if (chain->in_size < HEADER_SIZE) {
			nic->host->queue_unpop(nic->device, chain);
			nic->host->needs_reset(nic->device, "a receive buffer has no room for a header");
			return;
		}
		if (!store(queue, chain)) {
			nic->host->queue_unpop(nic->device, chain);
			return;
		}
	}
}

static uint64_t wanted_room(const struct nic *nic)
{
	const uint64_t segmented = FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6) |
				   FEATURE(NET_F_GUEST_USO4) | FEATURE(NET_F_GUEST_USO6);

	return nic->offloads & segmented ? MORTISE_NET_FRAME_MAX : SMALL_FRAME;
}

/* Copies `size` bytes from `offset` in guest buffers; the frame is known to be that long. */
static void peek(const struct iovec *iov, uint32_t count, uint64_t offset, void *to, uint64_t size)
{
	for (uint8_t *at = to; count && size; iov++, count--) {
		uint64_t part;

		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		part = iov->iov_len - offset < size ? iov->iov_len - offset : size;
		memcpy(at, (const uint8_t *)iov->iov_base + offset, part);
		at += part;
		size -= part;
		offset = 0;
	}
}

static bool wanted(const struct nic *nic, const struct receive_queue *queue, uint64_t length)
{
	uint8_t start[18] = {0};
	uint8_t mac[6];
	uint64_t size = length - HEADER_SIZE < sizeof(start) ? length - HEADER_SIZE : sizeof(start);

	if (!nic->filter.known)
		return true;
	peek(queue->buffers + queue->first_buffer, queue->buffer_count + 1, HEADER_SIZE, start, size);
	nic->host->read_config(nic->device, offsetof(struct virtio_net_config, mac), mac, sizeof(mac));
	return filter_wants(&nic->filter, negotiated(nic, VIRTIO_NET_F_CTRL_VLAN), mac, start);
}

/* The frame of `length` bytes is in the first buffers of the store: hands those to the driver. */
static void deliver(struct nic *nic, struct receive_queue *queue, uint64_t length)
{
	struct iovec *iov = queue->chains[queue->first_chain]->in;
	uint32_t iov_count = queue->chains[queue->first_chain]->in_count;
	uint8_t before[offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers)];
	uint16_t chains = 0;

	for (uint64_t room = 0; room < length; chains++)
		room += queue->chains[queue->first_chain + chains]->in_size;
	mortise_iov_take(&iov, &iov_count, before, sizeof(before));
	mortise_iov_put(&iov, &iov_count, &chains, sizeof(chains));

	while (chains--) {
		struct mortise_chain *chain = queue->chains[queue->first_chain++];
		uint64_t written = chain->in_size < length ? chain->in_size : length;

		queue->chain_count--;
		queue->first_buffer += chain->in_count;
		queue->buffer_count -= chain->in_count;
		queue->capacity -= chain->in_size;
		length -= written;
		nic->host->queue_push(nic->device, chain, written);
	}
	if (!queue->chain_count)
		queue->first_chain = queue->first_buffer = 0;
}

/* The frame began in all that was in store and goes on in `overflow`: false while its end has no place to go. */
static bool finish_pending(struct nic *nic, uint32_t pair)
{
	struct receive_queue *queue = &nic->receive[pair];

	while (queue->capacity < queue->pending) {
		const uint64_t at = queue->capacity;
		struct mortise_chain *chain;
		uint64_t offset = at - queue->overflowed_at;

		if (queue->chain_count == STASH_CHAINS) {
			queue->pending = 0; /* it would take absurdly many buffers */
			return true;
		}
		fill(nic, pair, at + 1);
		if (queue->capacity == at)
			return false;
		chain = queue->chains[queue->first_chain + queue->chain_count - 1];
		for (uint32_t i = 0; i < chain->in_count; i++) {
			const uint64_t left = queue->pending - queue->overflowed_at - offset;
			uint64_t part = chain->in[i].iov_len < left ? chain->in[i].iov_len : left;

			memcpy(chain->in[i].iov_base, queue->overflow + offset, part);
			offset += part;
		}
	}
	deliver(nic, queue, queue->pending);
	queue->pending = 0;
	return true;
}

/* Reads one frame into the store and passes it on; false when there is none. */
static bool receive_one(struct nic *nic, uint32_t pair)
{
	struct receive_queue *queue = &nic->receive[pair];
	struct iovec *iov = queue->buffers + queue->first_buffer;
	int64_t n;

	iov[queue->buffer_count] = (struct iovec){.iov_base = queue->overflow, .iov_len = MORTISE_NET_FRAME_MAX};
	n = nic->host->net_receive(nic->netdev, pair, iov, queue->buffer_count + 1);
	if (n < 0)
		return false;
	if (n < HEADER_SIZE || (uint64_t)n > queue->capacity + MORTISE_NET_FRAME_MAX ||
	    !wanted(nic, queue, (uint64_t)n))
		return true;
	if ((uint64_t)n <= queue->capacity) {
		deliver(nic, queue, (uint64_t)n);
	} else if (mergeable(nic)) {
		queue->pending = (uint64_t)n;
		queue->overflowed_at = queue->capacity;
	} /* else it is too long for what the driver provides, and lost */
	return true;
}

void frames_receive(struct nic *nic, uint32_t pair)
{
	struct receive_queue *queue = &nic->receive[pair];

	if (!nic->active || pair >= nic->pairs) {
		update_wish(nic, pair);
		return;
	}
	for (unsigned budget = RECEIVE_BUDGET; budget; budget--) {
		nic->wishes[pair].starved = queue->pending && !finish_pending(nic, pair);
		if (!nic->wishes[pair].starved) {
			fill(nic, pair, wanted_room(nic));
			nic->wishes[pair].starved = !queue->chain_count;
		}
		if (nic->wishes[pair].starved || !receive_one(nic, pair))
			break;
	}
	update_wish(nic, pair);
}

/* --- transmitting --- */

void frames_transmit(struct nic *nic, uint32_t pair)
{
	struct wish *wish = &nic->wishes[pair];
	const uint32_t through = sends_through(nic, pair);

	if (!nic->active)
		return;
	wish->transmitting = true;
	for (unsigned budget = TRANSMIT_BUDGET; budget; budget--) {
		struct mortise_chain *chain = nic->host->queue_pop(nic->device, 2 * pair + 1);

		if (!chain) {
			wish->transmitting = false;
			break;
		}
		if (nic->host->net_send(nic->netdev, through, chain->out, chain->out_count) == -EAGAIN) {
			nic->host->queue_unpop(nic->device, chain);
			break;
		}
		/* Sent, or no good: either way the driver gets its buffers back. The netdev counts. */
		nic->host->queue_push(nic->device, chain, 0);
	}
	update_wish(nic, through);
}

void frames_writable(struct nic *nic, uint32_t pair)
{
	for (uint32_t i = 0; i < PAIRS_MAX; i++)
		if (nic->wishes[i].transmitting && sends_through(nic, i) == pair)
			frames_transmit(nic, i);
	update_wish(nic, pair); /* who waited may send through another queue by now */
}

void frames_stop(struct nic *nic)
{
	for (uint32_t pair = 0; pair < PAIRS_MAX; pair++)
		nic->wishes[pair].starved = nic->wishes[pair].transmitting = false;
	for (uint32_t pair = 0; pair < nic->pairs_most; pair++) {
		struct receive_queue *queue = &nic->receive[pair];

		update_wish(nic, pair);
		while (queue->chain_count)
			nic->host->queue_unpop(nic->device, queue->chains[queue->first_chain + --queue->chain_count]);
		queue->first_chain = queue->first_buffer = queue->buffer_count = 0;
		queue->capacity = queue->pending = 0;
	}
}
