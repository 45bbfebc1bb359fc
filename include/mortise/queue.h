/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/queue.h - requests out of a virtqueue, as a plugin sees them.
 *
 * The host owns the rings. It fetches each descriptor once, checks every address, length, loop and indirect table
 * (virtio 1.2, 2.7), and hands over chains of bounded buffers in this process's memory. What lies in those buffers is
 * still the guest's: it may change at any time while the chain is held, so copy a header before checking it.
 */
#ifndef MORTISE_QUEUE_H
#define MORTISE_QUEUE_H

#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One descriptor chain: buffers that the device reads, then buffers that it writes. From queue_pop() until
 * queue_push() or queue_unpop() it belongs to the plugin; the iovec arrays may be altered in place (skipping a header,
 * say), the host does not look at them again. `priv` points to the class's `request_size` bytes, aligned to 16, whose
 * content is whatever the last user of this chain left there (zero at first).
 */
struct mortise_chain {
	struct iovec *out; /* driver to device */
	struct iovec *in;  /* device to driver */
	uint32_t out_count, in_count;
	uint64_t out_size, in_size; /* sums of iov_len, in bytes */
	void *priv;
	uint32_t queue; /* index of the queue it came from */
	uint32_t head;	/* the host's; do not touch */
};

/*
 * Copies from the start of an iovec array and drops what was copied from it. Returns the number of bytes copied, less
 * than `size` when the array is shorter.
 */
static inline uint64_t mortise_iov_take(struct iovec **iov, uint32_t *count, void *to, uint64_t size)
{
	uint64_t done = 0;

	while (done < size && *count) {
		uint64_t part = (*iov)->iov_len < size - done ? (*iov)->iov_len : size - done;

		__builtin_memcpy((char *)to + done, (*iov)->iov_base, part);
		(*iov)->iov_base = (char *)(*iov)->iov_base + part;
		(*iov)->iov_len -= part;
		done += part;
		if (!(*iov)->iov_len) {
			++*iov;
			--*count;
		}
	}
	return done;
}

/* Copies into the start of an iovec array and drops what was filled. Returns the number of bytes copied. */
static inline uint64_t mortise_iov_put(struct iovec **iov, uint32_t *count, const void *from, uint64_t size)
{
	uint64_t done = 0;

	while (done < size && *count) {
		uint64_t part = (*iov)->iov_len < size - done ? (*iov)->iov_len : size - done;

		__builtin_memcpy((*iov)->iov_base, (const char *)from + done, part);
		(*iov)->iov_base = (char *)(*iov)->iov_base + part;
		(*iov)->iov_len -= part;
		done += part;
		if (!(*iov)->iov_len) {
			++*iov;
			--*count;
		}
	}
	return done;
}

#ifdef __cplusplus
}
#endif

#endif
