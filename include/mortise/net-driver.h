/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/net-driver.h - a driver of netdevs: where the frames of a NIC go. Since ABI 1.1.
 *
 * A plugin lists its drivers in struct mortise_plugin. `netdev_add` with "type": "vde" finds <plugin dir>/net-vde.so
 * and the driver `vde` in it. Frames travel as mortise/net.h has it: with a virtio-net header in front, whose size the
 * device sets.
 *
 * Threads. open() and close() run on a worker thread and may block. From attach() to detach() everything else runs on
 * the thread of the device that has claimed the netdev, one at a time, and must not sleep. A netdev may be attached
 * many times, on different threads, but never twice at a time.
 */
#ifndef MORTISE_NET_DRIVER_H
#define MORTISE_NET_DRIVER_H

#include <sys/uio.h>

#include <mortise/error.h>
#include <mortise/net.h>
#include <mortise/property.h>
#include <mortise/services.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the host does for drivers of netdevs. Valid for as long as the process runs. */
struct mortise_net_services {
	uint32_t size;		       /* of this table, in bytes; functions beyond it do not exist: MORTISE_HAS() */
	uint16_t abi_major, abi_minor; /* of the host */

	/* A line in the host's log, prefixed with the netdev's id. Any thread. */
	MORTISE_PRINTF(3, 4)
	void (*log)(struct mortise_net *net, enum mortise_log_level level, const char *format, ...);

	/* The netdev's id; valid until close() returned. Any thread. */
	const char *(*name)(struct mortise_net *net);

	/* What queries show, "socket=/run/vde" say; copied, cut at 159 bytes. No secrets. In open() only. */
	void (*describe)(struct mortise_net *net, const char *text);

	/*
	 * Tells the device that a queue may have frames to receive, or room for frames to send: enum mortise_net_event,
	 * of those that poll() asked for. From timer() and fd_ready() alone. ATTACHED only.
	 */
	void (*ready)(struct mortise_net *net, uint32_t queue, uint32_t events);

	/* The link was lost or is there again: the guest sees its carrier change. In open(), and while ATTACHED. */
	void (*link_changed)(struct mortise_net *net, uint32_t up);

	/* Has flush() called once at the end of this round: for what is better done once for many frames. ATTACHED
	 * only. */
	void (*flush_later)(struct mortise_net *net);

	/* Nanoseconds of the clock that timer_set() goes by (CLOCK_MONOTONIC). Any thread. */
	uint64_t (*clock_ns)(void);

	/* As the functions of those names in struct mortise_host, for timer() and fd_ready() below. ATTACHED only. */
	int (*timer_set)(struct mortise_net *net, uint32_t id, uint64_t deadline);
	int (*watch)(struct mortise_net *net, int fd, uint32_t events, void *opaque);
};

/* A driver. Constant; lives as long as the plugin. `self` is the netdev's memory. */
struct mortise_net_driver {
	uint32_t size;		/* sizeof(struct mortise_net_driver) */
	uint32_t property_size; /* sizeof(struct mortise_property) */
	const char *driver;	/* [a-z0-9][a-z0-9-]*, the `type` of netdev_add */
	const char *summary;	/* one line, no full stop */
	uint32_t net_size;	/* bytes; the host allocates a netdev's memory, zeroed, aligned to 16 */
	uint32_t flags;		/* 0 */

	/* The type's own options, next to `id` and `type`. Names of backends are no options of a driver. NULL: none. */
	const struct mortise_property *properties;

	/*
	 * Acquires what the netdev needs and fills in `info`, which is that of one queue pair, no offloads, an unknown
	 * MTU and a link that is up. `queue_pairs` is 8 at the most. On failure a negative errno and a message; close()
	 * is then not called and nothing may be left behind. Required.
	 */
	int (*open)(void *self, struct mortise_net *net, const struct mortise_net_services *host,
		    struct mortise_net_info *info, struct mortise_error *err);

	/* Releases it. The host frees `self` afterwards. NULL: nothing to do. */
	void (*close)(void *self);

	/* A device has claimed the netdev, and lets go of it; timers and watches that are left end with that. */
	int (*attach)(void *self);  /* a negative errno: the link stays down. NULL: nothing to do */
	void (*detach)(void *self); /* NULL: nothing to do */

	/* See mortise/net.h: the device's calls. `offloads` are among those of `info`. NULL: 0, if there is one queue.
	 */
	int (*set_offloads)(void *self, uint32_t offloads, uint32_t header_size);
	int (*set_queues)(void *self, uint32_t pairs);

	/* One frame: 0, -EAGAIN (poll() will ask for WRITABLE), or it is lost. Its length was checked. Required. */
	int (*send)(void *self, uint32_t queue, const struct iovec *iov, uint32_t count);

	/* One frame: its length, header included, or -EAGAIN. The buffers hold a header at least. Required. */
	int64_t (*receive)(void *self, uint32_t queue, const struct iovec *iov, uint32_t count);

	/*
	 * Which events (enum mortise_net_event, READABLE and WRITABLE) the device wants to hear of on `queue`,
	 * level-triggered; replaces its earlier wish, and may repeat it. Required.
	 */
	void (*poll)(void *self, uint32_t queue, uint32_t events);

	/* What flush_later() asked for. NULL: it never does. */
	void (*flush)(void *self);

	/* A deadline of timer_set() has come. NULL: the driver sets none. */
	void (*timer)(void *self, uint32_t id);

	/* A watched descriptor is ready: some of the events that watch() asked for. NULL: the driver watches none. */
	void (*fd_ready)(void *self, int fd, uint32_t events, void *opaque);
};

#ifdef __cplusplus
}
#endif

#endif
