/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/block-null-plugin.c - the core's own driver null-co as a plugin, driver `null-plugin`: what the way through a
 * plugin costs is seen beside that which is linked in.
 */
#include "../../src/backend/block-null.c"

#include <mortise/plugin.h>

static const struct mortise_block_driver null_plugin = NULL_DRIVER("null-plugin");

static const struct mortise_block_driver *const block_drivers[] = {&null_plugin, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "block-null-plugin",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "null-co outside of the core",
	.block_drivers = block_drivers,
};
