/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/plugin.h - the plugin ABI, version 1: what a shared object exports and what the host gives it.
 *
 * A plugin exports one symbol, `mortise_plugin_v1`, a constant description of the device classes in it. It has no
 * undefined symbols of the host: services come as a table of functions, so that the same file runs in the VMM, in the
 * conformance checker and in a process of its own.
 *
 * The promise. Within major 1 a plugin that was built once loads for ever. Structures only grow, at their end, and
 * carry their size; functions are only appended to the host's table, so that a plugin that needs a newer one checks
 * `host->size` with MORTISE_HAS() first. A field that says "0" must be zero.
 *
 * Life of an instance:
 *
 *     (allocated, zeroed, properties set)
 *        |  realize()                            unrealize()
 *        v                                           ^
 *     REALIZED ------------------------------------->+
 *        |     ^                                     |
 *        |     | reset(): the driver's wish          |
 *        |     |                                     |
 *        | activate(): DRIVER_OK                     |
 *        v     |                                     |
 *     ACTIVE ----- quiesce(), nothing in flight -> QUIESCED
 *        ^                                           |
 *        +----------------- resume() ----------------+
 *
 * An instance is behind a slot of the machine, with a virtio transport of its own, or plugged into another instance
 * (see `parent` in struct mortise_class), as a port is into a serial device: then it has no transport, and its life is
 * realize(), the parent's child_added(), the parent's child_removed(), unrealize().
 *
 * Threads. Every callback of an instance runs on that instance's own thread, one at a time; no lock is held while it
 * runs. A callback must not sleep on I/O: submit, return, and be called back. A plugin that blocks holds up its own
 * instance alone, never the guest's other devices, and never QMP. Host services may be called from callbacks (and from
 * completions, which are callbacks too) of the instance they are given; those marked "any thread" from anywhere.
 */
#ifndef MORTISE_PLUGIN_H
#define MORTISE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include <mortise/block-driver.h>
#include <mortise/block.h>
#include <mortise/char.h>
#include <mortise/command.h>
#include <mortise/error.h>
#include <mortise/net-driver.h>
#include <mortise/net.h>
#include <mortise/property.h>
#include <mortise/queue.h>
#include <mortise/services.h>
#include <mortise/vhost.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MORTISE_PLUGIN_MAGIC UINT32_C(0x4d525453) /* "MRTS" */
#define MORTISE_ABI_MAJOR 1
#define MORTISE_ABI_MINOR 1

/* The name of the one exported symbol, for the host and for checkers. */
#define MORTISE_PLUGIN_SYMBOL "mortise_plugin_v1"

/* One instance, as the host sees it; opaque to plugins. */
struct mortise_device;

/* Host services. Valid for as long as the process runs. Functions beyond `size` bytes do not exist. */
struct mortise_host {
	uint32_t size;		       /* of this table, in bytes */
	uint16_t abi_major, abi_minor; /* of the host */
	const char *version;	       /* of the host, for messages */

	/* A line in the host's log, prefixed with the instance's id (`device` may be NULL in init()). Any thread. */
	MORTISE_PRINTF(3, 4)
	void (*log)(struct mortise_device *device, enum mortise_log_level level, const char *format, ...);

	/* --- what the guest sees of the device --- */

	/*
	 * Offers only these of the class's feature bits. In realize() only: features are fixed once the guest may
	 * look. Bits of the transport and the ring (24 and up, but for those of the device type) are the host's.
	 */
	void (*offer_features)(struct mortise_device *device, uint64_t features);

	/*
	 * Writes to configuration space, which the host keeps (virtio 1.2, 2.5) and serves to the guest without
	 * asking the plugin. Outside realize() this raises the config generation and a config-change interrupt when
	 * the content changed. A range past the class's config_size is cut.
	 */
	void (*write_config)(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size);

	/* Copies out of configuration space, as the guest sees it now; what lies past its end reads as zero. */
	void (*read_config)(struct mortise_device *device, uint32_t offset, void *data, uint32_t size);

	/*
	 * Gives up on the driver: it broke the protocol. Sets DEVICE_NEEDS_RESET (virtio 1.2, 2.1.2) and stops the
	 * queues until it resets the device. Logged, with `why`; monitors are told by DEVICE_NEEDS_RESET, once a
	 * second at most.
	 */
	void (*needs_reset)(struct mortise_device *device, const char *why);

	/* --- virtqueues; `queue` is below the class's queue_count --- */

	/*
	 * Takes the next available chain, or NULL: none, the queue is not ready, or the instance is quiescing. NULL
	 * re-arms notification: the host then calls notify() when there is more.
	 */
	struct mortise_chain *(*queue_pop)(struct mortise_device *device, uint32_t queue);

	/*
	 * Returns a chain to the driver as used. `written` counts bytes that were put into `in` buffers, from their
	 * start; it is cut at in_size. What is pushed in a callback reaches the driver together, after its end, with
	 * one interrupt if the driver wants any.
	 */
	void (*queue_push)(struct mortise_device *device, struct mortise_chain *chain, uint64_t written);

	/* Puts the most recently popped, unpushed chain of its queue back, as if it had not been popped. */
	void (*queue_unpop)(struct mortise_device *device, struct mortise_chain *chain);

	/* --- block nodes --- */

	/* Tells what a node is now, as far as `info->struct_size`, which the caller has set, has room for it. */
	void (*block_info)(struct mortise_block *block, struct mortise_block_info *info);

	/*
	 * Starts a request, whose done() is called once, later. It belongs to the host until then, its buffers too; see
	 * struct mortise_block_request in mortise/block.h.
	 */
	void (*block_submit)(struct mortise_block *block, struct mortise_block_request *request);

	/* --- netdevs: see mortise/net.h --- */

	/* Tells what a netdev is now, as far as `info->struct_size`, which the caller has set, has room for it. */
	void (*net_info)(struct mortise_net *net, struct mortise_net_info *info);
	int (*net_set_offloads)(struct mortise_net *net, uint32_t offloads, uint32_t header_size);
	int (*net_set_queues)(struct mortise_net *net, uint32_t pairs);
	int (*net_send)(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
	int64_t (*net_receive)(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count);
	void (*net_poll)(struct mortise_net *net, uint32_t queue, uint32_t events);

	/* --- what wakes the instance up: its thread only, from realize() until unrealize() is called --- */

	/* Nanoseconds of the clock that timer_set() goes by (CLOCK_MONOTONIC). Any thread. */
	uint64_t (*clock_ns)(void);

	/*
	 * Has timer(self, id) called once when `deadline` has come, never before it and never from inside this call.
	 * An earlier deadline of this id is replaced; 0: none any more. `id` is below MORTISE_TIMERS. A deadline that
	 * comes while the instance is quiesced is made up for after resume() or reset(), which may call this to change
	 * its mind. -EINVAL: no such id, or the class has no timer(); -ENOMEM.
	 */
	int (*timer_set)(struct mortise_device *device, uint32_t id, uint64_t deadline);

	/*
	 * Has fd_ready(self, fd, events, opaque) called for as long as any of `events` (enum mortise_watch_event) is
	 * true of the descriptor. Replaces the earlier wish for this descriptor; events 0 ends it, after which
	 * fd_ready() is not called for it, and is to be done before the descriptor is closed. While the instance is
	 * quiesced nothing is told. -EINVAL: no descriptor, other events, or the class has no fd_ready(); -EPERM: the
	 * descriptor cannot be waited for (a regular file); -ENOMEM.
	 */
	int (*watch)(struct mortise_device *device, int fd, uint32_t events, void *opaque);

	/* --- guest memory --- */

	/*
	 * Gives the pages that lie wholly inside these buffers back to the host: the guest reads zeroes there until it
	 * writes again. The buffers are those of a chain that the instance holds, or parts of them. For free page
	 * reporting (virtio 1.2, 5.5.6.7). -EFAULT, with nothing done, where one is no guest memory.
	 */
	int (*memory_discard)(struct mortise_device *device, const struct iovec *iov, uint32_t count);

	/*
	 * Gives back the pages of a range that the driver named by its address, as a balloon's does (virtio 1.2,
	 * 5.5.6): bytes, guest-physical. -EFAULT, with nothing done, where any of it is no guest memory.
	 */
	int (*memory_discard_at)(struct mortise_device *device, uint64_t address, uint64_t size);

	/* --- chardevs: see mortise/char.h --- */

	/* Tells what a chardev is now, as far as `info->struct_size`, which the caller has set, has room for it. */
	void (*char_info)(struct mortise_chardev *chardev, struct mortise_char_info *info);
	int64_t (*char_read)(struct mortise_chardev *chardev, void *data, uint64_t room);
	int64_t (*char_write)(struct mortise_chardev *chardev, const void *data, uint64_t size);
	void (*char_poll)(struct mortise_chardev *chardev, uint32_t events);

	/* --- commands and events of the class: see mortise/command.h; the instance's thread. Since ABI 1.1 --- */

	/*
	 * Answers a call with success, and ends it. `values` has one for each field in the command's `returns`, copied;
	 * may be NULL where that is.
	 */
	void (*call_return)(struct mortise_call *call, const struct mortise_value *values);

	/* Answers a call with a negative errno and the message that the operator reads, and ends it. */
	MORTISE_PRINTF(3, 4)
	void (*call_fail)(struct mortise_call *call, int code, const char *format, ...);

	/*
	 * Reports the event at index `event` of the class's table. `values` has one for each field of its `data`,
	 * copied; may be NULL where that is. From realize() until unrealize(). One that finds 64 before it waiting
	 * is dropped, which is logged.
	 */
	void (*event)(struct mortise_device *device, uint32_t event, const struct mortise_value *values);

	/* --- since ABI 1.1: queues served by somebody else: see mortise/vhost.h --- */

	void (*offer_ring_features)(struct mortise_device *device, uint64_t features);
	int (*memory_region)(struct mortise_device *device, uint32_t index, struct mortise_memory_region *region);
	int (*vring_lend)(struct mortise_device *device, uint32_t queue, struct mortise_vring *vring);
	void (*vring_return)(struct mortise_device *device, uint32_t queue, int32_t next);
	int (*net_vhost)(struct mortise_net *net, uint32_t pair, struct mortise_net_vhost *vhost);
	int (*char_connect)(struct mortise_chardev *chardev);
	int (*char_descriptor)(struct mortise_chardev *chardev);

	/* --- since ABI 1.1: block nodes as guest memory --- */

	/*
	 * Makes a node's whole file part of the guest's physical address space, beyond RAM: what the guest writes there
	 * is in the file at once as other processes see it, and on stable storage after a FLUSH. A read-only node's
	 * file is never changed: the guest alone sees what it writes, until the instance is gone. In realize() only,
	 * for a node of a property with MORTISE_PROPERTY_MAPPED. The memory stays until the instance is unrealized, and
	 * over upgrades of the plugin, and is not unplugged while a driver is there. Takes the space on the host's disk
	 * that the file has not yet, which may block. -ENOTSUP: the node is no file; -EINVAL: it is no whole number of
	 * pages; -ENOSPC: on the disk or in the address space.
	 */
	int (*block_map)(struct mortise_device *device, struct mortise_block *block, struct mortise_mapping *mapping,
			 struct mortise_error *err);
};

/* A device type that the plugin offers. Constant; lives as long as the plugin. `self` is the instance's memory. */
struct mortise_class {
	uint32_t size;		 /* sizeof(struct mortise_class) */
	uint32_t property_size;	 /* sizeof(struct mortise_property) */
	const char *driver;	 /* [a-z0-9][a-z0-9-]*, as given to device_add, without a transport's suffix */
	const char *summary;	 /* one line, no full stop */
	uint32_t virtio_id;	 /* virtio 1.2, 5; 0 for what has a `parent` alone */
	uint32_t queue_count;	 /* the most it can have, 1 to 64 */
	uint64_t features;	 /* device-type feature bits that it can offer */
	uint32_t config_size;	 /* bytes of configuration space, at most 4096 */
	uint32_t instance_size;	 /* bytes; the host allocates an instance, zeroed */
	uint32_t request_size;	 /* bytes of `priv` in every chain, at most 4096 */
	uint32_t queue_size;	 /* most descriptors in a queue, a power of two, at most 1024; 0: 256 */
	uint32_t queue_features; /* 0 */
	uint32_t flags;		 /* 0 */
	const struct mortise_property *properties; /* NULL: none */

	/*
	 * The instance comes to life: properties are set, backends claimed. Checks them against each other, calls
	 * offer_features() and write_config(). On failure a negative errno and a message; unrealize() is then not
	 * called and nothing may be left behind. Required.
	 */
	int (*realize)(void *self, struct mortise_device *device, const struct mortise_host *host,
		       struct mortise_error *err);

	/* The end: nothing is in flight, no callback follows, the host frees `self`. NULL: nothing to do. */
	void (*unrealize)(void *self);

	/*
	 * The driver set DRIVER_OK (or the instance was put behind a transport where it had been set earlier).
	 * `features` are those negotiated, device-type bits and host bits alike. notify() follows for each ready
	 * queue. On failure the device needs a reset. NULL: nothing to do.
	 */
	int (*activate)(void *self, uint64_t features, struct mortise_error *err);

	/* The driver made chains available on `queue`, or may have. Pop until NULL. Required, but for children. */
	void (*notify)(void *self, uint32_t queue);

	/*
	 * The driver wrote to configuration space, at [offset, offset + size), and read_config() shows what it wrote.
	 * The guest's CPU waits meanwhile. NULL: the class's configuration cannot be written, and writes are ignored.
	 */
	void (*config_written)(void *self, uint32_t offset, uint32_t size);

	/*
	 * Stop what the instance does by itself (receiving, threads of its own). queue_pop() answers NULL from now on.
	 * The instance counts as quiesced when this has returned 0 and every chain has been pushed; after that the host
	 * calls nothing but resume(), reset(), save() and unrealize() (timers and watches wait; the run() of commands
	 * is called all the same), and the plugin touches no guest memory. A failure (negative errno) lets the instance
	 * go on as before. NULL: nothing goes on by itself.
	 */
	int (*quiesce)(void *self, struct mortise_error *err);

	/* Undoes quiesce(). notify() follows for each ready queue. NULL: nothing to do. */
	void (*resume)(void *self);

	/*
	 * The driver reset the device. Called when quiesced; the instance is as after realize() afterwards, except
	 * for its configuration, which it restores where the driver had changed it. NULL: nothing to do.
	 */
	void (*reset)(void *self);

	/*
	 * The state that is in no property, no queue and no configuration space, in a format of the plugin's own with
	 * a version in it; called when quiesced. Returns the number of bytes, at most `room`, or -ENOSPC when `room`
	 * is too small, which the host answers with more (up to 16 MiB). NULL: no such state.
	 */
	int64_t (*save)(void *self, void *data, uint64_t room);

	/*
	 * Takes over what save() of this or an earlier version of the class wrote; between realize() and activate().
	 * A refusal (-EINVAL and a message) leaves the old instance in service. NULL: only empty state is accepted.
	 */
	int (*restore)(void *self, const void *data, uint64_t size, struct mortise_error *err);

	/*
	 * The size or another property of a claimed block node changed; ask block_info(). Not called while quiesced:
	 * resume() and activate() look for themselves. NULL: not interested.
	 */
	void (*block_changed)(void *self, struct mortise_block *block);

	/* What net_poll() asked for may now succeed, or (MORTISE_NET_LINK) the link changed. */
	void (*net_ready)(void *self, struct mortise_net *net, uint32_t queue, uint32_t events);

	/* A deadline of timer_set() has come. NULL: the class sets none. */
	void (*timer)(void *self, uint32_t id);

	/* A watched descriptor is ready: some of the events that watch() asked for. NULL: the class watches none. */
	void (*fd_ready)(void *self, int fd, uint32_t events, void *opaque);

	/* What char_poll() asked for may now succeed, or (MORTISE_CHAR_PEER) somebody came or went. NULL: no chardevs.
	 */
	void (*char_ready)(void *self, struct mortise_chardev *chardev, uint32_t events);

	/* --- instances that are plugged into others: ABI 1.1 --- */

	/*
	 * The driver, a class of the same plugin, whose instances those of this class are plugged into. All callbacks
	 * of a child run on its parent's thread, one at a time with the parent's; while the parent is quiesced nothing
	 * is told to its children. A child has no transport: virtio_id, queue_count, config_size, request_size and
	 * features are 0, and of the callbacks it has realize(), unrealize(), those of its backends, timer() and
	 * fd_ready(). NULL: instances go into a slot.
	 */
	const char *parent;

	/* The most children that an instance of this class takes. 0: it is nobody's parent. */
	uint32_t children_max;
	uint32_t reserved; /* 0 */

	/*
	 * A child was realized and `child` is its instance's memory, valid until child_removed(). Called at any time
	 * between realize() and unrealize(), quiesced or not; resume() tells the driver of what came meanwhile. On
	 * failure (a negative errno and a message) the child is unrealized. Required where there are children.
	 */
	int (*child_added)(void *self, void *child, struct mortise_error *err);

	/* The child goes: it is unrealized next. Called at any time as above. Required where there are children. */
	void (*child_removed)(void *self, void *child);

	/* --- the monitor: ABI 1.1 --- */

	/* QMP commands, events and counters of the class: see mortise/command.h. NULL: none. */
	const struct mortise_monitor *monitor;
};

/* The exported description. */
struct mortise_plugin {
	uint32_t magic;				    /* MORTISE_PLUGIN_MAGIC */
	uint32_t size;				    /* sizeof(struct mortise_plugin) */
	uint16_t abi_major, abi_minor;		    /* MORTISE_ABI_MAJOR and the least minor that the plugin needs */
	uint32_t flags;				    /* 0 */
	const char *name;			    /* the file's name without .so */
	const char *version;			    /* the plugin's own, e.g. "1.4.2" */
	const char *license;			    /* an SPDX expression */
	const char *summary;			    /* one line */
	const struct mortise_class *const *classes; /* NULL-terminated, at least one; since ABI 1.1 NULL: none */

	/*
	 * Called on the control thread, after the description was checked and before any instance is made. After a
	 * failure none is made, the code stays where it is, and init() is called again when the plugin is asked for
	 * again; after a success never again. A host may have it called in another process first, which then ends, to
	 * see whether it comes to its end: it should leave no traces outside of its process. There is no device yet,
	 * so log() and clock_ns() are the host's only services for it. NULL: nothing to do.
	 */
	int (*init)(const struct mortise_host *host, struct mortise_error *err);

	/* --- since ABI 1.1 --- */

	/*
	 * Drivers of backends: NULL-terminated, NULL: none. A plugin has a class or a driver at least. A plugin that is
	 * found by the name of a block node's driver DRIVER is the file block-DRIVER.so, by that of a netdev's type
	 * net-TYPE.so.
	 */
	const struct mortise_block_driver *const *block_drivers; /* see mortise/block-driver.h */
	const struct mortise_net_driver *const *net_drivers;	 /* see mortise/net-driver.h */
};

#if defined(__GNUC__)
#define MORTISE_EXPORT __attribute__((visibility("default")))
#else
#define MORTISE_EXPORT
#endif

/* Declared here so that a definition with another type does not compile. */
extern MORTISE_EXPORT const struct mortise_plugin mortise_plugin_v1;

#ifdef __cplusplus
}
#endif

#endif
