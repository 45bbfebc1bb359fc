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
#include <mortise/net-driver.h>
#include <mortise/net.h>
#include <mortise/property.h>
#include <mortise/vhost.h>
#include <sys/uio.h>

struct nets; /* the registry */

int nets_new(struct nets **out, struct loop *control, struct mortise_error *err);

/* Where types come from that are not built in: plugins. As struct block_source. */
struct net_source {
	int (*find)(void *opaque, const char *type, const struct mortise_net_driver **out, struct mortise_error *err);
	void (*used)(void *opaque, const struct mortise_net_driver *driver, int change);
	void *opaque;
};
void nets_set_source(struct nets *nets, const struct net_source *source); /* borrowed */

/* Closes what is open; nothing is claimed any more, and whoever waits for a reply hears nothing. */
struct nets *nets_free(struct nets *nets);
DEFINE_CLEANUP(struct nets *, nets_free)

/*
 * Opens a netdev from flat netdev_add options: `id`, `type` (a tap where it is absent and `ifname` is given) and those
 * of the type. Consumes `options`. Descriptors are given by number, and are the netdev's own once it is open; when that
 * fails they are still the caller's.
 */
void net_add(struct nets *nets, struct options *options, struct reply *reply);

/* Closes one that nobody has claimed: its tap or socket is free for others when the reply comes. -ENOENT, -EBUSY. */
void net_del(struct nets *nets, const char *id, struct reply *reply);

/* NULL when there is none, or when it is still being opened or closed. */
struct mortise_net *net_find(struct nets *nets, const char *id);

/*
 * One instance at a time. net_claim() reserves the netdev for `owner` (a device's id, copied), whose callbacks run on
 * `loop`; net_on_ready(), once after each claim, starts the netdev there: from then on `ready` is called on `loop` for
 * what net_poll() asked for and for link changes.
 *
 * net_release() waits until the loop has let go of the netdev: the loop must still be run, by another thread, and be
 * idle or soon be.
 */
int net_claim(struct mortise_net *net, const char *owner, struct loop *loop, struct mortise_error *err);
void net_on_ready(struct mortise_net *net,
		  void (*ready)(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events), void *opaque);
void net_release(struct mortise_net *net);

/* set_link: the operator takes the link down or up again. */
void net_set_link(struct mortise_net *net, bool up);

/* The services of struct mortise_host; see mortise/net.h. */
void net_info(struct mortise_net *net, struct mortise_net_info *info);
int net_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size);
int net_set_queues(struct mortise_net *net, uint32_t pairs);
int net_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
int64_t net_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
void net_poll(struct mortise_net *net, uint32_t queue, uint32_t events);
int net_vhost(struct mortise_net *net, uint32_t pair, struct mortise_net_vhost *vhost);

/* For queries. */
struct net_description {
	const char *id, *type, *owner; /* owner NULL: not claimed */
	const char *info;	       /* one line: "ifname=tap0", ... */
	bool link_up;
	unsigned queue_pairs;
	uint64_t sent, received, dropped, sent_bytes, received_bytes;
};
struct mortise_net *net_next(struct nets *nets, struct mortise_net *after); /* NULL: the first */
void net_describe(struct mortise_net *net, struct net_description *out);

/* One type of netdev with its options, for help and introspection. Constant. */
struct net_type {
	const char *name, *summary;
	const struct mortise_property *properties; /* `offset` is of no use to others */
};
const struct net_type *net_type_next(const struct net_type *after); /* NULL: the first */
