/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/vhost.h - virtqueues that somebody else than the plugin's own code serves: the kernel's vhost, or a process
 * that speaks vhost-user.
 *
 * The plugin lends such a server a queue and guest memory, and takes the queue back. It still parses no ring: it passes
 * addresses on. That each part of a ring lies wholly in guest memory was checked when the driver set the queue up; what
 * the buffers in it point to is for the server to check against the memory that it was told of.
 */
#ifndef MORTISE_VHOST_H
#define MORTISE_VHOST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A ready queue, as VHOST_SET_VRING_NUM, _ADDR, _BASE, _KICK and _CALL want it. Fill `struct_size` before asking; the
 * host fills no more than that many bytes.
 */
struct mortise_vring {
	uint32_t struct_size;
	uint32_t size;	   /* descriptors */
	void *descriptors; /* these three in this process's memory */
	void *available, *used;
	uint32_t next; /* index in the available ring to be served next */
	/*
	 * Eventfds, the host's; they stay open until the instance ends. `kick` is signalled when the driver has made
	 * chains available, directly by the accelerator where it can, and once when the queue is to be looked at for
	 * the first time. A signal to `call` interrupts the guest: the server alone decides whether the driver wants
	 * it.
	 */
	int32_t kick, call;
};

/* A piece of guest memory. Fill `struct_size` before asking. */
struct mortise_memory_region {
	uint32_t struct_size;
	int32_t fd;	  /* the host's: what another process can map; -1: guest memory is private to this one */
	uint64_t address; /* guest-physical */
	uint64_t size;	  /* bytes */
	uint64_t offset;  /* of the region in `fd`, bytes */
	void *host;	  /* in this process */
};

/* What the kernel needs to move a netdev's frames itself. Fill `struct_size` before asking. */
struct mortise_net_vhost {
	uint32_t struct_size;
	int32_t vhost;	/* descriptor of /dev/vhost-net, one a queue pair; the netdev's */
	int32_t frames; /* descriptor for VHOST_NET_SET_BACKEND; -1: the link is down, see MORTISE_NET_LINK; the
			   netdev's */
};

/*
 * The services in struct mortise_host, on the instance's thread:
 *
 * offer_ring_features(device, features): offers of the ring's own feature bits (VIRTIO_F_INDIRECT_DESC,
 *     VIRTIO_F_EVENT_IDX) only these, for a server that does not know them all. In realize() only.
 * memory_region(device, index, region): regions are numbered from 0 and stay as they are while the process runs. 0;
 *     -ENOENT: there is none of that number. Also in realize().
 * vring_lend(device, queue, vring): from now on the queue is the server's. queue_pop() answers NULL and notify() is not
 *     called for it. Between activate() and reset(), not while quiesced. -ENODEV: the driver has not set the queue up;
 *     -EBUSY: lent already, or chains of it are in flight; -EPROTO: its ring is broken; -EMFILE, -ENOMEM.
 * vring_return(device, queue, next): the server has stopped: it touches no guest memory on behalf of this queue and
 * does not signal any more. `next` is the index that it answered (VHOST_GET_VRING_BASE), or -1 where it went without an
 *     answer: what it had not returned to the driver is then served again. notify() follows unless the instance is
 *     quiescing. void.
 *
 * Every queue is returned before quiesce() returns 0, before activate() returns a failure, and before needs_reset() is
 * called; resume() lends anew. An instance whose server may be gone and come back lends when it is there: until then
 * the driver's requests lie in the ring.
 *
 * net_vhost(net, pair, vhost): 0; -ENOTSUP: the netdev has no vhost (it was not asked for), frames go through
 *     net_send() and net_receive().
 * char_connect(chardev): for a protocol whose server is always the other side: connects to the chardev's path, whatever
 *     the chardev was declared to be. 0, also when connected already; else a negative errno, to be tried again later.
 *     Does not block.
 * char_descriptor(chardev): the connected socket, still the host's, for messages that carry descriptors; -ENOTCONN.
 */

#ifdef __cplusplus
}
#endif

#endif
