/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net.h - one network card: what its three parts (life, frames, control queue) share.
 *
 * Sections in comments are those of virtio 1.2. Everything runs on the instance's thread.
 */
#pragma once

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <mortise/plugin.h>
#include <stdbool.h>

#include "../vhost/vhost.h"

/* Newer than the headers of Linux 6.1. */
#define NET_F_GUEST_USO4 54
#define NET_F_GUEST_USO6 55
#define NET_F_HOST_USO 56

#define FEATURE(bit) (UINT64_C(1) << (bit))

#define PAIRS_MAX 8
#define QUEUES_MAX (2 * PAIRS_MAX + 1)
#define HEADER_SIZE 12u /* with num_buffers, as ever since 1.0 (5.1.6) */

#define STASH_CHAINS 128
#define STASH_BUFFERS 1000 /* one readv() takes 1024 */
#define FILTER_MACS 64

/*
 * A receive queue. Buffers are taken from the ring ahead of time, as nobody knows how long the next frame is; the next
 * one is read straight into them, and into `overflow` where they do not suffice.
 */
struct receive_queue {
	struct mortise_chain *chains[STASH_CHAINS]; /* in ring order, from `first_chain` */
	struct iovec buffers[STASH_BUFFERS + 1];    /* theirs, from `first_buffer`; one more for `overflow` */
	uint32_t first_chain, chain_count, first_buffer, buffer_count;
	uint64_t capacity;	/* bytes in those buffers */
	uint64_t pending;	/* length of a frame whose end waits in `overflow` for more buffers; 0: none */
	uint64_t overflowed_at; /* `capacity` when that was read */
	uint8_t *overflow;
};

/*
 * Which frames the driver wants to receive (5.1.6.5.1, 5.1.6.5.2, 5.1.6.5.3). A driver may have told an earlier
 * instance behind the same transport: what this one was not told, and cannot know since a reset, is not filtered by.
 */
enum filter_known {
	FILTER_PROMISCUOUS = 1u << 0,
	FILTER_ALL_MULTICAST = 1u << 1,
	FILTER_MACS_LISTED = 1u << 2,
	FILTER_ADDRESSES = FILTER_PROMISCUOUS | FILTER_ALL_MULTICAST | FILTER_MACS_LISTED,
	FILTER_VLANS = 1u << 3
};
struct filter {
	uint8_t known; /* enum filter_known */
	uint8_t promiscuous, all_multicast;
	uint8_t long_unicast, long_multicast; /* the driver's list was too long for `macs`: all of the kind */
	uint32_t unicast, multicast;	      /* entries in `macs`, in this order */
	uint8_t macs[FILTER_MACS][6];
	uint64_t vlans[4096 / 64];
};

/* One queue pair's share of net_poll(). */
struct wish {
	uint32_t told;	   /* what the host knows */
	bool starved;	   /* no receive buffers: nothing is read until the driver kicks */
	bool transmitting; /* to be continued when the netdev is writable */
};

/* A queue pair that the kernel serves. */
struct kernel_pair {
	struct vhost vhost;
	int frames; /* the tap's descriptor */
};

struct nic {
	/* properties */
	struct mortise_net *netdev;
	uint8_t mac[6];
	uint8_t mq;
	uint16_t host_mtu;

	struct mortise_device *device;
	const struct mortise_host *host;

	bool active;
	bool restored;	     /* `offloads` and `pairs` are an earlier instance's, for activate() to take up */
	uint64_t features;   /* negotiated */
	uint64_t offloads;   /* of those that GUEST_OFFLOADS_SET governs, the ones in force */
	uint32_t pairs;	     /* in use for receiving */
	bool pairs_told;     /* by the driver, to this instance or the one that it was restored from */
	uint32_t pairs_most; /* of the netdev */
	struct filter filter;
	struct receive_queue receive[PAIRS_MAX];
	struct wish wishes[PAIRS_MAX];
	bool kernel;	   /* the netdev has vhost */
	int kernel_errors; /* its, see vhost_kernel_watch() */
	struct kernel_pair kernel_pairs[PAIRS_MAX];
};

static inline bool negotiated(const struct nic *nic, unsigned bit)
{
	return nic->features >> bit & 1;
}

/* frames.c */
int frames_new(struct nic *nic, struct mortise_error *err);
void frames_free(struct nic *nic);
void frames_receive(struct nic *nic, uint32_t pair);
void frames_transmit(struct nic *nic, uint32_t pair); /* any pair: those not in use go through the first */
void frames_writable(struct nic *nic, uint32_t pair);
void frames_stop(struct nic *nic); /* gives buffers back to the ring and asks for no event */

/* kernel.c: nothing to do in all but the first where the netdev has no vhost */
int kernel_probe(struct nic *nic, uint64_t *features, struct mortise_error *err); /* takes away what vhost lacks */
void kernel_done(struct nic *nic);
void kernel_start(struct nic *nic);
void kernel_stop(struct nic *nic);
void kernel_restart(struct nic *nic); /* the link, or the number of pairs in use, has changed */
void kernel_failed(struct nic *nic);  /* vhost has given up */

/* control.c */
uint64_t control_offload_bits(void); /* what GUEST_OFFLOADS_SET may name */
void control_apply_offloads(struct nic *nic, uint64_t offloads);
void control_notify(struct nic *nic, uint32_t queue);

/* filter.c */
void filter_reset(struct filter *filter);
bool filter_wants(const struct filter *filter, bool vlans, const uint8_t *mac, const uint8_t *frame);
