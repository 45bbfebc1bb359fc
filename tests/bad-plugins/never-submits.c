/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/never-submits.c - has a driver of block nodes that takes no requests.
 *
 * Breaks: description: plugin, classes and property tables are sane
 */
#include <mortise/plugin.h>

static int open_node(void *self, struct mortise_medium *medium, const struct mortise_block_services *host,
		     struct mortise_error *err)
{
	return 0;
}

static const struct mortise_block_driver driver = {
	.size = sizeof(driver),
	.property_size = sizeof(struct mortise_property),
	.driver = "never",
	.summary = "A store that takes no requests",
	.node_size = 16,
	.open = open_node,
};

static const struct mortise_block_driver *const drivers[] = {&driver, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = NAME,
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "A bad plugin",
	.block_drivers = drivers,
};
