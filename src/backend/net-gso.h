/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-gso.h - completing in software what a guest left undone in a frame: its checksum and its segmentation.
 *
 * For netdevs whose other end takes finished frames alone. Everything read is the guest's, read once and checked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define NET_GSO_HEADERS_MAX 256	  /* bytes of Ethernet, IP and TCP headers */
#define NET_GSO_SEGMENTS_MAX 1024 /* out of one frame: bounds what a tiny gso_size can make of it */

/* A frame being cut up. Members are the functions' own. */
struct net_gso {
	const struct iovec *iov; /* where the payload goes on */
	uint32_t count;
	uint64_t offset; /* in *iov */

	uint64_t left;	  /* bytes of payload to come */
	uint32_t segment; /* bytes of payload in a segment */
	uint32_t index;	  /* of the next segment */
	bool done;

	bool tcp, ipv6;		     /* segmented, and over what */
	bool checksum;		     /* to be completed; not where segmented */
	uint32_t network, transport; /* offsets of the headers; where a checksum is to be completed: its start */
	uint32_t checksum_offset;    /* from there */
	uint32_t header_size;
	uint8_t headers[NET_GSO_HEADERS_MAX];
};

/*
 * Looks at a frame behind a virtio-net header of `header_size` bytes. -EINVAL: the header makes no sense of the frame.
 * The iovecs are borrowed until the last frame was taken.
 */
int net_gso_begin(struct net_gso *gso, const struct iovec *iov, uint32_t count, uint32_t header_size);

/* How many frames will come of it, and their bytes in all. */
uint32_t net_gso_frames(const struct net_gso *gso);
uint64_t net_gso_bytes(const struct net_gso *gso);

/*
 * The other way: a finished frame is to be read into `iov`. Writes a header there that says that nothing is left to do;
 * returns the part of `copy` that is behind it, of *count buffers.
 */
#define NET_GSO_BUFFERS_MAX 1024u
struct iovec *net_gso_none(struct iovec copy[NET_GSO_BUFFERS_MAX], const struct iovec *iov, uint32_t *count,
			   uint32_t header_size);

/* Writes the next finished frame to `out`, which has room for it (NET_FRAME_MAX); its length, 0 after the last. */
uint32_t net_gso_next(struct net_gso *gso, uint8_t *out);
