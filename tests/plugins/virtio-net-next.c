/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/virtio-net-next.c - the network card's plugin under another version, for tests of upgrades.
 */
#define mortise_plugin_v1 unused_description
#include "../../plugins/virtio-net/virtio-net.c"
#undef mortise_plugin_v1

extern MORTISE_EXPORT const struct mortise_plugin mortise_plugin_v1;

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "virtio-net",
	.version = NEXT_VERSION,
	.license = "Apache-2.0",
	.summary = "Network cards, of a later version",
	.classes = classes,
};
