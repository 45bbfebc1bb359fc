/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/plugin.h - finding, checking and loading plugins, and making instances of their classes.
 *
 * Control thread only (libltdl is not thread-safe). Loaded code is never unmapped.
 */
#pragma once

#include "backend/block.h"
#include "backend/char.h"
#include "backend/net.h"
#include "base/options.h"
#include "bus/device.h"
#include <mortise/plugin.h>

struct plugins;

/* `dir` is where <driver>.so files are looked for, at the time of each device_add; copied. */
int plugins_new(struct plugins **out, const char *dir, struct mortise_error *err);
struct plugins *plugins_free(struct plugins *plugins);
DEFINE_CLEANUP(struct plugins *, plugins_free)

/*
 * Puts a checker between plugins and host, before any is loaded: plugins call these services in place of plugin_host's,
 * and are called through what `wrap` makes of each of their classes. It owns what it is given from then on, and what it
 * returns is freed as a class is.
 */
void plugins_intercept(struct plugins *plugins, const struct mortise_host *host,
		       struct mortise_class *(*wrap)(struct mortise_class *class));

/*
 * From now on has each file that is new to this process tried in one of its own first, see plugin/try.h: a plugin that
 * crashes when it is loaded, or in init(), is refused. `program` does that; NULL: the one that came with this program.
 */
void plugins_try_first(struct plugins *plugins, const char *program);

/*
 * What may be loaded: see plugin/policy.h, and the option -plugin-policy for the text. NULL: whatever is in the
 * directory. Then what it wants loaded at the start is, and after plugins_started() its lockdown holds.
 */
int plugins_set_policy(struct plugins *plugins, const char *option, struct mortise_error *err);
int plugins_preload(struct plugins *plugins, struct mortise_error *err);
void plugins_started(struct plugins *plugins);

/* One loaded plugin, for query-plugins. */
struct plugin {
	const struct mortise_plugin *description;   /* a copy, complete whatever ABI minor the plugin is of */
	const struct mortise_class *const *classes; /* likewise, NULL-terminated; those of `description` are raw */
	const char *file;
	const char *sha256; /* of the file's content when it was loaded, in hex */
	unsigned instances; /* of its classes, and opened stores and netdevs of its drivers */
	const struct mortise_block_driver *const *block_drivers; /* copies, NULL-terminated */
	const struct mortise_net_driver *const *net_drivers;	 /* likewise */
	bool current; /* new instances are made of it; false: of a newer version, or of an older one again */
};
const struct plugin *plugins_next(struct plugins *plugins, const struct plugin *after); /* NULL: the first */

/*
 * The class that a driver name stands for: `virtio-blk`, `virtio-blk-mmio` and `virtio-blk-device` are the same one.
 * Loads <dir>/<name>.so when no loaded plugin has it. -ENOENT: no such file; -EPERM: the file or its directory could be
 * changed by others; -ENOEXEC: not a plugin, of another ABI, or its description is wrong. The message says which.
 */
int plugins_class(struct plugins *plugins, const char *driver, const struct mortise_class **out,
		  struct mortise_error *err);

/* The drivers of block nodes and of netdevs in <dir>/block-<driver>.so and <dir>/net-<type>.so. Errors as above. */
const struct block_source *plugins_block_source(struct plugins *plugins);
const struct net_source *plugins_net_source(struct plugins *plugins);

/* Loads <dir>/<name>.so ahead of its first use, unless it is loaded. `name` is that of a driver in it. Errors as above.
 */
int plugins_load(struct plugins *plugins, const char *name, const struct plugin **out, struct mortise_error *err);

/*
 * Loads what the file of a loaded plugin (its own name, not a driver's) holds now, beside what it held before, which
 * `*from` is (whatever comes of it) and which new instances are still made of. -ENOENT: no such plugin is loaded;
 * -EALREADY: the file is the same; errors as above.
 */
int plugins_renew(struct plugins *plugins, const char *name, struct plugin **from, struct plugin **to,
		  struct mortise_error *err);

/* Has new instances made of `to` from now on. Both stay loaded. */
void plugins_switch(struct plugin *from, struct plugin *to);

/* The plugin that an instance's class came from. */
struct plugin *plugin_of_device(const struct mortise_device *device);

/* The class of a driver, exactly so called, in one plugin; NULL: there is none. */
const struct mortise_class *plugin_class(const struct plugin *plugin, const char *driver);

/* Calls `visit` with the name of each file that could be a plugin, loaded or not, in alphabetical order. */
int plugins_list(struct plugins *plugins, void (*visit)(void *opaque, const char *name), void *opaque,
		 struct mortise_error *err);

/* What a property may name. */
struct backends {
	struct block_nodes *blocks;
	struct nets *nets;
	struct chars *chars;	       /* NULL: there are none */
	struct loop *loop;	       /* where the instance's callbacks run; NULL: a thread of its own */
	struct mortise_device *parent; /* what it is plugged into, whose thread it then has; NULL: a slot */
	struct ram *ram;	       /* guest memory */
};

/*
 * Makes an instance, CREATED, with its properties set from `options` (all keys of the class are taken; what is left is
 * the caller's) and its backends claimed. Where the class has a block or net property that is absent, the backend that
 * has the name `id`, which is never NULL, is taken, if there is one (the seed's rule).
 */
int plugin_instance_new(struct mortise_device **out, struct plugins *plugins, const struct mortise_class *class,
			const char *id, struct options *options, const struct backends *backends, struct loop *control,
			struct mortise_error *err);

/*
 * Makes an instance, CREATED, that is to take over from `from`: of the same name, on the same thread, with the same
 * properties and the same backends, which stay claimed by `from` until it does. -EINVAL: the class has not all of the
 * properties that were set. Of `backends`, `loop` is of no account.
 */
int plugin_instance_successor(struct mortise_device **out, struct plugins *plugins, const struct mortise_class *class,
			      struct mortise_device *from, const struct backends *backends, struct loop *control,
			      struct mortise_error *err);

/* From now on this one, of the two, hears of the backends: any time, as both drop what they hear while quiesced. */
void plugin_instance_seat(struct mortise_device *device);

/* The backends and the thread are the successor's from now on; `from` is to be unrealized and freed before it. */
void plugin_instance_take_over(struct mortise_device *device, struct mortise_device *from);

/* Frees an instance (CREATED or UNREALIZED) made above: releases its backends and strings. */
struct mortise_device *plugin_instance_free(struct mortise_device *device);

/* The first block node, or netdev, that the instance has claimed; NULL: none. */
struct mortise_block *plugin_instance_block(const struct mortise_device *device);
struct mortise_net *plugin_instance_net(const struct mortise_device *device);

/* The table of host services, the same for all. */
extern const struct mortise_host plugin_host;
