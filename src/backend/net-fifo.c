/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-fifo.c - finished frames in a row.
 */
#include "backend/net-fifo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/net-driver.h"
#include "backend/net-gso.h"
#include "base/util.h"

int net_fifo_new(struct net_fifo *fifo, size_t size)
{
	uint8_t *data = malloc(size);

	if (!data)
		return -ENOMEM;
	*fifo = (struct net_fifo){.data = data, .size = size};
	return 0;
}

void net_fifo_free(struct net_fifo *fifo)
{
	free(fifo->data);
	*fifo = (struct net_fifo){0};
}

uint8_t *net_fifo_room(struct net_fifo *fifo, size_t size)
{
	if (fifo->size - net_fifo_used(fifo) < size)
		return NULL;
	if (fifo->size - fifo->end < size) {
		memmove(fifo->data, fifo->data + fifo->start, net_fifo_used(fifo));
		fifo->end -= fifo->start;
		fifo->start = 0;
	}
	return fifo->data + fifo->end;
}

void net_fifo_drop(struct net_fifo *fifo, size_t size)
{
	fifo->start += size;
	if (fifo->start == fifo->end)
		net_fifo_clear(fifo);
}

int net_fifo_append(struct net_fifo *fifo, struct net_gso *gso)
{
	uint8_t *at = net_fifo_room(fifo, net_gso_bytes(gso) + (size_t)net_gso_frames(gso) * NET_FIFO_PREFIX);
	uint32_t length;

	if (!at)
		return -ENOSPC;
	while ((length = net_gso_next(gso, at + NET_FIFO_PREFIX))) {
		const uint32_t prefix = __builtin_bswap32(length);

		memcpy(at, &prefix, NET_FIFO_PREFIX);
		at += NET_FIFO_PREFIX + length;
	}
	fifo->end = (size_t)(at - fifo->data);
	return 0;
}

int64_t net_fifo_front(const struct net_fifo *fifo, const uint8_t **frame)
{
	uint32_t prefix;

	if (net_fifo_used(fifo) < NET_FIFO_PREFIX)
		return -EAGAIN;
	memcpy(&prefix, fifo->data + fifo->start, NET_FIFO_PREFIX);
	prefix = __builtin_bswap32(prefix);
	if (prefix > NET_FRAME_MAX)
		return -EPROTO;
	if (net_fifo_used(fifo) - NET_FIFO_PREFIX < prefix)
		return -EAGAIN;
	*frame = fifo->data + fifo->start + NET_FIFO_PREFIX;
	return prefix;
}

static void put(const struct iovec *iov, uint32_t count, uint64_t offset, const uint8_t *from, uint64_t size)
{
	for (; count && size; iov++, count--) {
		uint64_t part;

		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		part = MIN(iov->iov_len - offset, size);
		memcpy((uint8_t *)iov->iov_base + offset, from, part);
		from += part;
		size -= part;
		offset = 0;
	}
}

int64_t net_fifo_take(struct net_fifo *fifo, const struct iovec *iov, uint32_t count, uint32_t header_size)
{
	static const uint8_t header[12];
	const uint8_t *frame;
	const int64_t length = net_fifo_front(fifo, &frame);

	if (length < 0)
		return length;
	put(iov, count, 0, header, header_size);
	put(iov, count, header_size, frame, (uint64_t)length);
	net_fifo_drop(fifo, NET_FIFO_PREFIX + (size_t)length);
	return length + header_size;
}
