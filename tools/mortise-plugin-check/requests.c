/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c - what drivers of each virtio type ask of a device.
 */
#include "requests.h"

#include <endian.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>
#include <string.h>

#include "base/util.h"

#define BIT(n) (UINT64_C(1) << (n))

static void put(struct request *request, const void *data, uint32_t size)
{
	memcpy(request->out + request->out_size, data, size);
	request->out_size += size;
}

static void put_random(struct driver *driver, struct request *request, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		request->out[request->out_size++] = (uint8_t)driver_random(driver, 256);
}

/* --- 5.2: block --- */

static void make_blk(struct driver *driver, struct request *request)
{
	static const uint32_t types[] = {VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,	 VIRTIO_BLK_T_IN,
					 VIRTIO_BLK_T_OUT,     VIRTIO_BLK_T_FLUSH,	 VIRTIO_BLK_T_GET_ID,
					 VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES};
	const uint32_t type = types[driver_random(driver, ARRAY_SIZE(types))], sectors = 1 + driver_random(driver, 8);
	const uint64_t sector = driver_random(driver, DISK_SIZE / 512 - 8);
	const struct virtio_blk_outhdr header = {.type = htole32(type), .sector = htole64(sector)};
	const struct virtio_blk_discard_write_zeroes range = {.sector = htole64(sector),
							      .num_sectors = htole32(sectors)};

	put(request, &header, sizeof(header));
	request->in_size = 1;
	if (type == VIRTIO_BLK_T_IN)
		request->in_size += sectors * 512;
	else if (type == VIRTIO_BLK_T_OUT)
		put_random(driver, request, sectors * 512);
	else if (type == VIRTIO_BLK_T_GET_ID)
		request->in_size += VIRTIO_BLK_ID_BYTES;
	else if (type != VIRTIO_BLK_T_FLUSH)
		put(request, &range, sizeof(range));
	request->answered = true;
}

/* --- 5.1: net --- */

static void make_frame(struct driver *driver, struct request *request)
{
	const struct virtio_net_hdr_v1 header = {0};

	put(request, &header, sizeof(header));
	put_random(driver, request, 60 + driver_random(driver, 1454));
	request->out[sizeof(header)] &= 0xfe; /* unicast */
	request->answered = request->queue == 1;
}

static void make_control(struct driver *driver, struct request *request)
{
	static const struct {
		uint8_t class, command;
		uint32_t size;
	} commands[] = {{VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1},
			{VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1},
			{VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 8},
			{VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 6},
			{VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2},
			{VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2},
			{VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, 8},
			{VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, 0}};
	const unsigned i = driver_random(driver, ARRAY_SIZE(commands));

	put(request, &commands[i].class, 1);
	put(request, &commands[i].command, 1);
	memset(request->out + request->out_size, 0, commands[i].size);
	request->out_size += commands[i].size;
	request->in_size = 1;
	request->answered = true;
}

/* Behind the pairs that there could be, where several were negotiated; else behind the first (5.1.2). */
static uint32_t control_queue(struct driver *driver)
{
	struct virtio_net_config config = {0};

	if (!(driver->features & BIT(VIRTIO_NET_F_MQ)))
		return 2;
	driver_config(driver, &config, sizeof(config));
	return 2 * le16toh(config.max_virtqueue_pairs);
}

/* Of the pairs only the first is in use. */
static void make_net(struct driver *driver, struct request *request)
{
	if (driver->features & BIT(VIRTIO_NET_F_CTRL_VQ) && request->queue == control_queue(driver))
		make_control(driver, request);
	else if (request->queue % 2)
		make_frame(driver, request);
	else
		request->in_size = 1526;
}

/* --- 5.3: console --- */

static void make_console(struct driver *driver, struct request *request)
{
	const struct virtio_console_control control = {.id = htole32(driver_random(driver, 4)),
						       .event = htole16((uint16_t)driver_random(driver, 8)),
						       .value = htole16((uint16_t)driver_random(driver, 2))};

	if (!(request->queue & 1))
		request->in_size = 1 + driver_random(driver, 512);
	else if (request->queue == 3)
		put(request, &control, sizeof(control));
	else
		put_random(driver, request, 1 + driver_random(driver, 512));
}

/* --- 5.5: balloon --- */

static void make_balloon(struct driver *driver, struct request *request)
{
	const uint32_t pages = 1 + driver_random(driver, 64);
	/* Pages at the end of memory, where nothing else is. */
	const uint32_t first = (uint32_t)((RIG_RAM_BASE + RIG_RAM_SIZE) >> VIRTIO_BALLOON_PFN_SHIFT) - 512;

	if (request->queue == 4 ||
	    (request->queue == 3 && !(driver->features & BIT(VIRTIO_BALLOON_F_FREE_PAGE_HINT)))) {
		request->in_size = 4096;
		return;
	}
	for (uint32_t i = 0; request->queue < 2 && i < pages; i++) {
		const uint32_t frame = htole32(first + driver_random(driver, 512));

		put(request, &frame, sizeof(frame));
	}
	for (uint16_t i = 0; request->queue >= 2 && i < 10; i++) {
		const uint16_t tag = htole16(i);
		const uint64_t value = htole64(driver_random(driver, UINT32_MAX));

		put(request, &tag, sizeof(tag));
		put(request, &value, sizeof(value));
	}
	request->answered = request->queue < 2;
}

/* --- 5.10: vsock --- */

static void make_vsock(struct driver *driver, struct request *request)
{
	const uint32_t length = driver_random(driver, 2) ? 0 : driver_random(driver, 512);
	const struct virtio_vsock_hdr header = {.src_cid = htole64(3),
						.dst_cid = htole64(UINT64_C(2)),
						.src_port = htole32(1024 + driver_random(driver, 4)),
						.dst_port = htole32(1024 + driver_random(driver, 4)),
						.len = htole32(length),
						.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
						.op = htole16((uint16_t)(1 + driver_random(driver, 7))),
						.buf_alloc = htole32(65536)};

	if (request->queue != 1) {
		request->in_size = 4096;
		return;
	}
	put(request, &header, sizeof(header));
	put_random(driver, request, length);
	request->answered = true;
}

/* --- any --- */

static void make_any(struct driver *driver, struct request *request)
{
	put_random(driver, request, driver_random(driver, 3) ? driver_random(driver, 256) : 0);
	if (!request->out_size || driver_random(driver, 4))
		request->in_size = 1 + driver_random(driver, 1024);
	/* Numbers in requests are mostly small. */
	for (uint32_t i = 0; i < request->out_size; i++)
		if (driver_random(driver, 4))
			request->out[i] = (uint8_t)driver_random(driver, 4);
}

bool request_make_for(struct driver *driver, uint32_t queue, struct request *request)
{
	request->queue = queue;
	request->out_size = request->in_size = 0;
	request->answered = false;
	if (!driver->queues[queue].size)
		return false;
	switch (driver->rig->real->virtio_id) {
	case VIRTIO_ID_BLOCK:
		make_blk(driver, request);
		break;
	case VIRTIO_ID_NET:
		make_net(driver, request);
		break;
	case VIRTIO_ID_CONSOLE:
		make_console(driver, request);
		break;
	case VIRTIO_ID_RNG:
		request->in_size = 1 + driver_random(driver, 256);
		break;
	case VIRTIO_ID_BALLOON:
		make_balloon(driver, request);
		break;
	case VIRTIO_ID_VSOCK:
		make_vsock(driver, request);
		break;
	default:
		make_any(driver, request);
		break;
	}
	return true;
}

bool request_make(struct driver *driver, struct request *request)
{
	return request_make_for(driver, driver_random(driver, driver->rig->real->queue_count), request);
}

void request_spoil(struct driver *driver, struct request *request)
{
	switch (driver_random(driver, 6)) {
	case 0:
		request->out_size = request->out_size ? driver_random(driver, request->out_size) : 0;
		break;
	case 1:
		request->in_size = request->in_size ? driver_random(driver, request->in_size) : 0;
		break;
	case 2:
		put_random(driver, request, driver_random(driver, 1024));
		break;
	case 3:
		request->in_size = driver_random(driver, BUFFER_MAX);
		break;
	case 4:
		make_any(driver, request);
		break;
	default:
		for (unsigned i = 0; request->out_size && i < 3; i++)
			request->out[driver_random(driver, MIN(request->out_size, 64))] =
				(uint8_t)(driver_random(driver, 2) ? 0xff : driver_random(driver, 256));
		break;
	}
	request->answered &= driver->rig->real->virtio_id == VIRTIO_ID_BLOCK && request->in_size;
}
