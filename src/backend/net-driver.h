/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-driver.h - what one type of netdev provides to the registry; for src/backend/net*.c alone.
 *
 * A driver's struct starts with a struct mortise_net. Opening and closing run on a worker thread, as a tap waits for
 * the kernel's network lock; everything between attach() and detach() runs on the thread of the claiming instance.
 */
#pragma once

#include <stdatomic.h>

#include "backend/net.h"
#include "base/log.h"
#include "base/workers.h"
#include <mortise/property.h>

#define NET_QUEUE_PAIRS_MAX 8

/* The longest frame, with room for VLAN tags on top of 64 KiB of IP packet. Peers that send more are in error. */
#define NET_FRAME_MAX (65536 + 64)
#define NET_FRAME_MIN 14 /* an Ethernet header */

struct net_driver {
	/* The properties are stored in the driver's struct; strings are borrowed from net->options. */
	struct net_type type;
	size_t size; /* of the driver's struct, allocated zeroed */

	/* Optional: the driver that stands for this one. Control thread. */
	const struct net_driver *(*resolve)(struct options *options, struct mortise_error *err);

	/* Optional: checks options, and takes those that no table can hold. Control thread. */
	int (*parse)(struct mortise_net *net, struct options *options, struct mortise_error *err);

	/* Acquires, and fills in net->info, offloads, queue_pairs and link_up. On failure nothing is left behind. */
	int (*open)(struct mortise_net *net, struct mortise_error *err);
	void (*close)(struct mortise_net *net);

	/* Starts and ends what goes on by itself on net->loop. After detach() there is no event left there. */
	int (*attach)(struct mortise_net *net);
	void (*detach)(struct mortise_net *net);

	/* See mortise/net.h. poll() replaces a queue's earlier wish; it may be asked for the same wish again. */
	int (*set_offloads)(struct mortise_net *net, uint32_t offloads, uint32_t header_size);
	int (*set_queues)(struct mortise_net *net, uint32_t pairs);
	int (*send)(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
	int64_t (*receive)(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
	void (*poll)(struct mortise_net *net, uint32_t queue, uint32_t events);

	/* Optional: the descriptors of a queue pair for the kernel's vhost; -ENOTSUP, `frames` -1: see mortise/vhost.h.
	 */
	int (*vhost)(struct mortise_net *net, uint32_t pair, int *vhost, int *frames);

	/* Optional: what net_flush_later() asked for. */
	void (*flush)(struct mortise_net *net);
};

enum net_state { NET_OPENING, NET_OPEN, NET_CLOSING };

struct mortise_net {
	const struct net_driver *driver;
	const struct mortise_net_driver *adapted; /* of one that net-adapter.c made */
	struct nets *nets;

	/* Control thread. */
	struct mortise_net *next;
	char *id, *owner; /* owner NULL: not claimed */
	struct options *options;
	enum net_state state;
	bool attach_posted;

	/* The one opening or closing under way. */
	struct reply *reply;
	struct work job;
	struct task job_done;
	struct mortise_error job_error;
	int job_result;

	/* Set by open(), constant afterwards. */
	char info[160];
	uint32_t offloads, queue_pairs, mtu;

	/* Instance's thread, while claimed. */
	struct loop *loop;
	void (*ready)(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events);
	void *opaque;
	bool attached;
	bool untrue;			    /* a frame had a size that cannot be, which was said */
	uint32_t wish[NET_QUEUE_PAIRS_MAX]; /* net_poll()'s events */
	uint32_t header_size;
	struct task attach_task, link_task;
	struct end_hook flush_hook;

	/* Any thread. */
	_Atomic bool link_up;	 /* what the driver sees */
	_Atomic bool link_taken; /* down by set_link */
	_Atomic bool link_posted;
	_Atomic uint64_t sent, received, dropped, sent_bytes, received_bytes;
};

extern const struct net_driver net_tap, net_user, net_stream, net_dgram, net_socket;

/* Has one writer, the instance's thread, and readers on the control thread. */
static inline void net_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Tells the owner what happened on a queue. Instance's thread, from an event of the driver's own, never from send(). */
static inline void net_ready(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	net->ready(net->opaque, net, queue, events);
}

/* Calls the driver's flush() at the end of the loop's round: for what is better done once for many frames. */
void net_flush_later(struct mortise_net *net);

/* The driver found its link lost or restored; the owner hears of it after the present callback. Instance's thread. */
void net_link_changed(struct mortise_net *net, bool up);

/* What plain netdevs, whose other end takes finished frames alone, can have sent through them. */
#define NET_SOFT_OFFLOADS (MORTISE_NET_CSUM | MORTISE_NET_TSO4 | MORTISE_NET_TSO6 | MORTISE_NET_ECN)

/*
 * Checks a descriptor number that the operator gave ("3") and makes the descriptor non-blocking and private to this
 * process. It stays the caller's when the netdev does not come into being.
 */
int net_inherit_fd(const char *text, int *out, struct mortise_error *err);
