/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-virtio-net.c - the virtio-net plugin against a host made of arrays: merged buffers, filters, the control queue.
 */
#include "fake-host.h"

#include <stdbool.h>

#include "../../plugins/virtio-net/virtio-net.h"

#define FRAMES 16
#define CONTROL 2

/* --- the host --- */

struct mortise_net {
	uint8_t *frames[FRAMES]; /* to be received, header first */
	size_t sizes[FRAMES];
	unsigned first, count;
	uint8_t sent[FRAMES][256];
	size_t sent_sizes[FRAMES];
	unsigned sent_count;
	int send_result;
	bool link_up;
	uint32_t offloads, pairs, pairs_most, wishes[PAIRS_MAX];
};

static struct mortise_net netdev;
static struct nic nic;
static const struct mortise_class *class;

static void host_net_info(struct mortise_net *net, struct mortise_net_info *info)
{
	info->offloads = MORTISE_NET_CSUM | MORTISE_NET_TSO4 | MORTISE_NET_TSO6 | MORTISE_NET_ECN;
	info->queue_pairs = net->pairs_most;
	info->link_up = net->link_up;
}

static int host_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	assert_int_equal(header_size, HEADER_SIZE);
	net->offloads = offloads;
	return 0;
}

static int host_set_queues(struct mortise_net *net, uint32_t pairs)
{
	net->pairs = pairs;
	return 0;
}

static int host_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	size_t size = 0;

	if (net->send_result < 0)
		return net->send_result;
	assert_true(net->sent_count < FRAMES);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(size + iov[i].iov_len <= sizeof(net->sent[0]));
		memcpy(net->sent[net->sent_count] + size, iov[i].iov_base, iov[i].iov_len);
		size += iov[i].iov_len;
	}
	net->sent_sizes[net->sent_count++] = size;
	return 0;
}

static int64_t host_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	const uint8_t *frame = net->frames[net->first];
	size_t size = net->sizes[net->first], done = 0;

	if (net->first == net->count)
		return -EAGAIN;
	net->first++;
	for (uint32_t i = 0; i < count && done < size; i++) {
		const size_t part = MIN(iov[i].iov_len, size - done);

		memcpy(iov[i].iov_base, frame + done, part);
		done += part;
	}
	return (int64_t)size;
}

static void host_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	net->wishes[queue] = events;
}

static int host_vhost(struct mortise_net *net, uint32_t pair, struct mortise_net_vhost *vhost)
{
	return -ENOTSUP;
}

static void open_host(void)
{
	fake_open();
	host.net_info = host_net_info;
	host.net_set_offloads = host_set_offloads;
	host.net_set_queues = host_set_queues;
	host.net_send = host_send;
	host.net_receive = host_receive;
	host.net_poll = host_poll;
	host.net_vhost = host_vhost;
}

/* --- the driver --- */

static const uint8_t own_mac[6] = {0x52, 0x54, 0, 1, 2, 3};

static int set_up(void **state)
{
	class = mortise_plugin_v1.classes[0];
	open_host();
	memset(&netdev, 0, sizeof(netdev));
	memset(&nic, 0, sizeof(nic));
	netdev.link_up = true;
	netdev.pairs_most = 1;
	nic.netdev = &netdev;
	nic.mq = 1;
	memcpy(nic.mac, own_mac, sizeof(own_mac));
	return 0;
}

static int tear_down(void **state)
{
	fake_close();
	for (unsigned i = 0; i < netdev.count; i++)
		free(netdev.frames[i]);
	class->unrealize(&nic);
	return 0;
}

static void realize(void)
{
	struct mortise_error err = {0};

	if (class->realize(&nic, &fake, &host, &err) < 0)
		fail_msg("%s", err.message);
}

static void bind_driver(uint64_t features)
{
	assert_int_equal(class->activate(&nic, features, NULL), 0);
}

static uint64_t all_features(void)
{
	return fake.features | FEATURE(VIRTIO_F_VERSION_1);
}

static void offer_receive(unsigned count, size_t size, unsigned pieces)
{
	while (count--)
		fake_offer(0, NULL, 0, size, pieces);
}

/* A frame for the guest of `size` bytes with its header. */
static void arrive(const uint8_t *to, size_t size)
{
	uint8_t *frame = calloc(1, size);

	for (size_t i = HEADER_SIZE; i < size; i++)
		frame[i] = (uint8_t)(i * 31 + size);
	memcpy(frame + HEADER_SIZE, to, 6);
	memcpy(frame + HEADER_SIZE + 12, (const uint8_t[]){8, 0}, 2);
	netdev.frames[netdev.count] = frame;
	netdev.sizes[netdev.count++] = size;
}

static void readable(void)
{
	class->net_ready(&nic, &netdev, 0, MORTISE_NET_READABLE);
}

/* The frame that chains from `first` on hold is the one that arrived `number`th; returns the chains it took. */
static unsigned check_received(unsigned first, unsigned number)
{
	const uint8_t *frame = netdev.frames[number];
	size_t size = netdev.sizes[number], at = 0;
	unsigned chains = 0;

	while (at < size) {
		const struct fake_chain *chain = &fake.queues[0].chains[first + chains++];
		size_t start = 0;

		assert_true(chain->pushed);
		assert_int_equal(chain->written, MIN(chain->size, size - at));
		if (at == 0) {
			assert_memory_equal(chain->memory, frame, 10);
			start = HEADER_SIZE;
		}
		assert_memory_equal(chain->memory + start, frame + at + start, chain->written - start);
		at += chain->written;
	}
	assert_int_equal(fake.queues[0].chains[first].memory[10], chains); /* num_buffers */
	assert_int_equal(fake.queues[0].chains[first].memory[11], 0);
	return chains;
}

/* A command; the driver's view of the answer. */
static uint8_t command_at(uint32_t queue, uint8_t kind, uint8_t number, const void *data, size_t size)
{
	uint8_t out[600] = {kind, number};
	struct fake_chain *chain;

	memcpy(out + 2, data, size);
	chain = fake_offer(queue, out, 2 + size, 1, 3);
	chain->memory[2 + size] = 0xaa;
	class->notify(&nic, queue);
	assert_true(chain->pushed);
	assert_int_equal(chain->written, 1);
	return chain->memory[2 + size];
}

static uint8_t command(uint8_t kind, uint8_t number, const void *data, size_t size)
{
	return command_at(CONTROL, kind, number, data, size);
}

/* --- life --- */

static void config(void **state)
{
	realize();
	assert_memory_equal(fake.config, own_mac, 6);
	assert_int_equal(fake.config[6], VIRTIO_NET_S_LINK_UP);
	assert_int_equal(fake.config[8], 1);
	assert_true(fake.features & FEATURE(VIRTIO_NET_F_MAC));
	assert_false(fake.features & (FEATURE(VIRTIO_NET_F_MTU) | FEATURE(VIRTIO_NET_F_MQ) | FEATURE(NET_F_HOST_USO)));
	netdev.link_up = false;
	class->net_ready(&nic, &netdev, 0, MORTISE_NET_LINK);
	assert_int_equal(fake.config[6], 0);
}

static void config_options(void **state)
{
	struct mortise_error err = {0};

	memset(nic.mac, 0, sizeof(nic.mac));
	nic.host_mtu = 9000;
	netdev.pairs_most = 3;
	realize();
	assert_false(fake.features & FEATURE(VIRTIO_NET_F_MAC));
	assert_true(fake.features & FEATURE(VIRTIO_NET_F_MTU));
	assert_true(fake.features & FEATURE(VIRTIO_NET_F_MQ));
	assert_int_equal(fake.config[8], 3);
	assert_int_equal(fake.config[10] | fake.config[11] << 8, 9000);
	class->unrealize(&nic);
	nic.mac[0] = 1;
	assert_int_equal(class->realize(&nic, &fake, &host, &err), -EINVAL);
	assert_names(&err, "mac");
}

/* --- receiving --- */

static void receive_one_buffer(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(8, 1536, 1);
	class->notify(&nic, 0);
	assert_int_equal(netdev.wishes[0], MORTISE_NET_READABLE);
	arrive(own_mac, HEADER_SIZE + 60);
	arrive(own_mac, 1536); /* to the byte */
	readable();
	assert_int_equal(check_received(0, 0), 1);
	assert_int_equal(check_received(1, 1), 1);
	assert_int_equal(fake.queues[0].pushed, 2);
}

static void receive_merged(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(100, 1536, 3);
	arrive(own_mac, HEADER_SIZE + 60000);
	arrive(own_mac, 1537);
	arrive(own_mac, HEADER_SIZE + 14);
	class->notify(&nic, 0);
	assert_int_equal(check_received(0, 0), 40);
	assert_int_equal(check_received(40, 1), 2);
	assert_int_equal(check_received(42, 2), 1);
	assert_int_equal(fake.queues[0].pushed, 43);
}

/* The header itself may lie across buffers. */
static void receive_odd_buffers(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(100, 13, 8);
	arrive(own_mac, HEADER_SIZE + 300);
	class->notify(&nic, 0);
	assert_int_equal(check_received(0, 0), 24);
}

/* A frame longer than all buffers waits, and goes on where it stopped once there are more. */
static void receive_starved(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(2, 1536, 2);
	arrive(own_mac, HEADER_SIZE + 9000);
	arrive(own_mac, HEADER_SIZE + 100);
	class->notify(&nic, 0);
	assert_int_equal(fake.queues[0].pushed, 0);
	assert_int_equal(netdev.wishes[0], 0); /* nothing is asked for until the driver kicks */
	offer_receive(1, 1000, 1);
	class->notify(&nic, 0);
	assert_int_equal(fake.queues[0].pushed, 0);
	offer_receive(5, 1536, 1);
	class->notify(&nic, 0);
	assert_int_equal(check_received(0, 0), 7);
	assert_int_equal(check_received(7, 1), 1);
	assert_int_equal(netdev.wishes[0], 0);
	offer_receive(1, 1536, 1);
	class->notify(&nic, 0);
	assert_int_equal(netdev.wishes[0], MORTISE_NET_READABLE);
}

/* Without merging a frame has one chain, or is lost. */
static void receive_unmerged(void **state)
{
	realize();
	bind_driver(all_features() & ~FEATURE(VIRTIO_NET_F_MRG_RXBUF));
	offer_receive(4, 1526, 2);
	arrive(own_mac, HEADER_SIZE + 1515);
	arrive(own_mac, HEADER_SIZE + 1514);
	class->notify(&nic, 0);
	assert_int_equal(fake.queues[0].pushed, 1);
	assert_int_equal(check_received(0, 1), 1);
}

static void receive_hostile(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(1, HEADER_SIZE - 1, 1);
	class->notify(&nic, 0);
	assert_non_null(fake.broken);
}

/* Buffers in store go back to the ring in order, and are taken again. */
static void quiesce(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(20, 1536, 1);
	class->notify(&nic, 0);
	assert_true(fake.queues[0].popped > 0);
	assert_int_equal(class->quiesce(&nic, NULL), 0);
	assert_int_equal(fake.queues[0].popped, 0);
	assert_int_equal(netdev.wishes[0], 0);
	arrive(own_mac, HEADER_SIZE + 60);
	readable();
	assert_int_equal(fake.queues[0].pushed, 0);
	netdev.link_up = false; /* and nobody said so */
	class->resume(&nic);
	assert_int_equal(fake.config[6], 0);
	class->notify(&nic, 0);
	assert_int_equal(check_received(0, 0), 1);
}

/* --- transmitting --- */

static void transmit(void **state)
{
	uint8_t frame[HEADER_SIZE + 60] = {0};

	realize();
	bind_driver(all_features());
	for (unsigned i = 0; i < 3; i++) {
		frame[HEADER_SIZE + 20] = (uint8_t)i;
		fake_offer(1, frame, sizeof(frame), 0, i + 1);
	}
	netdev.send_result = -EAGAIN;
	class->notify(&nic, 1);
	assert_int_equal(fake.queues[1].popped, 0); /* put back */
	assert_int_equal(netdev.wishes[0] & MORTISE_NET_WRITABLE, MORTISE_NET_WRITABLE);
	netdev.send_result = 0;
	class->net_ready(&nic, &netdev, 0, MORTISE_NET_WRITABLE);
	assert_int_equal(netdev.sent_count, 3);
	assert_int_equal(netdev.sent_sizes[2], sizeof(frame));
	assert_int_equal(netdev.sent[2][HEADER_SIZE + 20], 2);
	assert_int_equal(fake.queues[1].pushed, 3);
	assert_int_equal(netdev.wishes[0] & MORTISE_NET_WRITABLE, 0);

	/* A frame that the netdev refuses is lost; the driver has its buffers back all the same. */
	netdev.send_result = -EINVAL;
	fake_offer(1, frame, sizeof(frame), 0, 1);
	fake_offer(1, NULL, 0, 64, 1); /* nothing to read in it */
	class->notify(&nic, 1);
	assert_int_equal(fake.queues[1].pushed, 5);
}

/* A busy driver does not keep the thread: the rest waits for the next event. */
static void transmit_budget(void **state)
{
	uint8_t frame[HEADER_SIZE + 60] = {0};

	realize();
	bind_driver(all_features());
	netdev.send_result = -EIO;
	for (unsigned i = 0; i < 200; i++)
		fake_offer(1, frame, sizeof(frame), 0, 1);
	class->notify(&nic, 1);
	assert_in_range(fake.queues[1].pushed, 1, 199);
	while (netdev.wishes[0] & MORTISE_NET_WRITABLE)
		class->net_ready(&nic, &netdev, 0, MORTISE_NET_WRITABLE);
	assert_int_equal(fake.queues[1].pushed, 200);
}

/* --- the control queue --- */

static const uint8_t other_mac[6] = {0x52, 0x54, 0, 9, 9, 9}, group[6] = {1, 0, 0x5e, 0, 0, 5},
		     broadcast[6] = {255, 255, 255, 255, 255, 255};

/* Whether a frame to that address gets through. */
static bool gets_through(const uint8_t *to)
{
	const unsigned before = fake.queues[0].pushed;

	arrive(to, HEADER_SIZE + 60);
	readable();
	return fake.queues[0].pushed > before;
}

static void set_filter(uint8_t promiscuous, uint8_t all_multicast, const uint8_t *unicast, const uint8_t *multicast)
{
	uint8_t table[20] = {0};
	size_t size = 4;

	assert_int_equal(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &promiscuous, 1), VIRTIO_NET_OK);
	assert_int_equal(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, &all_multicast, 1), VIRTIO_NET_OK);
	if (unicast) {
		table[0] = 1;
		memcpy(table + 4, unicast, 6);
		size += 6;
	}
	if (multicast) {
		table[size] = 1;
		memcpy(table + size + 4, multicast, 6);
		size += 6;
	}
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table, size + 4), VIRTIO_NET_OK);
}

static void filters(void **state)
{
	realize();
	bind_driver(all_features());
	offer_receive(100, 1536, 1);
	class->notify(&nic, 0);
	assert_true(gets_through(other_mac)); /* told nothing yet */
	set_filter(0, 0, NULL, NULL);
	assert_true(gets_through(own_mac));
	assert_true(gets_through(broadcast));
	assert_false(gets_through(other_mac));
	assert_false(gets_through(group));
	set_filter(0, 0, other_mac, group);
	assert_true(gets_through(other_mac));
	assert_true(gets_through(group));
	set_filter(0, 1, NULL, NULL);
	assert_true(gets_through(group));
	assert_false(gets_through(other_mac));
	set_filter(1, 0, NULL, NULL);
	assert_true(gets_through(other_mac));
	set_filter(0, 0, NULL, NULL);
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other_mac, 6), VIRTIO_NET_OK);
	assert_memory_equal(fake.config, other_mac, 6);
	assert_true(gets_through(other_mac));
	assert_false(gets_through(own_mac));

	/* A reset brings the card's own address back. */
	class->quiesce(&nic, NULL);
	class->reset(&nic);
	assert_memory_equal(fake.config, own_mac, 6);
}

/* More addresses than are kept: all of their kind are let through. */
static void long_filter(void **state)
{
	uint8_t table[8 + (FILTER_MACS + 1) * 6] = {FILTER_MACS + 1};

	realize();
	bind_driver(all_features());
	offer_receive(20, 1536, 1);
	set_filter(0, 0, NULL, NULL);
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table, sizeof(table)),
			 VIRTIO_NET_OK);
	class->notify(&nic, 0);
	assert_true(gets_through(other_mac));
	assert_false(gets_through(group));
}

static void vlans(void **state)
{
	uint8_t frame[18] = {[12] = 0x81, [15] = 7};
	uint16_t seven = 7, beyond = 4096;

	realize();
	bind_driver(all_features());
	assert_int_equal(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &beyond, 2), VIRTIO_NET_ERR);
	assert_true(filter_wants(&nic.filter, true, own_mac, frame)); /* an earlier instance may know more */
	class->quiesce(&nic, NULL);
	class->reset(&nic);
	bind_driver(all_features());
	assert_false(filter_wants(&nic.filter, true, own_mac, frame));
	assert_true(filter_wants(&nic.filter, false, own_mac, frame));
	assert_int_equal(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &seven, 2), VIRTIO_NET_OK);
	assert_true(filter_wants(&nic.filter, true, own_mac, frame));
	assert_int_equal(command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, &seven, 2), VIRTIO_NET_OK);
	assert_false(filter_wants(&nic.filter, true, own_mac, frame));
}

static void offloads(void **state)
{
	uint64_t some = FEATURE(VIRTIO_NET_F_GUEST_CSUM) | FEATURE(VIRTIO_NET_F_GUEST_TSO4), none = 0,
		 foreign = FEATURE(VIRTIO_NET_F_GUEST_UFO), orphan = FEATURE(VIRTIO_NET_F_GUEST_TSO4);

	realize();
	bind_driver(all_features());
	assert_int_equal(netdev.offloads, MORTISE_NET_CSUM | MORTISE_NET_TSO4 | MORTISE_NET_TSO6 | MORTISE_NET_ECN);
	assert_int_equal(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &some, 8), VIRTIO_NET_OK);
	assert_int_equal(netdev.offloads, MORTISE_NET_CSUM | MORTISE_NET_TSO4);
	assert_int_equal(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &foreign, 8), VIRTIO_NET_ERR);
	assert_int_equal(netdev.offloads, MORTISE_NET_CSUM | MORTISE_NET_TSO4);
	assert_int_equal(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &orphan, 8), VIRTIO_NET_OK);
	assert_int_equal(netdev.offloads, 0); /* segments without checksums make no sense */
	assert_int_equal(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &none, 8), VIRTIO_NET_OK);
	assert_int_equal(netdev.offloads, 0);
}

static void hostile_commands(void **state)
{
	uint8_t data[64] = {0};
	struct fake_chain *chain;

	realize();
	bind_driver(all_features());
	for (unsigned kind = 0; kind < 8; kind++)
		for (uint8_t size = 0; size < 3; size++)
			if (!(kind == VIRTIO_NET_CTRL_RX && size == 1) && kind != VIRTIO_NET_CTRL_ANNOUNCE &&
			    !(kind == VIRTIO_NET_CTRL_VLAN && size == 2))
				assert_int_equal(command((uint8_t)kind, 0, data, size), VIRTIO_NET_ERR);
	assert_int_equal(command(VIRTIO_NET_CTRL_RX, 99, data, 1), VIRTIO_NET_ERR);

	/* Tables that say they are longer than they are, or are shorter. */
	memset(data, 0xff, 4);
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, 0, data, 14), VIRTIO_NET_ERR);
	memset(data, 0, 4);
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, 0, data, 9), VIRTIO_NET_ERR);
	data[4] = 200;
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, 0, data, 20), VIRTIO_NET_ERR);
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, 1, group, 6), VIRTIO_NET_ERR);
	assert_memory_equal(fake.config, own_mac, 6);

	/* No room for an answer, and no command at all. */
	chain = fake_offer(CONTROL, data, 3, 0, 1);
	class->notify(&nic, CONTROL);
	assert_true(chain->pushed);
	assert_int_equal(chain->written, 0);
	chain = fake_offer(CONTROL, NULL, 0, 1, 1);
	class->notify(&nic, CONTROL);
	assert_int_equal(chain->memory[0], VIRTIO_NET_ERR);
}

/* Not negotiated, not obeyed. */
static void unnegotiated(void **state)
{
	uint8_t on = 1;

	realize();
	bind_driver(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_NET_F_CTRL_VQ));
	assert_int_equal(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_ERR);
	assert_int_equal(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other_mac, 6), VIRTIO_NET_ERR);
	assert_int_equal(command(VIRTIO_NET_CTRL_ANNOUNCE, 0, &on, 0), VIRTIO_NET_ERR);
	assert_int_equal(netdev.offloads, 0);
}

static void queue_pairs(void **state)
{
	uint16_t pairs;

	netdev.pairs_most = 3;
	realize();
	bind_driver(all_features());
	assert_int_equal(netdev.pairs, 1);
	pairs = 3;
	assert_int_equal(command_at(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2), VIRTIO_NET_OK);
	assert_int_equal(netdev.pairs, 3);
	for (pairs = 0; pairs < 5; pairs += 4)
		assert_int_equal(command_at(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
				 VIRTIO_NET_ERR);
	assert_int_equal(netdev.pairs, 3);
	fake_offer(2, NULL, 0, 1536, 1);
	class->notify(&nic, 2);
	assert_int_equal(netdev.wishes[1], MORTISE_NET_READABLE);
	pairs = 1;
	assert_int_equal(command_at(6, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2), VIRTIO_NET_OK);
	assert_int_equal(netdev.wishes[1], 0);
	class->notify(&nic, 2);
	assert_int_equal(netdev.pairs, 1);
}

/* A card with three pairs behind a driver that a card with two had told of its two: it tells no more. */
static void other_pairs(void **state)
{
	const uint8_t frame[100] = {0};
	uint8_t on = 1;

	netdev.pairs_most = 3;
	realize();
	bind_driver(all_features());
	fake_offer(0, NULL, 0, 1536, 1);
	fake_offer(2, NULL, 0, 1536, 1);
	for (uint32_t queue = 0; queue < 5; queue++)
		class->notify(&nic, queue);
	assert_int_equal(netdev.pairs, 2);
	assert_int_equal(netdev.wishes[1], MORTISE_NET_READABLE);
	assert_int_equal(command_at(4, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK);
	netdev.send_result = -EAGAIN;
	fake_offer(5, frame, sizeof(frame), 0, 1);
	class->notify(&nic, 5);
	assert_int_equal(netdev.wishes[0], MORTISE_NET_READABLE | MORTISE_NET_WRITABLE);
	netdev.send_result = 0;
	class->net_ready(&nic, &netdev, 0, MORTISE_NET_WRITABLE);
	assert_int_equal(netdev.sent_count, 1);
	assert_int_equal(netdev.wishes[0], MORTISE_NET_READABLE);
}

/* --- to another instance --- */

static void hand_over(void **state)
{
	uint64_t some = FEATURE(VIRTIO_NET_F_GUEST_CSUM);
	uint8_t saved[4096];
	struct mortise_error err = {0};
	struct nic old;
	int64_t size;

	realize();
	bind_driver(all_features());
	offer_receive(10, 1536, 1);
	set_filter(0, 0, NULL, group);
	assert_int_equal(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &some, 8), VIRTIO_NET_OK);
	assert_int_equal(class->quiesce(&nic, NULL), 0);
	assert_int_equal(class->save(&nic, saved, 1), -ENOSPC);
	size = class->save(&nic, saved, sizeof(saved));
	assert_true(size > 0);
	old = nic;

	memset(&nic, 0, sizeof(nic));
	nic.netdev = &netdev;
	memcpy(nic.mac, own_mac, sizeof(own_mac));
	realize();
	class->unrealize(&old);
	assert_int_equal(class->restore(&nic, saved, (uint64_t)size - 1, &err), -EINVAL);
	saved[0]++;
	assert_int_equal(class->restore(&nic, saved, (uint64_t)size, &err), -EINVAL);
	assert_names(&err, "version");
	saved[0]--;
	assert_int_equal(class->restore(&nic, saved, (uint64_t)size, &err), 0);
	bind_driver(all_features());
	assert_int_equal(netdev.offloads, MORTISE_NET_CSUM);
	assert_int_equal(fake.config[6], VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	assert_int_equal(command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, saved, 0), VIRTIO_NET_OK);
	assert_int_equal(fake.config[6], VIRTIO_NET_S_LINK_UP);
	class->notify(&nic, 0);
	assert_true(gets_through(group));
	assert_false(gets_through(other_mac));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config),
		TEST(config_options),
		TEST(receive_one_buffer),
		TEST(receive_merged),
		TEST(receive_odd_buffers),
		TEST(receive_starved),
		TEST(receive_unmerged),
		TEST(receive_hostile),
		TEST(quiesce),
		TEST(transmit),
		TEST(transmit_budget),
		TEST(filters),
		TEST(long_filter),
		TEST(vlans),
		TEST(offloads),
		TEST(hostile_commands),
		TEST(unnegotiated),
		TEST(queue_pairs),
		TEST(other_pairs),
		TEST(hand_over),
	};

	return cmocka_run_group_tests_name("virtio-net", tests, NULL, NULL);
}
