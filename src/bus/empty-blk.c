/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/empty-blk.c - the empty disk (virtio 1.2, 5.2): zero sectors, and every request fails.
 */
#include <linux/virtio_blk.h>
#include <string.h>

#include "base/util.h"
#include "bus/empty.h"
#include "bus/transport.h"

static int blk_realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		       struct mortise_error *err)
{
	const struct virtio_blk_config config = {
		.seg_max = EMPTY_BLK_SEG_MAX,
		.blk_size = 512,
		.min_io_size = 1,
		.wce = 1,
		.max_discard_sectors = EMPTY_BLK_RANGE_MAX,
		.max_discard_seg = EMPTY_BLK_RANGES_MAX,
		.discard_sector_alignment = 1,
		.max_write_zeroes_sectors = EMPTY_BLK_RANGE_MAX,
		.max_write_zeroes_seg = EMPTY_BLK_RANGES_MAX,
		.write_zeroes_may_unmap = 1,
	};
	struct empty *empty = self;

	empty->device = device;
	device_write_config(device, 0, &config, sizeof(config));
	return 0;
}

/* A status byte ends each request (5.2.6); one without room for it is given back as it is. */
static void fail(const struct mortise_chain *chain)
{
	if (chain->in_count) {
		const struct iovec *last = &chain->in[chain->in_count - 1];

		((uint8_t *)last->iov_base)[last->iov_len - 1] = VIRTIO_BLK_S_IOERR;
	}
}

static void blk_notify(void *self, uint32_t queue)
{
	struct empty *empty = self;
	struct mortise_chain *chain;

	while ((chain = device_queue_pop(empty->device, queue))) {
		fail(chain);
		device_queue_push(empty->device, chain, chain->in_size);
	}
}

/* The driver may choose its cache mode: there is nothing to cache. The next driver finds it as it was. */
static void blk_config_written(void *self, uint32_t offset, uint32_t size)
{
}

static void blk_reset(void *self)
{
	const uint8_t writeback = 1;
	struct empty *empty = self;

	device_write_config(empty->device, offsetof(struct virtio_blk_config, wce), &writeback, sizeof(writeback));
}

const struct mortise_class empty_blk_class = {
	.size = sizeof(empty_blk_class),
	.driver = "empty-blk",
	.summary = "A disk of zero sectors",
	.virtio_id = 2,
	.queue_count = TRANSPORT_QUEUES,
	.features = EMPTY_BLK_FEATURES,
	.config_size = offsetof(struct virtio_blk_config, max_secure_erase_sectors),
	.instance_size = sizeof(struct empty),
	.queue_size = EMPTY_QUEUE_SIZE,
	.realize = blk_realize,
	.notify = blk_notify,
	.config_written = blk_config_written,
	.reset = blk_reset,
};
