/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk.c - a disk (virtio 1.2, 5.2) on a block node of the host: what it offers, and its configuration.
 */
#include <errno.h>
#include <string.h>

#include "disk.h"

#define QUEUE_SIZE 256
#define BLOCK_SIZE_MAX (UINT64_C(32) << 10)

/* Secure erase and zones, at the structure's end, are not offered. */
#define CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)

#define FEATURES                                                                                                   \
	(BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_RO) | BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH) | \
	 BIT(VIRTIO_BLK_F_TOPOLOGY) | BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_DISCARD) |                   \
	 BIT(VIRTIO_BLK_F_WRITE_ZEROES))

static void show_config(struct disk *disk)
{
	disk->host->write_config(disk->device, 0, &disk->config, CONFIG_SIZE);
}

/* The node may have grown, shrunk or lost its medium. */
static void look_at_node(struct disk *disk)
{
	disk->info.struct_size = sizeof(disk->info);
	disk->host->block_info(disk->block, &disk->info);
	disk->config.capacity = htole64(disk->info.size >> SECTOR_SHIFT);
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

static void fill_config(struct disk *disk)
{
	struct virtio_blk_config *config = &disk->config;
	uint32_t logical = disk->logical_block_size, physical = disk->physical_block_size;

	config->seg_max = htole32(at_most(disk->info.max_segments, QUEUE_SIZE - 2));
	config->blk_size = htole32(logical);
	config->physical_block_exp = (uint8_t)__builtin_ctz(physical / logical);
	config->min_io_size = htole16((uint16_t)(physical / logical));
	config->opt_io_size = htole32(disk->info.optimal_io_size / logical);
	config->wce = disk->write_cache;
	config->max_discard_sectors = htole32(RANGE_SECTORS_MAX);
	config->max_discard_seg = htole32(RANGES_MAX);
	config->discard_sector_alignment = htole32(physical >> SECTOR_SHIFT);
	config->max_write_zeroes_sectors = htole32(RANGE_SECTORS_MAX);
	config->max_write_zeroes_seg = htole32(RANGES_MAX);
	config->write_zeroes_may_unmap = !!(disk->info.flags & MORTISE_BLOCK_DISCARD);
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static int settle_block_sizes(struct disk *disk, struct mortise_error *err)
{
	const uint32_t least = disk->info.logical_block_size, natural = disk->info.physical_block_size;

	if (!disk->logical_block_size)
		disk->logical_block_size = least;
	if (!power_of_two(disk->logical_block_size) || disk->logical_block_size < least)
		return mortise_fail(err, -EINVAL,
				    "Parameter 'logical_block_size' does not accept value '%u': it must be a power of "
				    "two and at least the block node's %u",
				    disk->logical_block_size, least);
	if (!disk->physical_block_size)
		disk->physical_block_size = natural > disk->logical_block_size ? natural : disk->logical_block_size;
	if (!power_of_two(disk->physical_block_size) || disk->physical_block_size < disk->logical_block_size)
		return mortise_fail(err, -EINVAL,
				    "Parameter 'physical_block_size' does not accept value '%u': it must be a power of "
				    "two and at least logical_block_size, which is %u",
				    disk->physical_block_size, disk->logical_block_size);
	return 0;
}

/*
 * What can be offered does not depend on the node's abilities: a driver that negotiated with the empty slot keeps what
 * it agreed to then, and is told about each request that cannot be done.
 */
static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct disk *disk = self;
	uint64_t features = FEATURES;
	int r;

	disk->host = host;
	disk->device = device;
	look_at_node(disk);
	r = settle_block_sizes(disk, err);
	if (r < 0)
		return r;
	if (!disk_read_only(disk))
		features &= ~BIT(VIRTIO_BLK_F_RO);
	if (!disk->discard)
		features &= ~BIT(VIRTIO_BLK_F_DISCARD);
	if (!disk->write_zeroes)
		features &= ~BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	host->offer_features(device, features);
	fill_config(disk);
	show_config(disk);
	return 0;
}

/* The cache mode is all that the driver may set; whatever else it wrote is put right. */
static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct disk *disk = self;
	struct virtio_blk_config shown;

	disk->host->read_config(disk->device, 0, &shown, CONFIG_SIZE);
	disk->config.wce = !!shown.wce;
	if (memcmp(&shown, &disk->config, CONFIG_SIZE))
		show_config(disk);
}

static void block_changed(void *self, struct mortise_block *block)
{
	look_at_node(self);
	show_config(self);
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct disk *disk = self;

	disk->features = features;
	block_changed(disk, disk->block);
	return 0;
}

static void resume(void *self)
{
	struct disk *disk = self;

	block_changed(disk, disk->block);
}

static void reset(void *self)
{
	struct disk *disk = self;

	disk->features = 0;
	disk->config.wce = disk->write_cache;
	show_config(disk);
}

static const struct mortise_property properties[] = {
	{.name = "drive",
	 .type = MORTISE_PROPERTY_BLOCK,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct disk, block),
	 .help = "node-name of the block node to show as a disk"},
	{.name = "serial",
	 .type = MORTISE_PROPERTY_STRING,
	 .offset = offsetof(struct disk, serial),
	 .max = VIRTIO_BLK_ID_BYTES,
	 .help = "serial number, up to 20 bytes"},
	{.name = "logical_block_size",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct disk, logical_block_size),
	 .min = 512,
	 .max = BLOCK_SIZE_MAX,
	 .help = "the guest's unit of access in bytes; the node's by default"},
	{.name = "physical_block_size",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct disk, physical_block_size),
	 .min = 512,
	 .max = BLOCK_SIZE_MAX,
	 .help = "the unit that is fast to write in bytes; the node's by default"},
	{.name = "write-cache",
	 .type = MORTISE_PROPERTY_BOOL,
	 .offset = offsetof(struct disk, write_cache),
	 .fallback = "on",
	 .help = "whether writes may be cached until the guest flushes them"},
	{.name = "discard",
	 .type = MORTISE_PROPERTY_BOOL,
	 .offset = offsetof(struct disk, discard),
	 .fallback = "on",
	 .help = "whether the guest may discard blocks"},
	{.name = "write-zeroes",
	 .type = MORTISE_PROPERTY_BOOL,
	 .offset = offsetof(struct disk, write_zeroes),
	 .fallback = "on",
	 .help = "whether the guest may have blocks zeroed"},
	{.name = NULL},
};

static const struct mortise_class virtio_blk = {
	.size = sizeof(virtio_blk),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-blk",
	.summary = "Disk on a block node",
	.virtio_id = 2,
	.queue_count = 1,
	.features = FEATURES,
	.config_size = CONFIG_SIZE,
	.instance_size = sizeof(struct disk),
	.request_size = DISK_REQUEST_SIZE,
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.activate = activate,
	.notify = disk_notify,
	.config_written = config_written,
	.resume = resume,
	.reset = reset,
	.block_changed = block_changed,
};

static const struct mortise_class *const classes[] = {&virtio_blk, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "virtio-blk",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Disk on a block node (virtio 1.2, 5.2)",
	.classes = classes,
};
