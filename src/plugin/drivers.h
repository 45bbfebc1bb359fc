/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/drivers.h - the drivers of backends in a plugin: checked, in the terms of this host, and found by name.
 */
#pragma once

#include <stdbool.h>

#include <mortise/plugin.h>

/* Copies as class_check() makes them; NULL-terminated, or NULL. */
struct plugin_drivers {
	struct mortise_block_driver **blocks;
	struct mortise_net_driver **nets;
};

/* Checks and copies all of them. On failure what was copied is to be freed all the same. -ENOEXEC. */
int drivers_copy(struct plugin_drivers *out, const struct mortise_plugin *from, const char *path,
		 struct mortise_error *err);
void drivers_free(struct plugin_drivers *drivers);

/* By driver's name; NULL. */
const struct mortise_block_driver *drivers_block(const struct plugin_drivers *drivers, const char *name);
const struct mortise_net_driver *drivers_net(const struct plugin_drivers *drivers, const char *name);

/* Whether one of them is found by a file of that name: "block-nbd", "net-vde". */
bool drivers_provide(const struct plugin_drivers *drivers, const char *file);
