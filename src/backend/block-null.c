/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-null.c - the `null-co` driver: reads zeroes, forgets writes; what measuring everything else needs.
 *
 * Written as a plugin's driver would be: the smallest example of one.
 */
#include <errno.h>
#include <string.h>

#include "backend/block-adapter.h"

struct null {
	uint64_t size;
	struct mortise_medium *medium;
	const struct mortise_block_services *host;
};

static int null_open(void *self, struct mortise_medium *medium, const struct mortise_block_services *host,
		     struct mortise_block_info *info, struct mortise_error *err)
{
	struct null *null = self;

	if (null->size % 512)
		return mortise_fail(err, -EINVAL, "Parameter 'size' expects a multiple of 512 above 0");
	null->medium = medium;
	null->host = host;
	info->size = null->size;
	info->flags |= MORTISE_BLOCK_DISCARD | MORTISE_BLOCK_WRITE_ZEROES;
	host->describe(medium, "null-co://");
	return 0;
}

static void null_submit(void *self, struct mortise_block_request *request)
{
	struct null *null = self;

	for (uint32_t i = 0; request->op == MORTISE_BLOCK_READ && i < request->iov_count; i++)
		memset(request->iov[i].iov_base, 0, request->iov[i].iov_len);
	null->host->complete(null->medium, request, 0);
}

static const struct mortise_property properties[] = {
	{.name = "size",
	 .type = MORTISE_PROPERTY_SIZE,
	 .offset = offsetof(struct null, size),
	 .fallback = "1G",
	 .min = 512,
	 .max = INT64_MAX,
	 .help = "size of the disk in bytes, a multiple of 512"},
	{.name = NULL},
};

#define NULL_DRIVER(name)                                                                                            \
	{                                                                                                            \
		.size = sizeof(struct mortise_block_driver), .property_size = sizeof(properties[0]), .driver = name, \
		.summary = "Zeroes, and writes that go nowhere: for measurements", .node_size = sizeof(struct null), \
		.properties = properties, .open = null_open, .submit = null_submit,                                  \
	}

const struct mortise_block_driver block_null_co = NULL_DRIVER("null-co");
const struct mortise_block_driver block_null_aio = NULL_DRIVER("null-aio");
