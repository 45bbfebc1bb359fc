/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/plugins/specimen.h - the instance of the plugin that tests load: one property of each type.
 */
#pragma once

#include <mortise/plugin.h>

struct specimen {
	uint8_t flag;
	uint16_t small;
	uint32_t medium;
	uint64_t large;
	uint64_t size;
	const char *text;
	uint32_t word;
	uint8_t mac[6];
	struct mortise_block *block;
	struct mortise_chardev *chardev;
};
