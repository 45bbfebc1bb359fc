/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/virtio-blk-next.c - the disk's plugin as later versions of it might be, for tests of upgrades.
 *
 * It is the plugin's own source under another description. NEXT_VERSION is its version, NEXT_FORMAT that of the state
 * that it saves, 1 or 2; it takes both. NEXT_REFUSES: it takes no state. NEXT_POOR: it cannot flush. NEXT_DRIVER:
 * another driver's name. NEXT_STUCK: quiesce() does not return while there is a FIFO of the name in the environment's
 * MORTISE_TEST_STUCK, until somebody writes to it.
 */
#define mortise_plugin_v1 unused_description
#include "../../plugins/virtio-blk/virtio-blk.c"
#undef mortise_plugin_v1

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef NEXT_FORMAT
#define NEXT_FORMAT 1
#endif
#ifndef NEXT_DRIVER
#define NEXT_DRIVER "virtio-blk"
#endif
#ifdef NEXT_POOR
#define NEXT_FEATURES (FEATURES & ~BIT(VIRTIO_BLK_F_FLUSH))
#else
#define NEXT_FEATURES FEATURES
#endif

extern MORTISE_EXPORT const struct mortise_plugin mortise_plugin_v1;

/* Format 2 appends a checksum of sorts. */
struct saved {
	uint32_t format;
	uint8_t wce, unused[3];
	uint32_t check;
};

static int64_t next_save(void *self, void *data, uint64_t room)
{
	const struct disk *disk = self;
	struct saved saved = {.format = NEXT_FORMAT, .wce = disk->config.wce, .check = ~(uint32_t)disk->config.wce};
	const uint64_t size = NEXT_FORMAT == 1 ? offsetof(struct saved, check) : sizeof(saved);

	if (room < size)
		return -ENOSPC;
	memcpy(data, &saved, size);
	return (int64_t)size;
}

static int next_restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	const struct disk *disk = self;
	struct saved saved = {0};

#ifdef NEXT_REFUSES
	return mortise_fail(err, -EINVAL, "this version takes no state of an older one");
#endif
	if (size > sizeof(saved) || size < offsetof(struct saved, check))
		return mortise_fail(err, -EINVAL, "the state has %llu bytes", (unsigned long long)size);
	memcpy(&saved, data, size);
	if (saved.format < 1 || saved.format > 2 || (saved.format == 2 && saved.check != ~(uint32_t)saved.wce))
		return mortise_fail(err, -EINVAL, "the state is of format %u", saved.format);
	(void)disk;
	return 0;
}

static int next_quiesce(void *self, struct mortise_error *err)
{
#ifdef NEXT_STUCK
	const char *fifo = getenv("MORTISE_TEST_STUCK");
	int fd = fifo ? open(fifo, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0)
		close(fd);
#endif
	return 0;
}

static const struct mortise_class next_class = {
	.size = sizeof(next_class),
	.property_size = sizeof(struct mortise_property),
	.driver = NEXT_DRIVER,
	.summary = "Disk on a block node, of a later version",
	.virtio_id = 2,
	.queue_count = 1,
	.features = NEXT_FEATURES,
	.config_size = CONFIG_SIZE,
	.instance_size = sizeof(struct disk),
	.request_size = DISK_REQUEST_SIZE,
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.activate = activate,
	.notify = disk_notify,
	.config_written = config_written,
	.quiesce = next_quiesce,
	.resume = resume,
	.reset = reset,
	.save = next_save,
	.restore = next_restore,
	.block_changed = block_changed,
};

static const struct mortise_class *const next_classes[] = {&next_class, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "virtio-blk",
	.version = NEXT_VERSION,
	.license = "Apache-2.0",
	.summary = "Disk on a block node, of a later version",
	.classes = next_classes,
};
