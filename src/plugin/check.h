/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/check.h - is a plugin's description sane, and what does it say in the terms of this host?
 */
#pragma once

#include "base/cleanup.h"
#include <mortise/plugin.h>

/*
 * Checks a class of a plugin that may be older or newer than this host, and copies it: the copy has every field that
 * this host knows, those that the plugin did not know being zero, and a property table in this host's layout. Strings
 * and callbacks are still the plugin's. `plugin` is its name, `path` names the file in messages; -ENOEXEC.
 */
int class_check(struct mortise_class **out, const struct mortise_class *from, const char *plugin, const char *path,
		struct mortise_error *err);

/* Whether the class that this one's instances are plugged into, if it names one, is among its plugin's `classes`. */
int class_check_parent(const struct mortise_class *class, const struct mortise_class *const *classes, const char *path,
		       struct mortise_error *err);

/* The same for a driver of a backend. The copy and its property table are to be freed. */
int block_driver_check(struct mortise_block_driver **out, const struct mortise_block_driver *from, const char *path,
		       struct mortise_error *err);
int net_driver_check(struct mortise_net_driver **out, const struct mortise_net_driver *from, const char *path,
		     struct mortise_error *err);

struct mortise_class *class_free(struct mortise_class *class);
DEFINE_CLEANUP(struct mortise_class *, class_free)

/*
 * Checks what a file exports as its description, without its classes, and copies it in the same way. `name` is what the
 * plugin must call itself; NULL: anything.
 */
int description_check(struct mortise_plugin *out, const struct mortise_plugin *from, const char *name, const char *path,
		      struct mortise_error *err);
