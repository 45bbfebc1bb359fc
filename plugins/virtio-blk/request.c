/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what the driver asks of the disk (virtio 1.2, 5.2.6), each request in its chain's `priv`.
 *
 * What lies in a chain is the guest's and may change under our hands: headers and ranges are copied, then checked.
 */
#include <errno.h>
#include <string.h>

#include "disk.h"

/* A request under way, in its chain's `priv`. */
struct request {
	struct mortise_block_request io; /* first: done() finds the rest by it */
	struct disk *disk;
	struct mortise_chain *chain;
	uint8_t *status; /* in the guest's memory */
	bool changes;	 /* it alters the disk's content, so write-through has to flush it */
	unsigned next, range_count;
	struct virtio_blk_discard_write_zeroes ranges[RANGES_MAX]; /* checked */
};

_Static_assert(sizeof(struct request) <= DISK_REQUEST_SIZE, "a request does not fit into its chain");

/* Whether what a write stored is on stable storage before the write is answered (5.2.6.2). */
static bool write_through(const struct disk *disk)
{
	if (disk->features & BIT(VIRTIO_BLK_F_CONFIG_WCE))
		return !disk->config.wce;
	return !(disk->features & BIT(VIRTIO_BLK_F_FLUSH)) || !disk->write_cache;
}

static void finish(struct request *request, uint8_t status)
{
	*request->status = status;
	request->disk->host->queue_push(request->disk->device, request->chain, request->chain->in_size);
}

static void submit(struct request *request, uint32_t op, uint64_t sector, uint64_t length)
{
	request->io.op = op;
	request->io.offset = sector << SECTOR_SHIFT;
	request->io.length = length;
	request->disk->host->block_submit(request->disk->block, &request->io);
}

static void submit_range(struct request *request)
{
	const struct virtio_blk_discard_write_zeroes *range = &request->ranges[request->next++];

	request->io.flags = range->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP ? MORTISE_BLOCK_UNMAP : 0;
	submit(request, request->io.op, range->sector, (uint64_t)range->num_sectors << SECTOR_SHIFT);
}

/* The next step of a request that has several: further ranges, then a flush where the cache is written through. */
static void done(struct mortise_block_request *io, int result)
{
	struct request *request = (struct request *)io;

	if (result < 0) {
		finish(request, result == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
	} else if (request->next < request->range_count) {
		submit_range(request);
	} else if (request->changes && write_through(request->disk)) {
		request->changes = false;
		submit(request, MORTISE_BLOCK_FLUSH, 0, 0);
	} else {
		finish(request, VIRTIO_BLK_S_OK);
	}
}

static bool in_disk(const struct disk *disk, uint64_t sector, uint64_t sectors)
{
	const uint64_t capacity = le64toh(disk->config.capacity);

	return sector <= capacity && sectors <= capacity - sector;
}

static void transfer(struct request *request, uint32_t op, uint64_t sector, const struct iovec *iov, uint32_t iov_count,
		     uint64_t size)
{
	struct disk *disk = request->disk;

	if (!size || size & (BIT(SECTOR_SHIFT) - 1) || size > disk->info.max_transfer ||
	    iov_count > disk->info.max_segments || !in_disk(disk, sector, size >> SECTOR_SHIFT) ||
	    (op == MORTISE_BLOCK_WRITE && disk_read_only(disk))) {
		finish(request, VIRTIO_BLK_S_IOERR);
		return;
	}
	request->changes = op == MORTISE_BLOCK_WRITE;
	request->io.iov = iov;
	request->io.iov_count = iov_count;
	submit(request, op, sector, size);
}

/* DISCARD and WRITE_ZEROES: all ranges are copied and checked before anything is done (5.2.6.2). */
static uint8_t take_ranges(struct request *request, uint32_t flags)
{
	struct mortise_chain *chain = request->chain;
	uint8_t *to = (uint8_t *)request->ranges;
	uint64_t size = mortise_iov_take(&chain->out, &chain->out_count, to, sizeof(request->ranges));

	if (!size || size % sizeof(*request->ranges) || chain->out_count)
		return VIRTIO_BLK_S_IOERR;
	request->range_count = (unsigned)(size / sizeof(*request->ranges));
	for (unsigned i = 0; i < request->range_count; i++) {
		struct virtio_blk_discard_write_zeroes *range = &request->ranges[i];

		range->sector = le64toh(range->sector);
		range->num_sectors = le32toh(range->num_sectors);
		range->flags = le32toh(range->flags);
		if (range->flags & ~flags)
			return VIRTIO_BLK_S_UNSUPP;
		if (!range->num_sectors || range->num_sectors > RANGE_SECTORS_MAX ||
		    !in_disk(request->disk, range->sector, range->num_sectors))
			return VIRTIO_BLK_S_IOERR;
	}
	return VIRTIO_BLK_S_OK;
}

static void change_ranges(struct request *request, uint32_t op, uint32_t feature, uint32_t flags)
{
	const struct disk *disk = request->disk;
	uint8_t status;

	if (!(disk->features & BIT(feature)) ||
	    (op == MORTISE_BLOCK_DISCARD_OP && !(disk->info.flags & MORTISE_BLOCK_DISCARD)))
		status = VIRTIO_BLK_S_UNSUPP;
	else if (disk_read_only(disk))
		status = VIRTIO_BLK_S_IOERR;
	else
		status = take_ranges(request, flags);
	if (status != VIRTIO_BLK_S_OK) {
		finish(request, status);
		return;
	}
	request->changes = true;
	request->io.op = op;
	submit_range(request);
}

static void give_serial(struct request *request)
{
	struct mortise_chain *chain = request->chain;
	char serial[VIRTIO_BLK_ID_BYTES] = "";

	if (request->disk->serial)
		memcpy(serial, request->disk->serial, strnlen(request->disk->serial, sizeof(serial)));
	mortise_iov_put(&chain->in, &chain->in_count, serial, sizeof(serial));
	finish(request, VIRTIO_BLK_S_OK);
}

/* The last byte that the device writes is the status (5.2.6); NULL: there is no room for it. */
static uint8_t *take_status(struct mortise_chain *chain)
{
	struct iovec *last;

	while (chain->in_count && !chain->in[chain->in_count - 1].iov_len)
		chain->in_count--;
	if (!chain->in_count)
		return NULL;
	last = &chain->in[chain->in_count - 1];
	last->iov_len--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

static void start(struct disk *disk, struct mortise_chain *chain)
{
	struct request *request = chain->priv;
	struct virtio_blk_outhdr header;
	uint64_t size, sector;

	memset(request, 0, offsetof(struct request, ranges));
	request->io.done = done;
	request->disk = disk;
	request->chain = chain;
	request->status = take_status(chain);
	if (!request->status) {
		disk->host->needs_reset(disk->device, "a request has no room for its status");
		disk->host->queue_push(disk->device, chain, 0);
		return;
	}
	size = mortise_iov_take(&chain->out, &chain->out_count, &header, sizeof(header));
	if (size < sizeof(header)) {
		finish(request, VIRTIO_BLK_S_IOERR);
		return;
	}
	sector = le64toh(header.sector);
	switch (le32toh(header.type)) {
	case VIRTIO_BLK_T_IN:
		transfer(request, MORTISE_BLOCK_READ, sector, chain->in, chain->in_count, chain->in_size - 1);
		break;
	case VIRTIO_BLK_T_OUT:
		transfer(request, MORTISE_BLOCK_WRITE, sector, chain->out, chain->out_count, chain->out_size - size);
		break;
	case VIRTIO_BLK_T_FLUSH:
		submit(request, MORTISE_BLOCK_FLUSH, 0, 0);
		break;
	case VIRTIO_BLK_T_GET_ID:
		give_serial(request);
		break;
	case VIRTIO_BLK_T_DISCARD:
		change_ranges(request, MORTISE_BLOCK_DISCARD_OP, VIRTIO_BLK_F_DISCARD, 0);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		change_ranges(request, MORTISE_BLOCK_WRITE_ZEROES_OP, VIRTIO_BLK_F_WRITE_ZEROES,
			      VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
		break;
	default:
		finish(request, VIRTIO_BLK_S_UNSUPP);
		break;
	}
}

void disk_notify(void *self, uint32_t queue)
{
	struct disk *disk = self;
	struct mortise_chain *chain;

	while ((chain = disk->host->queue_pop(disk->device, queue)))
		start(disk, chain);
}
