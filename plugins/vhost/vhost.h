/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost.h - plugins whose virtqueues a vhost server takes over: the kernel's, or a process that speaks vhost-user.
 *
 * A library of the plugins, linked into each that wants it. Everything runs on the instance's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <mortise/plugin.h>

struct vhost;

/* How a server is talked to. Each returns 0 or a negative errno. */
struct vhost_link {
	/* Tells it of the features (those of the device type and the ring, as negotiated) and of guest memory. */
	int (*prepare)(struct vhost *vhost, uint64_t features, struct mortise_error *err);
	int (*set_ring)(struct vhost *vhost, uint32_t index, const struct mortise_vring *vring);
	/* Begins to serve the rings that are set, or ceases. */
	int (*run)(struct vhost *vhost, bool on);
	/* The index that the ring's server has reached; it does not touch the ring any more. */
	int (*get_base)(struct vhost *vhost, uint32_t index, uint32_t *base);
};

/* One server, and the queues that it can take over. */
struct vhost {
	const struct mortise_host *host;
	struct mortise_device *device;
	const struct vhost_link *link;
	int (*run)(struct vhost *vhost, bool on); /* vhost_kernel: the device type's own way to do it */
	void *opaque;				  /* its */
	int fd;					  /* of the device node or the socket; -1: there is none */
	int errors;				  /* vhost_kernel: see vhost_kernel_watch() */
	uint32_t first, count;			  /* its rings 0, 1, ... are the device's queues from `first` on */
	uint64_t lent;				  /* rings that it has, one bit each */
};

/*
 * Has the server take over those of its queues that the driver has set up. On failure it has none.
 */
int vhost_start(struct vhost *vhost, uint64_t features, struct mortise_error *err);

/* Takes them all back; from a server that has gone, too, or that does not answer. Nothing to do where it has none. */
void vhost_stop(struct vhost *vhost);

/* --- vhost-kernel.c: servers in the kernel --- */

extern const struct vhost_link vhost_kernel;

/* What the server can do: its feature bits. Also makes this process the owner of the descriptor. */
int vhost_kernel_open(int fd, uint64_t *features);

/*
 * A new eventfd for `errors`, which a server signals that cannot go on: the driver has broken a ring, or what it points
 * to. fd_ready() of the class is called for it from now on; it takes the queues back and calls vhost_kernel_failed(),
 * which has the driver reset the device. -EMFILE, -ENOMEM.
 */
int vhost_kernel_watch(const struct mortise_host *host, struct mortise_device *device, int *errors);
void vhost_kernel_failed(const struct mortise_host *host, struct mortise_device *device, int errors);
