/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtio-blk.c - the plugin's requests and configuration, against a host made up here: no VMM, no threads.
 */
#include "unit.h"

#include <endian.h>
#include <linux/virtio_blk.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include <mortise/plugin.h>

#define SECTORS 64
#define UNTOUCHED 0xff

struct mortise_block {
	struct mortise_block_info info;
	uint8_t data[SECTORS * 512];
	struct mortise_block_request *pending; /* one at a time is all that a request has */
	int result;			       /* of the next request; 0 again afterwards */
	unsigned flushes, discards, zeroes, unmaps;
};

struct mortise_device {
	uint8_t config[256];
	unsigned config_changes;
	uint64_t features;
	struct mortise_chain *next; /* to be popped */
	bool pushed;
	uint64_t written;
	const char *broken;
};

static void host_log(struct mortise_device *device, enum mortise_log_level level, const char *format, ...)
{
}

static void offer_features(struct mortise_device *device, uint64_t features)
{
	device->features = features;
}

static void write_config(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size)
{
	assert_true(offset + size <= sizeof(device->config));
	device->config_changes += !!memcmp(device->config + offset, data, size);
	memcpy(device->config + offset, data, size);
}

static void read_config(struct mortise_device *device, uint32_t offset, void *data, uint32_t size)
{
	memcpy(data, device->config + offset, size);
}

static void needs_reset(struct mortise_device *device, const char *why)
{
	device->broken = why;
}

static struct mortise_chain *queue_pop(struct mortise_device *device, uint32_t queue)
{
	struct mortise_chain *chain = device->next;

	assert_int_equal(queue, 0);
	device->next = NULL;
	return chain;
}

static void queue_push(struct mortise_device *device, struct mortise_chain *chain, uint64_t written)
{
	assert_false(device->pushed);
	device->pushed = true;
	device->written = written;
}

static void block_info(struct mortise_block *block, struct mortise_block_info *info)
{
	assert_int_equal(info->struct_size, sizeof(*info));
	*info = block->info;
	info->struct_size = sizeof(*info);
}

static void block_submit(struct mortise_block *block, struct mortise_block_request *request)
{
	assert_null(block->pending);
	block->pending = request;
}

static const struct mortise_host host = {
	.size = sizeof(host),
	.abi_major = MORTISE_ABI_MAJOR,
	.log = host_log,
	.offer_features = offer_features,
	.write_config = write_config,
	.read_config = read_config,
	.needs_reset = needs_reset,
	.queue_pop = queue_pop,
	.queue_push = queue_push,
	.block_info = block_info,
	.block_submit = block_submit,
};

/* --- the block node --- */

static int carry_out(struct mortise_block *block, const struct mortise_block_request *request)
{
	uint8_t *at = block->data + request->offset;
	uint64_t left = request->length;

	if (request->op == MORTISE_BLOCK_FLUSH) {
		block->flushes++;
		return 0;
	}
	assert_true(request->length && request->offset + request->length <= sizeof(block->data));
	if (request->op == MORTISE_BLOCK_DISCARD_OP) {
		block->discards++;
		return 0;
	}
	if (request->op == MORTISE_BLOCK_WRITE_ZEROES_OP) {
		memset(at, 0, request->length);
		block->zeroes++;
		block->unmaps += !!(request->flags & MORTISE_BLOCK_UNMAP);
		return 0;
	}
	for (uint32_t i = 0; i < request->iov_count; i++) {
		const struct iovec *iov = &request->iov[i];

		assert_true(iov->iov_len <= left);
		if (request->op == MORTISE_BLOCK_READ)
			memcpy(iov->iov_base, at, iov->iov_len);
		else
			memcpy(at, iov->iov_base, iov->iov_len);
		at += iov->iov_len;
		left -= iov->iov_len;
	}
	assert_int_equal(left, 0);
	return 0;
}

/* Completes what is pending, until nothing is. */
static void run(struct mortise_block *block)
{
	while (block->pending) {
		struct mortise_block_request *request = steal_ptr(&block->pending);
		int result = block->result ? block->result : carry_out(block, request);

		block->result = 0;
		memset(request->host, 0xa5, sizeof(request->host));
		request->done(request, result);
	}
}

/* --- the device and its driver --- */

struct world {
	const struct mortise_class *class;
	void *self;
	void *priv;
	struct mortise_block block;
	struct mortise_device device;
	struct mortise_error error;
	uint8_t status;
};

/* The class's property, to be set in the instance. */
static void *field(struct world *world, const char *name)
{
	for (const struct mortise_property *property = world->class->properties; property->name; property++)
		if (streq(property->name, name))
			return (char *)world->self + property->offset;
	fail_msg("no property '%s'", name);
	return NULL;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->class = mortise_plugin_v1.classes[0];
	world->self = calloc(1, world->class->instance_size);
	world->priv = aligned_alloc(16, ALIGN_UP(world->class->request_size, 16u));
	memset(world->priv, 0x5a, world->class->request_size);
	world->block.info = (struct mortise_block_info){
		.flags = MORTISE_BLOCK_DISCARD | MORTISE_BLOCK_WRITE_ZEROES,
		.size = SECTORS * 512,
		.logical_block_size = 512,
		.physical_block_size = 4096,
		.max_segments = 64,
		.max_transfer = 1 << 20,
	};
	for (unsigned i = 0; i < sizeof(world->block.data); i++)
		world->block.data[i] = (uint8_t)(i * 7 + i / 512);
	*(struct mortise_block **)field(world, "drive") = &world->block;
	*(uint8_t *)field(world, "write-cache") = 1;
	*(uint8_t *)field(world, "discard") = 1;
	*(uint8_t *)field(world, "write-zeroes") = 1;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	free(world->self);
	free(world->priv);
	free(world);
	return 0;
}

static int realize(struct world *world)
{
	return world->class->realize(world->self, &world->device, &host, &world->error);
}

static void start(struct world *world, uint64_t withheld)
{
	if (realize(world) < 0)
		fail_msg("%s", world->error.message);
	assert_int_equal(world->class->activate(world->self, world->device.features & ~withheld, NULL), 0);
	world->device.config_changes = 0;
}

static struct virtio_blk_config *config(struct world *world)
{
	return (struct virtio_blk_config *)world->device.config;
}

#define BIT(n) (UINT64_C(1) << (n))

/* Offers one chain and lets it finish; the status byte. `written` is checked as every push reports all of `in`. */
static uint8_t submit(struct world *world, struct iovec *out, unsigned out_count, struct iovec *in, unsigned in_count)
{
	struct mortise_chain chain = {.out = out, .in = in, .out_count = out_count, .in_count = in_count};

	chain.priv = world->priv;
	for (unsigned i = 0; i < out_count; i++)
		chain.out_size += out[i].iov_len;
	for (unsigned i = 0; i < in_count; i++)
		chain.in_size += in[i].iov_len;
	world->device.next = &chain;
	world->device.pushed = false;
	world->status = UNTOUCHED;
	world->class->notify(world->self, 0);
	run(&world->block);
	assert_true(world->device.pushed);
	if (!world->device.broken)
		assert_int_equal(world->device.written, chain.in_size);
	return world->status;
}

/* The usual framing: header, data, status, a descriptor each. */
static uint8_t request(struct world *world, uint32_t type, uint64_t sector, void *out_data, size_t out_size,
		       void *in_data, size_t in_size)
{
	struct virtio_blk_outhdr header = {.type = htole32(type), .sector = htole64(sector)};
	struct iovec out[] = {{&header, sizeof(header)}, {out_data, out_size}};
	struct iovec in[] = {{in_data, in_size}, {&world->status, 1}};

	return submit(world, out, out_size ? 2 : 1, in_size ? in : in + 1, in_size ? 2 : 1);
}

/* --- configuration --- */

static void test_config(void **state)
{
	struct world *world = *state;

	world->block.info.optimal_io_size = 64 << 10;
	start(world, 0);
	assert_int_equal(le64toh(config(world)->capacity), SECTORS);
	assert_int_equal(le32toh(config(world)->seg_max), 64);
	assert_int_equal(le32toh(config(world)->blk_size), 512);
	assert_int_equal(config(world)->physical_block_exp, 3);
	assert_int_equal(config(world)->alignment_offset, 0);
	assert_int_equal(le16toh(config(world)->min_io_size), 8);
	assert_int_equal(le32toh(config(world)->opt_io_size), 128);
	assert_int_equal(config(world)->wce, 1);
	assert_true(le32toh(config(world)->max_discard_sectors) > 0);
	assert_int_equal(le32toh(config(world)->max_discard_seg), 16);
	assert_int_equal(le32toh(config(world)->discard_sector_alignment), 8);
	assert_true(le32toh(config(world)->max_write_zeroes_sectors) > 0);
	assert_int_equal(config(world)->write_zeroes_may_unmap, 1);
	assert_int_equal(world->device.features, world->class->features & ~BIT(VIRTIO_BLK_F_RO));
}

static void test_offer(void **state)
{
	struct world *world = *state;

	world->block.info.flags = MORTISE_BLOCK_READ_ONLY; /* and it can neither discard nor zero */
	assert_int_equal(realize(world), 0);
	assert_int_equal(world->device.features, world->class->features);
	*(uint8_t *)field(world, "discard") = 0;
	*(uint8_t *)field(world, "write-zeroes") = 0;
	assert_int_equal(realize(world), 0);
	assert_int_equal(world->device.features,
			 world->class->features & ~BIT(VIRTIO_BLK_F_DISCARD) & ~BIT(VIRTIO_BLK_F_WRITE_ZEROES));
}

static void test_block_sizes(void **state)
{
	static const struct {
		uint32_t logical, physical, node;
		const char *refused; /* NULL: fine */
	} cases[] = {
		{0, 0, 512, NULL},
		{4096, 0, 512, NULL},
		{4096, 8192, 4096, NULL},
		{512, 0, 4096, "at least the block node's 4096"},
		{1000, 0, 512, "logical_block_size"},
		{4096, 512, 512, "physical_block_size"},
		{512, 5000, 512, "physical_block_size"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		*(uint32_t *)field(world, "logical_block_size") = cases[i].logical;
		*(uint32_t *)field(world, "physical_block_size") = cases[i].physical;
		world->block.info.logical_block_size = cases[i].node;
		assert_int_equal(realize(world), cases[i].refused ? -EINVAL : 0);
		if (cases[i].refused)
			assert_names(&world->error, cases[i].refused);
		else
			assert_int_equal(le32toh(config(world)->blk_size),
					 cases[i].logical ? cases[i].logical : cases[i].node);
	}
}

static void test_node_changes(void **state)
{
	struct world *world = *state;
	uint8_t data[512];

	start(world, 0);
	world->block.info.size = 8 * 512;
	world->class->block_changed(world->self, &world->block);
	assert_int_equal(le64toh(config(world)->capacity), 8);
	assert_int_equal(world->device.config_changes, 1);
	assert_int_equal(request(world, VIRTIO_BLK_T_IN, 8, NULL, 0, data, 512), VIRTIO_BLK_S_IOERR);
	world->block.info.size = 16 * 512;
	world->class->resume(world->self);
	assert_int_equal(request(world, VIRTIO_BLK_T_IN, 8, NULL, 0, data, 512), VIRTIO_BLK_S_OK);
}

/* What the driver may not write is put right; the cache mode it may. */
static void test_config_written(void **state)
{
	struct world *world = *state;

	start(world, 0);
	config(world)->capacity = 1;
	world->class->config_written(world->self, 0, 8);
	assert_int_equal(le64toh(config(world)->capacity), SECTORS);
	config(world)->wce = 7;
	world->class->config_written(world->self, offsetof(struct virtio_blk_config, wce), 1);
	assert_int_equal(config(world)->wce, 1);
	config(world)->wce = 0;
	world->class->config_written(world->self, offsetof(struct virtio_blk_config, wce), 1);
	assert_int_equal(config(world)->wce, 0);
	world->class->reset(world->self);
	assert_int_equal(config(world)->wce, 1);
}

/* --- requests --- */

static void test_read_write(void **state)
{
	struct world *world = *state;
	uint8_t data[3 * 512], expected[3 * 512];

	start(world, 0);
	assert_int_equal(request(world, VIRTIO_BLK_T_IN, 5, NULL, 0, data, sizeof(data)), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, world->block.data + 5 * 512, sizeof(data));
	memset(expected, 0xc3, sizeof(expected));
	assert_int_equal(request(world, VIRTIO_BLK_T_OUT, SECTORS - 3, expected, sizeof(expected), NULL, 0),
			 VIRTIO_BLK_S_OK);
	assert_memory_equal(world->block.data + (SECTORS - 3) * 512, expected, sizeof(expected));
	assert_int_equal(world->block.flushes, 0);
}

/* Where descriptors begin and end means nothing (virtio 1.2, 2.7.4). */
static void test_framing(void **state)
{
	struct world *world = *state;
	struct {
		struct virtio_blk_outhdr header;
		uint8_t data[512];
	} one = {.header = {.type = htole32(VIRTIO_BLK_T_OUT), .sector = htole64(2)}};
	uint8_t in_bytes[513], *bytes = (uint8_t *)&one;

	start(world, 0);
	memset(one.data, 0x77, sizeof(one.data));
	{ /* header and data in one */
		struct iovec out = {&one, sizeof(one)}, in = {&world->status, 1};

		assert_int_equal(submit(world, &out, 1, &in, 1), VIRTIO_BLK_S_OK);
		assert_memory_equal(world->block.data + 2 * 512, one.data, 512);
	}
	{ /* a header in pieces, data from amid a piece, empty pieces */
		struct iovec out[] = {
			{bytes, 1}, {bytes + 1, 0}, {bytes + 1, 14}, {bytes + 15, 100}, {bytes + 115, 413}};
		struct iovec in[] = {{NULL, 0}, {&world->status, 1}, {NULL, 0}};

		one.header.sector = htole64(3);
		assert_int_equal(submit(world, out, 5, in, 3), VIRTIO_BLK_S_OK);
		assert_memory_equal(world->block.data + 3 * 512, one.data, 512);
	}
	{ /* data and status in one */
		struct iovec out = {&one, 16}, in = {in_bytes, 513};

		one.header.type = htole32(VIRTIO_BLK_T_IN);
		in_bytes[512] = UNTOUCHED;
		submit(world, &out, 1, &in, 1);
		assert_int_equal(in_bytes[512], VIRTIO_BLK_S_OK);
		assert_memory_equal(in_bytes, one.data, 512);
	}
}

static void test_bounds(void **state)
{
	static const struct {
		uint64_t sector;
		size_t size;
	} cases[] = {
		{SECTORS, 512},
		{SECTORS - 1, 1024},
		{UINT64_MAX, 512},
		{UINT64_MAX / 512 + 1, 512},
		{UINT64_C(1) << 63, 512},
		{0, 0},
		{0, 511},
		{0, 513},
		{0, (SECTORS + 1) * 512},
	};
	static uint8_t data[(SECTORS + 1) * 512];
	struct world *world = *state;

	start(world, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(request(world, VIRTIO_BLK_T_IN, cases[i].sector, NULL, 0, data, cases[i].size),
				 VIRTIO_BLK_S_IOERR);
		assert_int_equal(request(world, VIRTIO_BLK_T_OUT, cases[i].sector, data, cases[i].size, NULL, 0),
				 VIRTIO_BLK_S_IOERR);
	}
	world->block.info.max_transfer = 512;
	world->class->block_changed(world->self, &world->block);
	assert_int_equal(request(world, VIRTIO_BLK_T_IN, 0, NULL, 0, data, 1024), VIRTIO_BLK_S_IOERR);
}

static void test_malformed(void **state)
{
	struct world *world = *state;
	struct virtio_blk_outhdr header = {.type = htole32(VIRTIO_BLK_T_FLUSH)};
	struct iovec in = {&world->status, 1}, out = {&header, 15};

	start(world, 0);
	assert_int_equal(submit(world, &out, 1, &in, 1), VIRTIO_BLK_S_IOERR);
	in = (struct iovec){&world->status, 1};
	assert_int_equal(submit(world, NULL, 0, &in, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(world, VIRTIO_BLK_T_SCSI_CMD, 0, NULL, 0, NULL, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(world, UINT32_MAX, 0, NULL, 0, NULL, 0), VIRTIO_BLK_S_UNSUPP);
	assert_null(world->device.broken);
	assert_int_equal(world->block.flushes, 0);

	out = (struct iovec){&header, sizeof(header)};
	submit(world, &out, 1, NULL, 0);
	assert_non_null(world->device.broken);
	assert_int_equal(world->device.written, 0);
}

static void test_backend_errors(void **state)
{
	static const int errors[] = {-EIO, -ENOSPC, -EROFS, -EINVAL};
	struct world *world = *state;
	uint8_t data[512] = {0};

	start(world, 0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		world->block.result = errors[i];
		assert_int_equal(request(world, VIRTIO_BLK_T_OUT, 0, data, 512, NULL, 0), VIRTIO_BLK_S_IOERR);
		world->block.result = errors[i];
		assert_int_equal(request(world, VIRTIO_BLK_T_IN, 0, NULL, 0, data, 512), VIRTIO_BLK_S_IOERR);
		world->block.result = errors[i];
		assert_int_equal(request(world, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL, 0), VIRTIO_BLK_S_IOERR);
	}
	world->block.result = -EOPNOTSUPP;
	assert_int_equal(request(world, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(world, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL, 0), VIRTIO_BLK_S_OK);
}

static void test_read_only(void **state)
{
	struct world *world = *state;
	struct virtio_blk_discard_write_zeroes range = {.num_sectors = htole32(1)};
	uint8_t data[512] = {0};

	world->block.info.flags |= MORTISE_BLOCK_READ_ONLY;
	start(world, BIT(VIRTIO_BLK_F_RO)); /* a driver that negotiated with the empty slot does not know */
	assert_int_equal(request(world, VIRTIO_BLK_T_OUT, 0, data, 512, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(world, VIRTIO_BLK_T_DISCARD, 0, &range, 16, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(world, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, 16, NULL, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(world, VIRTIO_BLK_T_IN, 0, NULL, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(request(world, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL, 0), VIRTIO_BLK_S_OK);
}

static void test_serial(void **state)
{
	struct world *world = *state;
	char id[20];

	start(world, 0);
	memset(id, 'x', sizeof(id));
	assert_int_equal(request(world, VIRTIO_BLK_T_GET_ID, 0, NULL, 0, id, 20), VIRTIO_BLK_S_OK);
	assert_memory_equal(id, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	*(const char **)field(world, "serial") = "12345678901234567890";
	assert_int_equal(request(world, VIRTIO_BLK_T_GET_ID, 0, NULL, 0, id, 20), VIRTIO_BLK_S_OK);
	assert_memory_equal(id, "12345678901234567890", 20);
	*(const char **)field(world, "serial") = "ab";
	memset(id, 'x', sizeof(id));
	assert_int_equal(request(world, VIRTIO_BLK_T_GET_ID, 0, NULL, 0, id, 5), VIRTIO_BLK_S_OK);
	assert_memory_equal(id, "ab\0\0\0xxx", 8);
}

/* --- discard and write zeroes --- */

static uint8_t change(struct world *world, uint32_t type, const struct virtio_blk_discard_write_zeroes *ranges,
		      size_t size)
{
	return request(world, type, 0, (void *)ranges, size, NULL, 0);
}

static void test_ranges(void **state)
{
	const struct virtio_blk_discard_write_zeroes ranges[3] = {
		{.sector = htole64(0), .num_sectors = htole32(2)},
		{.sector = htole64(10), .num_sectors = htole32(1), .flags = htole32(1)},
		{.sector = htole64(SECTORS - 1), .num_sectors = htole32(1)},
	};
	static const uint8_t zeroes[1024];
	struct world *world = *state;

	start(world, 0);
	assert_int_equal(change(world, VIRTIO_BLK_T_WRITE_ZEROES, ranges, sizeof(ranges)), VIRTIO_BLK_S_OK);
	assert_int_equal(world->block.zeroes, 3);
	assert_int_equal(world->block.unmaps, 1);
	assert_memory_equal(world->block.data, zeroes, 1024);
	assert_memory_equal(world->block.data + 10 * 512, zeroes, 512);
	assert_memory_equal(world->block.data + (SECTORS - 1) * 512, zeroes, 512);
	assert_int_not_equal(world->block.data[2 * 512 + 1], 0);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 16), VIRTIO_BLK_S_OK);
	assert_int_equal(world->block.discards, 1);
	assert_int_equal(world->block.flushes, 0);

	/* One that fails ends the request. */
	world->block.result = -EIO;
	assert_int_equal(change(world, VIRTIO_BLK_T_WRITE_ZEROES, ranges, sizeof(ranges)), VIRTIO_BLK_S_IOERR);
	assert_int_equal(world->block.zeroes, 3);
}

static void test_bad_ranges(void **state)
{
	struct virtio_blk_discard_write_zeroes ranges[17] = {0};
	struct world *world = *state;

	start(world, 0);
	for (unsigned i = 0; i < 17; i++)
		ranges[i].num_sectors = htole32(1);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 15), VIRTIO_BLK_S_IOERR);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 17), VIRTIO_BLK_S_IOERR);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 17 * 16), VIRTIO_BLK_S_IOERR);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 16 * 16), VIRTIO_BLK_S_OK);
	world->block.discards = 0;

	/* A bad one at the end: nothing is done. */
	ranges[2].num_sectors = 0;
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 3 * 16), VIRTIO_BLK_S_IOERR);
	ranges[2].num_sectors = htole32(SECTORS + 1);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 3 * 16), VIRTIO_BLK_S_IOERR);
	ranges[2].num_sectors = htole32(1);
	ranges[2].sector = htole64(UINT64_MAX);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 3 * 16), VIRTIO_BLK_S_IOERR);
	ranges[2].sector = 0;
	ranges[2].flags = htole32(VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, ranges, 3 * 16), VIRTIO_BLK_S_UNSUPP);
	ranges[2].flags = htole32(2);
	assert_int_equal(change(world, VIRTIO_BLK_T_WRITE_ZEROES, ranges, 3 * 16), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(world->block.discards + world->block.zeroes, 0);
}

static void test_unable(void **state)
{
	const struct virtio_blk_discard_write_zeroes range = {.num_sectors = htole32(1)};
	struct world *world = *state;

	world->block.info.flags = 0;
	start(world, 0);
	assert_int_equal(config(world)->write_zeroes_may_unmap, 0);
	assert_int_equal(change(world, VIRTIO_BLK_T_DISCARD, &range, 16), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(change(world, VIRTIO_BLK_T_WRITE_ZEROES, &range, 16), VIRTIO_BLK_S_OK);
	world->class->activate(world->self, 0, NULL); /* nothing negotiated */
	assert_int_equal(change(world, VIRTIO_BLK_T_WRITE_ZEROES, &range, 16), VIRTIO_BLK_S_UNSUPP);
}

/* --- the write cache --- */

static unsigned flushes_of_a_write(struct world *world)
{
	uint8_t data[512] = {0};
	unsigned before = world->block.flushes;

	assert_int_equal(request(world, VIRTIO_BLK_T_OUT, 0, data, 512, NULL, 0), VIRTIO_BLK_S_OK);
	return world->block.flushes - before;
}

static void test_write_through(void **state)
{
	const struct virtio_blk_discard_write_zeroes range = {.num_sectors = htole32(1)};
	struct world *world = *state;
	uint8_t data[512];

	start(world, 0);
	assert_int_equal(flushes_of_a_write(world), 0);
	config(world)->wce = 0;
	world->class->config_written(world->self, offsetof(struct virtio_blk_config, wce), 1);
	assert_int_equal(flushes_of_a_write(world), 1);
	assert_int_equal(change(world, VIRTIO_BLK_T_WRITE_ZEROES, &range, 16), VIRTIO_BLK_S_OK);
	assert_int_equal(world->block.flushes, 2);
	assert_int_equal(request(world, VIRTIO_BLK_T_IN, 0, NULL, 0, data, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(world->block.flushes, 2);
}

/* Which mode holds depends on what was negotiated (5.2.6.2). */
static void test_cache_modes(void **state)
{
	static const struct {
		bool property, flush, wce;
		unsigned flushes;
	} cases[] = {
		{true, true, true, 0},	{true, true, false, 0},	 {true, false, true, 0},  {true, false, false, 1},
		{false, true, true, 1}, {false, true, false, 1}, {false, false, true, 1}, {false, false, false, 1},
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		*(uint8_t *)field(world, "write-cache") = cases[i].property;
		start(world, (cases[i].flush ? 0 : BIT(VIRTIO_BLK_F_FLUSH)) |
				     (cases[i].wce ? 0 : BIT(VIRTIO_BLK_F_CONFIG_WCE)));
		assert_int_equal(flushes_of_a_write(world), cases[i].flushes);
		world->class->reset(world->self);
	}
}

static void test_flush_fails_after_write(void **state)
{
	struct world *world = *state;
	struct virtio_blk_outhdr header = {.type = htole32(VIRTIO_BLK_T_OUT)};
	uint8_t data[512] = {0};
	struct iovec out_pieces[] = {{&header, 16}, {data, 512}}, in = {&world->status, 1};
	struct mortise_chain chain = {.out = out_pieces,
				      .in = &in,
				      .out_count = 2,
				      .in_count = 1,
				      .out_size = 528,
				      .in_size = 1,
				      .priv = world->priv};
	struct mortise_block_request *write_request;

	*(uint8_t *)field(world, "write-cache") = 0;
	start(world, 0);
	world->device.next = &chain;
	world->class->notify(world->self, 0);
	write_request = steal_ptr(&world->block.pending);
	write_request->done(write_request, 0);
	assert_false(world->device.pushed); /* not before it is on stable storage */
	assert_int_equal(world->block.pending->op, MORTISE_BLOCK_FLUSH);
	world->block.result = -EIO;
	run(&world->block);
	assert_true(world->device.pushed);
	assert_int_equal(world->status, VIRTIO_BLK_S_IOERR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_config),	   TEST(test_offer),	      TEST(test_block_sizes),
		TEST(test_node_changes),   TEST(test_config_written), TEST(test_read_write),
		TEST(test_framing),	   TEST(test_bounds),	      TEST(test_malformed),
		TEST(test_backend_errors), TEST(test_read_only),      TEST(test_serial),
		TEST(test_ranges),	   TEST(test_bad_ranges),     TEST(test_unable),
		TEST(test_write_through),  TEST(test_cache_modes),    TEST(test_flush_fails_after_write),
	};

	return cmocka_run_group_tests_name("virtio-blk", tests, NULL, NULL);
}
