/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/block-driver.h - a driver of block nodes: where the sectors of a disk come from. Since ABI 1.1.
 *
 * A plugin lists its drivers in struct mortise_plugin. `blockdev-add` with "driver": "nbd" finds <plugin
 * dir>/block-nbd.so and the driver `nbd` in it. The driver knows neither devices nor guests: it opens a store, tells
 * its size, and is given requests. All that requests must be (in range, aligned, not too long) was seen to before it
 * gets them.
 *
 * Life of a node:
 *
 *     (allocated, zeroed, properties set)
 *        |  open()                             close()
 *        v                                        ^
 *      OPEN ------------------------------------->+
 *        |  ^
 * attach() | detach(), no request in flight         a device claims the node, and lets go of it
 *        v  |
 *     ATTACHED: submit(), submitted(), timer(), fd_ready(), cancel(), work_done()
 *
 * Threads. open(), close(), measure() and work() run on a worker thread, never two of them at once for one node; they
 * may block, and hold up nobody else: neither QMP nor the guest. From attach() to detach() everything else runs on the
 * thread of the device that has claimed the node, one at a time, and must not sleep; work() may run beside it. A node
 * may be attached many times, on different threads, but never twice at a time. No lock is held while a callback runs.
 *
 * A store that is not there any more. A request may wait for it (for a server to come back, say) for as long as the
 * driver's options have it, but not for ever: the guest waits with it, and so do `stop` and the guest's reset of the
 * device. Unplugging and the end of the VM wait for some seconds and then call cancel().
 */
#ifndef MORTISE_BLOCK_DRIVER_H
#define MORTISE_BLOCK_DRIVER_H

#include <mortise/block.h>
#include <mortise/error.h>
#include <mortise/property.h>
#include <mortise/services.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An opened store, as the host sees it; opaque. */
struct mortise_medium;

/* What the host does for drivers of block nodes. Valid for as long as the process runs. */
struct mortise_block_services {
	uint32_t size;		       /* of this table, in bytes; functions beyond it do not exist: MORTISE_HAS() */
	uint16_t abi_major, abi_minor; /* of the host */

	/* A line in the host's log, prefixed with the node's name. Any thread. */
	MORTISE_PRINTF(3, 4)
	void (*log)(struct mortise_medium *medium, enum mortise_log_level level, const char *format, ...);

	/* The node's node-name; valid until close() returned. Any thread. */
	const char *(*name)(struct mortise_medium *medium);

	/*
	 * What queries show as the node's file name, "nbd://host:10809/export" say; copied, cut at 1023 bytes. No
	 * secrets. In open() only.
	 */
	void (*describe)(struct mortise_medium *medium, const char *text);

	/*
	 * Ends a request: 0 or a negative errno. Any thread, and from inside any callback, submit() included: the
	 * device hears of it after the callback. The request is not the driver's any more when this is called.
	 */
	void (*complete)(struct mortise_medium *medium, struct mortise_block_request *request, int result);

	/* The store has another size now, in bytes; a part of a logical block at its end is cut off. ATTACHED only. */
	void (*resized)(struct mortise_medium *medium, uint64_t size);

	/*
	 * Has work() run on a worker thread, and work_done() after it. One at a time: if work() is running it is run
	 * once more afterwards. ATTACHED only.
	 */
	void (*start_work)(struct mortise_medium *medium);

	/* Nanoseconds of the clock that timer_set() goes by (CLOCK_MONOTONIC). Any thread. */
	uint64_t (*clock_ns)(void);

	/* As the functions of those names in struct mortise_host, for timer() and fd_ready() below. ATTACHED only. */
	int (*timer_set)(struct mortise_medium *medium, uint32_t id, uint64_t deadline);
	int (*watch)(struct mortise_medium *medium, int fd, uint32_t events, void *opaque);
};

/* 32 bytes in a request, aligned to 8, that are the driver's from submit() until it completes the request. */
static inline void *mortise_block_scratch(struct mortise_block_request *request)
{
	return &request->host[4];
}

/* A driver. Constant; lives as long as the plugin. `self` is the node's memory. */
struct mortise_block_driver {
	uint32_t size;		/* sizeof(struct mortise_block_driver) */
	uint32_t property_size; /* sizeof(struct mortise_property) */
	const char *driver;	/* [a-z0-9][a-z0-9-]*, as given to blockdev-add */
	const char *summary;	/* one line, no full stop */
	uint32_t node_size;	/* bytes; the host allocates a node's memory, zeroed, aligned to 16 */
	uint32_t flags;		/* 0 */

	/*
	 * The driver's own options, next to those that every node has (node-name, read-only, auto-read-only, cache.*,
	 * discard, detect-zeroes). A dot in a name stands for nesting: "server.host" is "server": {"host": ...} in
	 * JSON. Names of backends are no options of a driver. NULL: none.
	 */
	const struct mortise_property *properties;

	/*
	 * Opens the store and fills in `info`, which is that of a writable disk without a size of 512-byte blocks:
	 *   size                 required; a part of a logical block at its end is cut off
	 *   logical_block_size   the least that the store reads and writes; what is smaller the host reads, changes and
	 *                        writes back
	 *   max_segments         iovecs in one request; where it is 1 the host gathers what is scattered in buffers of
	 * its own, before writing and after reading max_transfer         bytes in one READ or WRITE; longer ones are
	 * parted max_discard          bytes in one DISCARD or WRITE_ZEROES; longer ones are parted flags READ_ONLY is
	 * set before where the operator wants that: nothing will be written then; the driver sets it where the store
	 * cannot be written, which fails unless the operator allows for it. DISCARD: submit() takes DISCARD, else the
	 * guest's are ignored. WRITE_ZEROES: it takes WRITE_ZEROES, else zeroes are written as data On failure a
	 * negative errno and a message; close() is then not called and nothing may be left behind. Required.
	 */
	int (*open)(void *self, struct mortise_medium *medium, const struct mortise_block_services *host,
		    struct mortise_block_info *info, struct mortise_error *err);

	/* Closes what open() opened. The host frees `self` afterwards. NULL: nothing to do. */
	void (*close)(void *self);

	/*
	 * Looks at the size again; sets it first where `wanted` is not 0 (block_resize). NULL: the size cannot be asked
	 * for, and not be set.
	 */
	int (*measure)(void *self, uint64_t wanted, uint64_t *size, struct mortise_error *err);

	/* A device has claimed the node: requests, timers and watches from now on. On failure all requests fail with
	 * it. */
	int (*attach)(void *self);

	/* The device lets go of it. No request is in flight; timers and watches that are left end. NULL: nothing to do.
	 */
	void (*detach)(void *self);

	/*
	 * A request, the driver's until it calls complete(), which it must. The memory behind its iovecs may be the
	 * guest's, which may change it at any time. FLUSH: what was completed before submit() is to be on stable
	 * storage; not given to a read-only node. Requests may be carried out in any order. Required.
	 */
	void (*submit)(void *self, struct mortise_block_request *request);

	/* After a round of submit() calls: what was gathered can be sent together. NULL: nothing is gathered. */
	void (*submitted)(void *self);

	/*
	 * The device is being unplugged, or the VM ends, and requests have been in flight for seconds: complete them
	 * all now, with -EIO where the store has not answered, and those that come later soon. The memory of a
	 * completed request must not be touched any more. NULL: requests always end soon.
	 */
	void (*cancel)(void *self);

	/* A deadline of timer_set() has come. NULL: the driver sets none. */
	void (*timer)(void *self, uint32_t id);

	/* A watched descriptor is ready: some of the events that watch() asked for. NULL: the driver watches none. */
	void (*fd_ready)(void *self, int fd, uint32_t events, void *opaque);

	/*
	 * What start_work() asked for; may block, but is to return soon after detach(). Worker thread, at the same time
	 * as other callbacks. NULL: there is no such work.
	 */
	int (*work)(void *self);

	/* work() has returned `result`, its last one. The device's thread: after attach() if nobody is attached then.
	 */
	void (*work_done)(void *self, int result);
};

#ifdef __cplusplus
}
#endif

#endif
