/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-null.c - the `null-co` driver: reads zeroes, forgets writes; what measuring everything else needs.
 */
#include <errno.h>

#include "backend/block-node.h"

static const char *const driver_names[] = {"null-co", "null-aio", NULL};

struct null_engine {
	struct block_engine engine;
	struct block_claim *claim;
};

static int null_configure(struct block_medium *medium, struct block_options *options, struct mortise_error *err)
{
	uint64_t size = GIB;
	int r = block_option_size(options, "size", &size, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!size || size % 512 || size > INT64_MAX)
		return mortise_fail(err, -EINVAL, "Parameter 'size' expects a multiple of 512 above 0");
	atomic_store(&medium->size, size);
	return 0;
}

static int null_open(struct block_medium *medium, struct mortise_error *err)
{
	medium->limits.logical = medium->limits.physical = 512;
	medium->limits.discard = medium->unmap && !medium->read_only;
	medium->limits.write_zeroes = !medium->read_only;
	return 0;
}

static void null_nothing(struct block_medium *medium)
{
}

static void null_submit(struct block_engine *engine, struct mortise_block_request *request)
{
	struct null_engine *null = container_of(engine, struct null_engine, engine);

	for (uint32_t i = 0; request->op == MORTISE_BLOCK_READ && i < request->iov_count; i++)
		memset(request->iov[i].iov_base, 0, request->iov[i].iov_len);
	block_complete_later(null->claim, request, 0);
}

static void null_detach(struct block_engine *engine)
{
	free(container_of(engine, struct null_engine, engine));
}

static int null_attach(struct block_engine **out, struct block_medium *medium, struct block_claim *claim,
		       struct mortise_error *err)
{
	struct null_engine *null = malloc(sizeof(*null));

	if (!null)
		return mortise_fail(err, -ENOMEM, "Out of memory for using node %s", claim->node->name);
	*null = (struct null_engine){{"null", null_submit, null_detach}, claim};
	*out = &null->engine;
	return 0;
}

static void null_describe(const struct block_medium *medium, struct block_description *out)
{
	out->filename = "null-co://";
	out->aio = "null";
}

const struct block_driver block_driver_null = {
	.names = driver_names,
	.configure = null_configure,
	.open = null_open,
	.close = null_nothing,
	.destroy = null_nothing,
	.attach = null_attach,
	.describe = null_describe,
};
