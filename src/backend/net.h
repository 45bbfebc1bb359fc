/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net.h - netdevs: named ends of a network that devices claim.
 *
 * The same division of labour as in backend/block.h: the registry belongs to the control thread, frames move on the
 * thread of the one instance that has claimed the netdev.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/options.h"
#include "base/reply.h"
#include <mortise/error.h>
#include <mortise/net.h>
#include <sys/uio.h>

struct nets; /* the registry */

int nets_new(struct nets **out, struct loop *control, struct mortise_error *err);
struct nets *nets_free(struct nets *nets);
DEFINE_CLEANUP(struct nets *, nets_free)

/* Opens a netdev from flat netdev_add options (`id`, `type` and the type's own). Consumes `options`. */
void net_add(struct nets *nets, struct options *options, struct reply *reply);
void net_del(struct nets *nets, const char *id, struct reply *reply);
struct mortise_net *net_find(struct nets *nets, const char *id);

/* One instance at a time; `ready` is called on `loop` for what net_poll() asked for and for link changes. */
int net_claim(struct mortise_net *net, const char *owner, struct loop *loop, struct mortise_error *err);
void net_release(struct mortise_net *net);
void net_on_ready(struct mortise_net *net,
		  void (*ready)(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events), void *opaque);

/* set_link: the operator takes the link down or up again. */
void net_set_link(struct mortise_net *net, bool up);

/* The services of struct mortise_host; see mortise/net.h. */
void net_info(struct mortise_net *net, struct mortise_net_info *info);
int net_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size);
int net_set_queues(struct mortise_net *net, uint32_t pairs);
int net_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
int64_t net_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
int64_t net_peek(struct mortise_net *net, uint32_t queue);
void net_poll(struct mortise_net *net, uint32_t queue, uint32_t events);

/* For queries. */
struct net_description {
	const char *id, *type, *owner; /* owner NULL: not claimed */
	const char *info;	       /* one line: "ifname=tap0", ... */
	bool link_up;
	unsigned queue_pairs;
	uint64_t sent, received, dropped, sent_bytes, received_bytes;
};
struct mortise_net *net_next(struct nets *nets, struct mortise_net *after);
void net_describe(struct mortise_net *net, struct net_description *out);
