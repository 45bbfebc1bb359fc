/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/mmio.c - the map of guest-physical addresses that are not RAM.
 */
#include "base/mmio.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"

int mmio_add(struct mmio_map *map, const struct mmio_region *region, struct mortise_error *err)
{
	unsigned at = 0;

	if (map->count == ARRAY_SIZE(map->regions))
		return mortise_fail(err, -ENOSPC, "No room for MMIO region '%s': %u are the most", region->name,
				    map->count);
	while (at < map->count && map->regions[at].base < region->base)
		at++;
	if ((at < map->count && region->base + region->size > map->regions[at].base) ||
	    (at && map->regions[at - 1].base + map->regions[at - 1].size > region->base))
		return mortise_fail(err, -EEXIST, "MMIO region '%s' at 0x%" PRIx64 " overlaps another", region->name,
				    region->base);
	memmove(&map->regions[at + 1], &map->regions[at], (map->count - at) * sizeof(map->regions[0]));
	map->regions[at] = *region;
	map->count++;
	return 0;
}

const struct mmio_region *mmio_find(const struct mmio_map *map, uint64_t gpa, unsigned width)
{
	unsigned low = 0, high = map->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct mmio_region *region = &map->regions[middle];

		if (gpa < region->base)
			high = middle;
		else if (gpa - region->base >= region->size)
			low = middle + 1;
		else
			return width <= region->size - (gpa - region->base) ? region : NULL;
	}
	return NULL;
}

bool mmio_read(const struct mmio_map *map, uint64_t gpa, unsigned width, uint64_t *value)
{
	const struct mmio_region *region = mmio_find(map, gpa, width);

	if (!region)
		return false;
	*value = region->ops->read(region->opaque, gpa - region->base, width);
	return true;
}

bool mmio_write(const struct mmio_map *map, uint64_t gpa, unsigned width, uint64_t value)
{
	const struct mmio_region *region = mmio_find(map, gpa, width);

	if (!region)
		return false;
	region->ops->write(region->opaque, gpa - region->base, value, width);
	return true;
}
