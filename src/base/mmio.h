/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/mmio.h - the map of guest-physical addresses that are not RAM.
 *
 * Filled while the machine is built, never changed afterwards: vCPU threads look regions up without a lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <mortise/error.h>

/*
 * Accesses arrive on vCPU threads, little endian, 1, 2, 4 or 8 bytes wide, naturally aligned, `offset` counted from the
 * region's start. read() returns the value zero-extended. A region checks the width it can serve; what it does not know
 * reads as zero and ignores writes.
 */
struct mmio_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned width);
	void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned width);
};

struct mmio_region {
	const char *name; /* for the log; borrowed */
	uint64_t base, size;
	const struct mmio_ops *ops;
	void *opaque;
};

struct mmio_map {
	unsigned count;
	struct mmio_region regions[64]; /* sorted by base, never overlapping */
};

/* Adds a region; -EEXIST when it overlaps another, -ENOSPC when the map is full. */
int mmio_add(struct mmio_map *map, const struct mmio_region *region, struct mortise_error *err);

/* The region that holds all of [gpa, gpa + width), or NULL. */
const struct mmio_region *mmio_find(const struct mmio_map *map, uint64_t gpa, unsigned width);

/* One access. False when nothing is there: the accelerator then raises the architecture's access fault. */
bool mmio_read(const struct mmio_map *map, uint64_t gpa, unsigned width, uint64_t *value);
bool mmio_write(const struct mmio_map *map, uint64_t gpa, unsigned width, uint64_t value);
