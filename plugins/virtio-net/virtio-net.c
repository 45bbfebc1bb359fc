/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net.c - a network card (virtio 1.2, 5.1): its description and its life.
 *
 * The host moves frames with their virtio-net header, so this plugin never looks into one but for its addresses: the
 * driver's checksums and segmentation are the netdev's to complete.
 */
#include "virtio-net.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NIC_FEATURES                                                                                                 \
	(FEATURE(VIRTIO_NET_F_CSUM) | FEATURE(VIRTIO_NET_F_GUEST_CSUM) | FEATURE(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | \
	 FEATURE(VIRTIO_NET_F_MAC) | FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6) |           \
	 FEATURE(VIRTIO_NET_F_GUEST_ECN) | FEATURE(VIRTIO_NET_F_HOST_TSO4) | FEATURE(VIRTIO_NET_F_HOST_TSO6) |       \
	 FEATURE(VIRTIO_NET_F_HOST_ECN) | FEATURE(VIRTIO_NET_F_MRG_RXBUF) | FEATURE(VIRTIO_NET_F_STATUS) |           \
	 FEATURE(VIRTIO_NET_F_CTRL_VQ) | FEATURE(VIRTIO_NET_F_CTRL_RX) | FEATURE(VIRTIO_NET_F_CTRL_VLAN) |           \
	 FEATURE(VIRTIO_NET_F_GUEST_ANNOUNCE) | FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR))
#define MTU_FEATURES FEATURE(VIRTIO_NET_F_MTU)
#define MQ_FEATURES FEATURE(VIRTIO_NET_F_MQ)
#define USO_FEATURES (FEATURE(NET_F_GUEST_USO4) | FEATURE(NET_F_GUEST_USO6) | FEATURE(NET_F_HOST_USO))

/* Bytes 0 to 11 of struct virtio_net_config are all that these features give a meaning to. */
#define CONFIG_SIZE 12

static void write_status(struct nic *nic, bool announce)
{
	struct mortise_net_info info = {.struct_size = sizeof(info)};
	uint16_t status;

	nic->host->net_info(nic->netdev, &info);
	nic->host->read_config(nic->device, offsetof(struct virtio_net_config, status), &status, sizeof(status));
	status = (uint16_t)((info.link_up ? VIRTIO_NET_S_LINK_UP : 0) | (status & VIRTIO_NET_S_ANNOUNCE) |
			    (announce ? VIRTIO_NET_S_ANNOUNCE : 0));
	nic->host->write_config(nic->device, offsetof(struct virtio_net_config, status), &status, sizeof(status));
}

static int nic_realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		       struct mortise_error *err)
{
	struct nic *nic = self;
	struct mortise_net_info info = {.struct_size = sizeof(info)};
	struct virtio_net_config config = {0};
	uint64_t features = NIC_FEATURES;
	static const uint8_t none[6];
	int r;

	if (nic->mac[0] & 1)
		return mortise_fail(err, -EINVAL, "Property 'mac' is a multicast address; a card needs a unicast one");
	nic->device = device;
	nic->host = host;
	host->net_info(nic->netdev, &info);
	nic->pairs_most = nic->mq && info.queue_pairs < PAIRS_MAX ? info.queue_pairs : nic->mq ? PAIRS_MAX : 1;
	r = frames_new(nic, err);
	if (r < 0)
		return r;

	if (!memcmp(nic->mac, none, sizeof(none)))
		features &= ~FEATURE(VIRTIO_NET_F_MAC); /* the driver then makes one up */
	features |= nic->host_mtu ? MTU_FEATURES : 0;
	features |= nic->pairs_most > 1 ? MQ_FEATURES : 0;
	features |= info.offloads & MORTISE_NET_USO ? USO_FEATURES : 0;
	r = kernel_probe(nic, &features, err);
	if (r < 0) {
		frames_free(nic);
		return r;
	}
	host->offer_features(device, features);
	memcpy(config.mac, nic->mac, sizeof(config.mac));
	config.max_virtqueue_pairs = (uint16_t)nic->pairs_most;
	config.mtu = nic->host_mtu;
	host->write_config(device, 0, &config, CONFIG_SIZE);
	write_status(nic, false);
	return 0;
}

static void nic_unrealize(void *self)
{
	struct nic *nic = self;

	kernel_done(nic);
	frames_free(nic);
}

static int nic_activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct nic *nic = self;
	const uint64_t offloads = features & control_offload_bits();

	nic->features = features;
	if (!nic->restored || nic->pairs > nic->pairs_most || nic->host->net_set_queues(nic->netdev, nic->pairs) < 0) {
		nic->pairs = 1;
		nic->pairs_told = false;
		nic->host->net_set_queues(nic->netdev, 1);
	}
	control_apply_offloads(nic, nic->restored ? offloads & nic->offloads : offloads);
	nic->active = true;
	/* After a restore other switches may be behind the netdev, which have yet to learn where the guest is. */
	write_status(nic, nic->restored && negotiated(nic, VIRTIO_NET_F_GUEST_ANNOUNCE));
	nic->restored = false;
	kernel_start(nic);
	return 0;
}

/*
 * Which queue is the one for commands follows from how many pairs the driver was told of when it bound, maybe by an
 * earlier card in this place. But a command has something to read in it, and a receive buffer has not.
 */
static bool is_control(struct nic *nic, uint32_t queue)
{
	struct mortise_chain *chain;
	bool readable;

	if (!negotiated(nic, VIRTIO_NET_F_CTRL_VQ) || !negotiated(nic, VIRTIO_NET_F_MQ) || !queue || queue & 1)
		return negotiated(nic, VIRTIO_NET_F_CTRL_VQ) && queue == 2;
	chain = nic->host->queue_pop(nic->device, queue);
	if (!chain)
		return false;
	readable = chain->out_count;
	nic->host->queue_unpop(nic->device, chain);
	return readable;
}

/* A driver that told an earlier card how many pairs it uses tells no other: its receive buffers do. */
static void learn_pairs(struct nic *nic, uint32_t pair)
{
	struct mortise_chain *chain;

	if (nic->pairs_told || pair < nic->pairs || pair >= nic->pairs_most)
		return;
	chain = nic->host->queue_pop(nic->device, 2 * pair);
	if (!chain)
		return;
	nic->host->queue_unpop(nic->device, chain);
	if (nic->host->net_set_queues(nic->netdev, pair + 1) < 0)
		return;
	nic->pairs = pair + 1;
	kernel_restart(nic);
}

static void nic_notify(void *self, uint32_t queue)
{
	struct nic *nic = self;
	const uint32_t pair = queue / 2;

	if (is_control(nic, queue)) {
		control_notify(nic, queue);
	} else if (pair < (negotiated(nic, VIRTIO_NET_F_MQ) ? PAIRS_MAX : 1)) {
		if (queue & 1) {
			frames_transmit(nic, pair);
		} else {
			learn_pairs(nic, pair);
			frames_receive(nic, pair);
		}
	}
}

static void nic_net_ready(void *self, struct mortise_net *net, uint32_t pair, uint32_t events)
{
	struct nic *nic = self;

	if (events & MORTISE_NET_LINK) {
		if (nic->active)
			kernel_restart(nic);
		write_status(nic, false);
	}
	if (events & MORTISE_NET_READABLE)
		frames_receive(nic, pair);
	if (events & MORTISE_NET_WRITABLE)
		frames_writable(nic, pair);
}

static void nic_fd_ready(void *self, int fd, uint32_t events, void *opaque)
{
	kernel_failed(self);
}

static int nic_quiesce(void *self, struct mortise_error *err)
{
	struct nic *nic = self;

	nic->active = false;
	kernel_stop(nic);
	frames_stop(nic);
	return 0;
}

static void nic_resume(void *self)
{
	struct nic *nic = self;

	nic->active = true;
	kernel_start(nic);
	write_status(nic, false); /* nobody told of the link in the meantime */
}

static void nic_reset(void *self)
{
	struct nic *nic = self;
	const uint16_t status = 0;

	nic->active = false;
	nic->features = nic->offloads = 0;
	nic->restored = false;
	filter_reset(&nic->filter);
	nic->host->write_config(nic->device, offsetof(struct virtio_net_config, mac), nic->mac, sizeof(nic->mac));
	nic->host->write_config(nic->device, offsetof(struct virtio_net_config, status), &status, sizeof(status));
	write_status(nic, false);
}

/* --- handing over to another instance --- */

#define SAVED_VERSION 1

/* Of fixed layout, all little endian: the driver's wishes, which it told but once. */
struct saved {
	uint32_t version;
	uint32_t pairs;
	uint64_t offloads;
	struct filter filter;
};

static int64_t nic_save(void *self, void *data, uint64_t room)
{
	const struct nic *nic = self;
	struct saved saved;

	if (room < sizeof(saved))
		return -ENOSPC;
	memset(&saved, 0, sizeof(saved));
	saved.version = SAVED_VERSION;
	saved.pairs = nic->pairs;
	saved.offloads = nic->offloads;
	saved.filter = nic->filter;
	memcpy(data, &saved, sizeof(saved));
	return sizeof(saved);
}

static int nic_restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct nic *nic = self;
	struct saved saved;

	if (size != sizeof(saved))
		return mortise_fail(err, -EINVAL, "The state of a network card is %llu bytes long, expected %zu",
				    (unsigned long long)size, sizeof(saved));
	memcpy(&saved, data, sizeof(saved));
	if (saved.version != SAVED_VERSION)
		return mortise_fail(err, -EINVAL, "The state of a network card has version %u, expected %u",
				    saved.version, SAVED_VERSION);
	if (!saved.pairs || saved.pairs > nic->pairs_most || saved.filter.unicast > FILTER_MACS ||
	    saved.filter.multicast > FILTER_MACS - saved.filter.unicast)
		return mortise_fail(err, -EINVAL, "The state of a network card is not one that this card can have");
	nic->pairs = saved.pairs;
	nic->pairs_told = true;
	nic->offloads = saved.offloads;
	nic->filter = saved.filter;
	nic->restored = true;
	return 0;
}

/* --- the description --- */

static const struct mortise_property nic_properties[] = {
	{
		.name = "netdev",
		.type = MORTISE_PROPERTY_NET,
		.flags = MORTISE_PROPERTY_REQUIRED,
		.offset = offsetof(struct nic, netdev),
		.help = "the netdev that the card is connected to",
	},
	{
		.name = "mac",
		.type = MORTISE_PROPERTY_MAC,
		.offset = offsetof(struct nic, mac),
		.help = "the card's address, as in 52:54:00:12:34:56",
	},
	{
		.name = "mq",
		.type = MORTISE_PROPERTY_BOOL,
		.offset = offsetof(struct nic, mq),
		.fallback = "on",
		.help = "use as many queue pairs as the netdev has",
	},
	{
		.name = "host_mtu",
		.type = MORTISE_PROPERTY_U16,
		.offset = offsetof(struct nic, host_mtu),
		.max = 65535,
		.help = "the largest packet to advise the guest of, in bytes; 0: none",
	},
	{0},
};

static const struct mortise_class nic_class = {
	.size = sizeof(nic_class),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-net",
	.summary = "Virtio network card",
	.virtio_id = 1,
	.queue_count = QUEUES_MAX,
	.features = NIC_FEATURES | MTU_FEATURES | MQ_FEATURES | USO_FEATURES,
	.config_size = CONFIG_SIZE,
	.instance_size = sizeof(struct nic),
	.properties = nic_properties,
	.realize = nic_realize,
	.unrealize = nic_unrealize,
	.activate = nic_activate,
	.notify = nic_notify,
	.quiesce = nic_quiesce,
	.resume = nic_resume,
	.reset = nic_reset,
	.save = nic_save,
	.restore = nic_restore,
	.net_ready = nic_net_ready,
	.fd_ready = nic_fd_ready,
};

static const struct mortise_class *const classes[] = {&nic_class, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "virtio-net",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Network cards",
	.classes = classes,
};
