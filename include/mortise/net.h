/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/net.h - sending and receiving frames through a netdev from a device.
 *
 * Frames travel with a virtio-net header (virtio 1.2, 5.1.6) of the size agreed in net_set_offloads(), so that
 * checksums and segmentation stay undone where both ends can bear it. The header is native little endian.
 */
#ifndef MORTISE_NET_H
#define MORTISE_NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A netdev that the host has claimed for an instance; opaque. */
struct mortise_net;

/* What frames the peer of the one who asks can take: for net_set_offloads(), what the guest can receive. */
enum mortise_net_offload {
	MORTISE_NET_CSUM = 1u << 0, /* partial checksums */
	MORTISE_NET_TSO4 = 1u << 1,
	MORTISE_NET_TSO6 = 1u << 2,
	MORTISE_NET_ECN = 1u << 3, /* TSO with ECN */
	MORTISE_NET_UFO = 1u << 4,
	MORTISE_NET_USO = 1u << 5
};

enum mortise_net_event {
	MORTISE_NET_READABLE = 1u << 0,
	MORTISE_NET_WRITABLE = 1u << 1,
	MORTISE_NET_LINK = 1u << 2 /* net_info() tells the new state; always reported */
};

/* The longest frame with its header, in bytes. */
#define MORTISE_NET_FRAME_MAX 65664

/* What a netdev is. Fill `struct_size` before asking. */
struct mortise_net_info {
	uint32_t struct_size;
	uint32_t offloads;    /* enum mortise_net_offload: those that frames sent through it may leave undone */
	uint32_t queue_pairs; /* at least 1 */
	uint32_t mtu;	      /* bytes; 0: unknown */
	uint32_t link_up;     /* 0 or 1 */
	uint32_t reserved;
};

/*
 * The services in struct mortise_host, all on the instance's thread, none of them blocking:
 *
 * net_set_offloads(net, offloads, header_size): tells what frames the guest can receive; header_size is 10 or 12 bytes.
 * net_set_queues(net, pairs): uses the first `pairs` queue pairs.
 * net_send(net, queue, iov, count): sends one frame, header first; the header is read once, so it may lie in guest
 *     memory. 0; -EAGAIN: the backend is full, ask net_poll() for WRITABLE and try again; another negative errno: the
 *     frame is lost, because the link is down or the header makes no sense.
 * net_receive(net, queue, iov, count): takes one frame, header first, straight into the buffers; `num_buffers` is the
 *     caller's to fill in. Its length in bytes, header included; what exceeds the buffers is lost, so that a device
 *     with small buffers adds one of its own (MORTISE_NET_FRAME_MAX bytes hold any frame). -EAGAIN: nothing there.
 * net_poll(net, queue, events): tells which events are wanted, level-triggered; replaces the earlier wish. None at
 *     first.
 */

#ifdef __cplusplus
}
#endif

#endif
