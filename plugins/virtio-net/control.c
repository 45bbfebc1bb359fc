/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - the control queue: what the driver sets while the card runs (5.1.6.5).
 *
 * A command is a class, a number and data to read, and a byte to write the answer to. A command for what was not
 * negotiated, or whose data are not as they should be, is refused and changes nothing.
 */
#include "virtio-net.h"

#include <string.h>

/* What is left of a command's data. */
struct data {
	struct iovec *iov;
	uint32_t count;
	uint64_t size;
};

static bool take(struct data *data, void *to, uint64_t size)
{
	if (data->size < size)
		return false;
	data->size -= mortise_iov_take(&data->iov, &data->count, to, size);
	return true;
}

static bool take_all(struct data *data, void *to, uint64_t size)
{
	return data->size == size && take(data, to, size);
}

static bool set_receive_mode(struct nic *nic, uint8_t number, struct data *data)
{
	uint8_t on;

	if (!negotiated(nic, VIRTIO_NET_F_CTRL_RX) || !take_all(data, &on, sizeof(on)))
		return false;
	switch (number) {
	case VIRTIO_NET_CTRL_RX_PROMISC:
		nic->filter.promiscuous = on != 0;
		nic->filter.known |= FILTER_PROMISCUOUS;
		return true;
	case VIRTIO_NET_CTRL_RX_ALLMULTI:
		nic->filter.all_multicast = on != 0;
		nic->filter.known |= FILTER_ALL_MULTICAST;
		return true;
	default:
		return false;
	}
}

/* One of the two lists of addresses. One that is too long for us lets everything of its kind through instead. */
static bool take_macs(struct filter *filter, struct data *data, uint32_t first, uint32_t *count, uint8_t *too_long)
{
	uint32_t entries;
	uint8_t mac[6];

	if (!take(data, &entries, sizeof(entries)) || entries > data->size / sizeof(mac))
		return false;
	*too_long = entries > FILTER_MACS - first;
	*count = *too_long ? 0 : entries;
	for (uint32_t i = 0; i < entries; i++) {
		take(data, mac, sizeof(mac));
		if (!*too_long)
			memcpy(filter->macs[first + i], mac, sizeof(mac));
	}
	return true;
}

static bool set_macs(struct nic *nic, struct data *data)
{
	struct filter filter = nic->filter;

	if (!negotiated(nic, VIRTIO_NET_F_CTRL_RX) ||
	    !take_macs(&filter, data, 0, &filter.unicast, &filter.long_unicast) ||
	    !take_macs(&filter, data, filter.unicast, &filter.multicast, &filter.long_multicast) || data->size)
		return false;
	filter.known |= FILTER_MACS_LISTED;
	nic->filter = filter;
	return true;
}

static bool set_mac(struct nic *nic, struct data *data)
{
	uint8_t mac[6];

	if (!negotiated(nic, VIRTIO_NET_F_CTRL_MAC_ADDR) || !take_all(data, mac, sizeof(mac)) || mac[0] & 1)
		return false;
	nic->host->write_config(nic->device, offsetof(struct virtio_net_config, mac), mac, sizeof(mac));
	return true;
}

static bool set_vlan(struct nic *nic, uint8_t number, struct data *data)
{
	uint16_t id;

	if (!negotiated(nic, VIRTIO_NET_F_CTRL_VLAN) || !take_all(data, &id, sizeof(id)) || id >= 4096)
		return false;
	switch (number) {
	case VIRTIO_NET_CTRL_VLAN_ADD:
		nic->filter.vlans[id / 64] |= UINT64_C(1) << id % 64;
		return true;
	case VIRTIO_NET_CTRL_VLAN_DEL:
		nic->filter.vlans[id / 64] &= ~(UINT64_C(1) << id % 64);
		return true;
	default:
		return false;
	}
}

static bool announced(struct nic *nic)
{
	uint16_t status;

	if (!negotiated(nic, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return false;
	nic->host->read_config(nic->device, offsetof(struct virtio_net_config, status), &status, sizeof(status));
	status &= (uint16_t)~VIRTIO_NET_S_ANNOUNCE;
	nic->host->write_config(nic->device, offsetof(struct virtio_net_config, status), &status, sizeof(status));
	return true;
}

static bool set_pairs(struct nic *nic, struct data *data)
{
	uint16_t pairs;

	if (!negotiated(nic, VIRTIO_NET_F_MQ) || !take_all(data, &pairs, sizeof(pairs)) || !pairs ||
	    pairs > nic->pairs_most || nic->host->net_set_queues(nic->netdev, pairs) < 0)
		return false;
	nic->pairs = pairs;
	nic->pairs_told = true;
	kernel_restart(nic);
	for (uint32_t pair = 0; pair < PAIRS_MAX; pair++) {
		frames_receive(nic, pair);
		frames_transmit(nic, pair);
	}
	return true;
}

uint64_t control_offload_bits(void)
{
	return FEATURE(VIRTIO_NET_F_GUEST_CSUM) | FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6) |
	       FEATURE(VIRTIO_NET_F_GUEST_ECN) | FEATURE(NET_F_GUEST_USO4) | FEATURE(NET_F_GUEST_USO6);
}

void control_apply_offloads(struct nic *nic, uint64_t offloads)
{
	uint32_t wanted = 0;

	nic->offloads = offloads;
	if (offloads & FEATURE(VIRTIO_NET_F_GUEST_CSUM)) {
		wanted = MORTISE_NET_CSUM;
		wanted |= offloads & FEATURE(VIRTIO_NET_F_GUEST_TSO4) ? MORTISE_NET_TSO4 : 0;
		wanted |= offloads & FEATURE(VIRTIO_NET_F_GUEST_TSO6) ? MORTISE_NET_TSO6 : 0;
		wanted |= offloads & FEATURE(VIRTIO_NET_F_GUEST_ECN) ? MORTISE_NET_ECN : 0;
		wanted |= offloads & FEATURE(NET_F_GUEST_USO4) && offloads & FEATURE(NET_F_GUEST_USO6) ? MORTISE_NET_USO
												       : 0;
	}
	if (nic->host->net_set_offloads(nic->netdev, wanted, HEADER_SIZE) < 0)
		nic->host->log(nic->device, MORTISE_LOG_WARNING, "the netdev does not take the offloads 0x%x", wanted);
}

static bool set_offloads(struct nic *nic, struct data *data)
{
	uint64_t offloads;

	if (!negotiated(nic, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) || !take_all(data, &offloads, sizeof(offloads)) ||
	    offloads & ~(nic->features & control_offload_bits()))
		return false;
	control_apply_offloads(nic, offloads);
	return true;
}

static bool execute(struct nic *nic, struct data *data)
{
	struct virtio_net_ctrl_hdr header;

	if (!take(data, &header, sizeof(header)))
		return false;
	switch (header.class) {
	case VIRTIO_NET_CTRL_RX:
		return set_receive_mode(nic, header.cmd, data);
	case VIRTIO_NET_CTRL_MAC:
		return header.cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET  ? set_macs(nic, data)
		       : header.cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET ? set_mac(nic, data)
								    : false;
	case VIRTIO_NET_CTRL_VLAN:
		return set_vlan(nic, header.cmd, data);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return header.cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK && announced(nic);
	case VIRTIO_NET_CTRL_MQ:
		return header.cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && set_pairs(nic, data);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return header.cmd == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET && set_offloads(nic, data);
	default:
		return false;
	}
}

void control_notify(struct nic *nic, uint32_t queue)
{
	struct mortise_chain *chain;

	while ((chain = nic->host->queue_pop(nic->device, queue))) {
		struct data data = {.iov = chain->out, .count = chain->out_count, .size = chain->out_size};
		const virtio_net_ctrl_ack answer = execute(nic, &data) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;

		nic->host->queue_push(nic->device, chain,
				      mortise_iov_put(&chain->in, &chain->in_count, &answer, sizeof(answer)));
	}
}
