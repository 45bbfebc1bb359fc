/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/overlaps-properties.c - has two properties in one place.
 *
 * Breaks: description: plugin, classes and property tables are sane
 */
#include "device.h"

static const struct mortise_property overlapping[] = {
	{.name = "a", .type = MORTISE_PROPERTY_U64, .offset = offsetof(struct device, text), .help = "a number"},
	{.name = "b", .type = MORTISE_PROPERTY_STRING, .offset = offsetof(struct device, text), .help = "a text"},
	{.name = NULL},
};

DEVICE(.properties = overlapping);
