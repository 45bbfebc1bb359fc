/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - the instance, as its configuration (virtio-blk.c) and its requests (request.c) see it.
 */
#pragma once

#include <endian.h>
#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stdint.h>

#include <mortise/plugin.h>

#define BIT(n) (UINT64_C(1) << (n))
#define SECTOR_SHIFT 9		     /* the protocol's sector, whatever the block size */
#define RANGES_MAX 16		     /* in one DISCARD or WRITE_ZEROES request */
#define RANGE_SECTORS_MAX (1u << 22) /* in one range: 2 GiB */

/* The instance. */
struct disk {
	/* properties */
	struct mortise_block *block;
	const char *serial;
	uint32_t logical_block_size, physical_block_size; /* 0: the node's */
	uint8_t write_cache, discard, write_zeroes;

	const struct mortise_host *host;
	struct mortise_device *device;
	struct mortise_block_info info;
	struct virtio_blk_config config; /* as the guest ought to see it */
	uint64_t features;		 /* negotiated */
};

static inline bool disk_read_only(const struct disk *disk)
{
	return disk->info.flags & MORTISE_BLOCK_READ_ONLY;
}

#define DISK_REQUEST_SIZE 512 /* bytes of a chain's `priv` */

/* Pops and starts whatever the driver has made available: the class's notify(). */
void disk_notify(void *self, uint32_t queue);
