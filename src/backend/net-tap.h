/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-tap.h - a tap as its two halves see it: the one that opens it, the one that moves frames.
 */
#pragma once

#include <linux/if_tun.h>
#include <net/if.h>

#include "backend/net-driver.h"
#include "backend/net-interface.h"

/* Newer than the headers of Linux 6.1. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

struct tap_queue {
	struct tap *tap;
	unsigned index;
	int fd;	    /* -1: the tap is gone */
	short wish; /* EV_READ, EV_WRITE: what `event` waits for; 0: not armed */
	struct event *event;
};

struct tap {
	struct mortise_net net;
	const char *ifname, *fd, *fds, *script, *downscript, *vhostfd, *vhostfds;
	uint8_t vhost, vhostforce;
	uint32_t queues;

	struct tap_queue queue[NET_QUEUE_PAIRS_MAX];
	int vhosts[NET_QUEUE_PAIRS_MAX]; /* of /dev/vhost-net, one a queue; -1: not asked for */
	char name[IFNAMSIZ];
	uint8_t *finished;     /* where frames are finished for a tap without virtio-net headers; otherwise NULL */
	unsigned tun_offloads; /* TUN_F_*: what the guest can receive */
	uint32_t pairs;	       /* queues in use */
	struct net_interface interface;
};

/* Acquires and gives up all of it; see struct net_driver. */
int tap_check_options(struct mortise_net *net, struct options *options, struct mortise_error *err);
int tap_open(struct mortise_net *net, struct mortise_error *err);
void tap_close(struct mortise_net *net);

/* The queues of a tap that has a name: opened anew when it has come back. On failure none is open. */
int tap_open_queues(struct tap *tap, struct mortise_error *err);
void tap_close_queues(struct tap *tap);

static inline bool tap_is_open(const struct tap *tap)
{
	return tap->queue[0].fd >= 0;
}
