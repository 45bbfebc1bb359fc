/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-fifo.h - finished frames in a row, each behind its length in 4 bytes, big endian.
 *
 * That is also QEMU's framing of a stream socket: such a socket is read into one and written out of one as it is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct net_gso;

#define NET_FIFO_PREFIX 4

struct net_fifo {
	uint8_t *data;
	size_t size, start, end; /* data[start, end) is in use */
};

int net_fifo_new(struct net_fifo *fifo, size_t size);
void net_fifo_free(struct net_fifo *fifo);

static inline void net_fifo_clear(struct net_fifo *fifo)
{
	fifo->start = fifo->end = 0;
}

static inline size_t net_fifo_used(const struct net_fifo *fifo)
{
	return fifo->end - fifo->start;
}

/* `size` free bytes in a row behind the last frame, or NULL. Whoever wrote there moves fifo->end on. */
uint8_t *net_fifo_room(struct net_fifo *fifo, size_t size);

/* Drops bytes from the front. */
void net_fifo_drop(struct net_fifo *fifo, size_t size);

/* Appends all frames that come out of `gso`; -ENOSPC and nothing when there is no room. */
int net_fifo_append(struct net_fifo *fifo, struct net_gso *gso);

/* The first frame, without its prefix: its length; -EAGAIN: not there in full; -EPROTO: no frame has such a length. */
int64_t net_fifo_front(const struct net_fifo *fifo, const uint8_t **frame);

/*
 * Moves the first frame into `iov`, behind a virtio-net header of `header_size` bytes that says that nothing is left to
 * do. Its length with the header, even if that is more than fits; otherwise as net_fifo_front().
 */
int64_t net_fifo_take(struct net_fifo *fifo, const struct iovec *iov, uint32_t count, uint32_t header_size);
