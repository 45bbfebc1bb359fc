/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-interface.h - hears from the kernel that a network interface came, changed or went (rtnetlink).
 *
 * Nothing else tells of a tap that was deleted while the kernel's vhost moves its frames, or of one that is back.
 */
#pragma once

#include <net/if.h>

#include "base/loop.h"

struct net_interface {
	char name[IFNAMSIZ];
	int index;		       /* of the last one that had that name, from the caller at first; 0: unknown */
	void (*changed)(void *opaque); /* maybe once too often, never too seldom */
	void *opaque;
	int fd;
	struct event *event;
};

/*
 * Calls changed() on `loop`, whose thread this is, for whatever happens to the interface of this name in the process's
 * network namespace from now on. Zero the struct before, but for `index`.
 */
int net_interface_watch(struct net_interface *interface, struct loop *loop, const char *name,
			void (*changed)(void *opaque), void *opaque);
void net_interface_unwatch(struct net_interface *interface);
