/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/property.h - the typed options of a device class, as data.
 *
 * One table drives everything that is ever asked about an option: parsing and checking at device_add and -device,
 * `-device NAME,help`, device-list-properties, the conformance checker and the man page. A plugin never parses text.
 */
#ifndef MORTISE_PROPERTY_H
#define MORTISE_PROPERTY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a property's value is, and what the host stores at `offset` in the instance before realize() is called.
 * Storage must be aligned for its type. Backends are claimed by the host for this instance before realize() and
 * released after unrealize(): the plugin owns neither.
 */
enum mortise_property_type {
	MORTISE_PROPERTY_BOOL = 1,    /* uint8_t: 0 or 1 */
	MORTISE_PROPERTY_U16 = 2,     /* uint16_t */
	MORTISE_PROPERTY_U32 = 3,     /* uint32_t */
	MORTISE_PROPERTY_U64 = 4,     /* uint64_t */
	MORTISE_PROPERTY_SIZE = 5,    /* uint64_t: bytes; text may carry K, M, G, T */
	MORTISE_PROPERTY_STRING = 6,  /* const char *: UTF-8, owned by the host until unrealize() returned; or NULL */
	MORTISE_PROPERTY_ENUM = 7,    /* uint32_t: index into `values` */
	MORTISE_PROPERTY_MAC = 8,     /* uint8_t[6]; all zero when absent */
	MORTISE_PROPERTY_BLOCK = 9,   /* struct mortise_block *: a block node, named by its node-name; or NULL */
	MORTISE_PROPERTY_NET = 10,    /* struct mortise_net *: a netdev, named by its id; or NULL */
	MORTISE_PROPERTY_CHARDEV = 11 /* struct mortise_chardev *: a chardev, named by its id; or NULL */
};

enum mortise_property_flag {
	MORTISE_PROPERTY_REQUIRED = 1u << 0, /* device_add without it is refused */
	MORTISE_PROPERTY_SECRET = 1u << 1,   /* never logged nor shown by a query */
	MORTISE_PROPERTY_CLIENT = 1u << 2,   /* CHARDEV: the instance connects to a server by char_connect(), and is
						not upgraded while it is plugged; ABI 1.1 */
	MORTISE_PROPERTY_MAPPED = 1u << 3    /* BLOCK: the instance calls block_map(), so that the node's file and its
						size stay as they are while it is there; ABI 1.1 */
};

struct mortise_property {
	const char *name;	   /* [a-z][a-z0-9_.-]*; NULL ends the table */
	uint32_t type;		   /* enum mortise_property_type */
	uint32_t flags;		   /* enum mortise_property_flag, or'ed */
	uint32_t offset;	   /* offsetof() in the instance */
	uint32_t reserved;	   /* 0 */
	const char *fallback;	   /* value when absent, written as the operator would; NULL: zero or NULL */
	uint64_t min, max;	   /* numbers: inclusive range; strings: longest length in max; max 0: no limit */
	const char *const *values; /* ENUM: the words, NULL-terminated */
	const char *help;	   /* one line, no full stop */
};

#ifdef __cplusplus
}
#endif

#endif
