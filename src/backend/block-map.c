/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-map.c - nodes as guest memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "backend/block-node.h"

int block_pin(struct mortise_block *node, struct mortise_error *err)
{
	int r = block_check_idle(node, err);

	node->pinned = r == 0;
	return r;
}

void block_unpin(struct mortise_block *node)
{
	node->pinned = false;
	if (node->map.ram)
		ram_unmap_file(node->map.ram, &node->map.range);
	node->map.ram = NULL;
}

/* A store to a hole of a file on a full disk would be the end of the process. */
static int take_space(const struct mortise_block *node, int fd, uint64_t size, struct mortise_error *err)
{
	int r;

	do
		r = fallocate(fd, 0, 0, (off_t)size) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r == 0 || r == -EOPNOTSUPP || r == -ENODEV)
		return 0;
	return mortise_fail(err, r, "Node %s of %" PRIu64 " bytes cannot be memory: its file's space on disk: %s",
			    node->name, size, strerror(-r));
}

static int map(struct mortise_block *node, struct ram *ram, struct mortise_error *err)
{
	const struct block_medium *medium = block_medium_of(node);
	const uint64_t size = atomic_load(&medium->size);
	int fd, r = 0;

	if (!medium->driver->descriptor)
		return mortise_fail(err, -ENOTSUP, "Node %s cannot be memory: driver %s has no file to map", node->name,
				    medium->driver_name);
	fd = medium->driver->descriptor(medium);
	if (!medium->read_only)
		r = take_space(node, fd, size, err);
	if (r == 0)
		r = ram_map_file(ram, fd, size, !medium->read_only, &node->map.range, err);
	if (r == 0)
		node->map.ram = ram;
	return r;
}

int block_map(struct mortise_block *node, struct ram *ram, struct mortise_mapping *out, struct mortise_error *err)
{
	struct mortise_mapping full = {.struct_size = MIN(out->struct_size, (uint32_t)sizeof(full))};
	int r = 0;

	if (!node->pinned)
		return mortise_fail(err, -EINVAL, "Node %s is not of a property that is MORTISE_PROPERTY_MAPPED",
				    node->name);
	if (!node->map.ram)
		r = map(node, ram, err);
	if (r < 0)
		return r;
	full.address = node->map.range.base;
	full.size = node->map.range.size;
	memcpy(out, &full, full.struct_size);
	return 0;
}
