/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/empty-net.c - the empty network card (virtio 1.2, 5.1): no carrier; what is sent is lost, nothing is received.
 */
#include <linux/virtio_net.h>
#include <string.h>

#include "base/util.h"
#include "bus/empty.h"
#include "bus/instance.h"

#define NO_QUEUE UINT32_MAX

struct empty_net {
	struct empty empty;
	uint32_t control; /* index of the control queue, or NO_QUEUE */
};

static int net_realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		       struct mortise_error *err)
{
	struct virtio_net_config config = {.max_virtqueue_pairs = 1};
	struct empty *empty = self;

	empty->device = device;
	memcpy(config.mac, empty->mac, sizeof(config.mac));
	device_write_config(device, 0, &config, sizeof(config));
	return 0;
}

/*
 * Where the control queue is depends on what the driver has negotiated, perhaps with a card that had more queues: it is
 * the last of those that it has set up (5.1.2).
 */
static int net_activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct empty_net *net = self;

	net->control = NO_QUEUE;
	if (features >> VIRTIO_NET_F_CTRL_VQ & 1)
		for (uint32_t i = 2; i < TRANSPORT_QUEUES; i += 2)
			if (net->empty.device->queues[i].started)
				net->control = i;
	return 0;
}

/* Frames vanish, as they do on a wire that leads nowhere. */
static void transmit(struct empty *empty, uint32_t queue)
{
	struct mortise_chain *chain;

	while ((chain = device_queue_pop(empty->device, queue)))
		device_queue_push(empty->device, chain, 0);
}

/* The answer to one command (5.1.6.5): what a driver sets is accepted, as all of it is met by receiving nothing. */
static uint8_t obey(struct empty *empty, struct mortise_chain *chain)
{
	struct virtio_net_ctrl_hdr command;
	uint8_t mac[6];

	if (mortise_iov_take(&chain->out, &chain->out_count, &command, sizeof(command)) < sizeof(command))
		return VIRTIO_NET_ERR;
	switch (command.class) {
	case VIRTIO_NET_CTRL_RX:
		return command.cmd <= VIRTIO_NET_CTRL_RX_ALLMULTI ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_MAC:
		if (command.cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return VIRTIO_NET_OK;
		if (command.cmd != VIRTIO_NET_CTRL_MAC_ADDR_SET ||
		    mortise_iov_take(&chain->out, &chain->out_count, mac, sizeof(mac)) < sizeof(mac))
			return VIRTIO_NET_ERR;
		device_write_config(empty->device, offsetof(struct virtio_net_config, mac), mac, sizeof(mac));
		return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_VLAN:
		return command.cmd <= VIRTIO_NET_CTRL_VLAN_DEL ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_ANNOUNCE:
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return command.cmd == 0 ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	default:
		return VIRTIO_NET_ERR;
	}
}

static void control(struct empty *empty, uint32_t queue)
{
	struct mortise_chain *chain;

	while ((chain = device_queue_pop(empty->device, queue))) {
		const uint8_t answer = obey(empty, chain);

		device_queue_push(empty->device, chain,
				  mortise_iov_put(&chain->in, &chain->in_count, &answer, sizeof(answer)));
	}
}

static void net_notify(void *self, uint32_t queue)
{
	struct empty_net *net = self;

	if (queue == net->control)
		control(&net->empty, queue);
	else if (queue & 1)
		transmit(&net->empty, queue);
}

static void net_reset(void *self)
{
	struct empty *empty = self;

	device_write_config(empty->device, offsetof(struct virtio_net_config, mac), empty->mac, sizeof(empty->mac));
}

const struct mortise_class empty_net_class = {
	.size = sizeof(empty_net_class),
	.driver = "empty-net",
	.summary = "A network card without carrier",
	.virtio_id = 1,
	.queue_count = TRANSPORT_QUEUES,
	.features = EMPTY_NET_FEATURES,
	.config_size = offsetof(struct virtio_net_config, speed),
	.instance_size = sizeof(struct empty_net),
	.queue_size = EMPTY_QUEUE_SIZE,
	.realize = net_realize,
	.activate = net_activate,
	.notify = net_notify,
	.reset = net_reset,
};
