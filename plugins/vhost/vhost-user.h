/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-user.h - vhost servers in other processes, by messages over a unix socket (QEMU's docs/interop/vhost-user.rst).
 *
 * Every request is answered within a few seconds or the connection is given up: the instance's thread waits no longer,
 * and nobody else waits for it.
 */
#pragma once

#include "vhost.h"

struct vhost_user {
	struct vhost vhost; /* its `host`, `device`, `first` and `count` are the plugin's to set */
	struct mortise_chardev *chardev;
	uint64_t features; /* of the device type and the ring, that the server knows */
	uint64_t protocol; /* extensions in force */
	bool extended;	   /* the server has extensions */
};

/*
 * Connects to the server that listens at the chardev's path, and asks it what it can do. -EINVAL: guest memory is not
 * shared. No queue is given to it yet: vhost_start(). Nothing to do when connected already.
 */
int vhost_user_connect(struct vhost_user *user, struct mortise_error *err);

/* Whether somebody is there. */
bool vhost_user_connected(struct vhost_user *user);

/* The chardev says that the server has gone, or the plugin wants no more of it: takes the queues back. */
void vhost_user_gone(struct vhost_user *user);

/* The device's configuration, as the server keeps it. -ENOTSUP where it keeps none. */
int vhost_user_get_config(struct vhost_user *user, void *data, uint32_t size);
int vhost_user_set_config(struct vhost_user *user, uint32_t offset, const void *data, uint32_t size);
