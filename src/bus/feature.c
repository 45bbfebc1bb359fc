/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/feature.c - feature bits and their names, for messages.
 */
#include "bus/feature.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdio.h>

#include "base/util.h"

#define RING_FEATURES (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC | UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

const uint64_t features_of_ring = RING_FEATURES;
const uint64_t features_of_bus = RING_FEATURES | UINT64_C(1) << VIRTIO_F_VERSION_1;

static const struct feature_name {
	uint32_t virtio_id; /* 0: of any type */
	unsigned bit;
	const char *name;
} names[] = {
#define NAME(id, feature)             \
	{                             \
		id, feature, #feature \
	}
	NAME(0, VIRTIO_RING_F_INDIRECT_DESC),
	NAME(0, VIRTIO_RING_F_EVENT_IDX),
	NAME(0, VIRTIO_F_VERSION_1),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_SEG_MAX),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_RO),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_BLK_SIZE),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_FLUSH),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_TOPOLOGY),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_CONFIG_WCE),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_MQ),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_DISCARD),
	NAME(VIRTIO_ID_BLOCK, VIRTIO_BLK_F_WRITE_ZEROES),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_CSUM),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_CSUM),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_MTU),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_MAC),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_TSO4),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_TSO6),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_ECN),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_HOST_TSO4),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_HOST_TSO6),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_HOST_ECN),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_MRG_RXBUF),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_STATUS),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_CTRL_VQ),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_CTRL_RX),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_CTRL_VLAN),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_GUEST_ANNOUNCE),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_MQ),
	NAME(VIRTIO_ID_NET, VIRTIO_NET_F_CTRL_MAC_ADDR),
#undef NAME
};

static const char *name_of(uint32_t virtio_id, unsigned bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].bit == bit && (!names[i].virtio_id || names[i].virtio_id == virtio_id))
			return names[i].name;
	return "feature";
}

const char *feature_names(uint32_t virtio_id, uint64_t features, char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned bit = 0; bit < 64 && used < room; bit++) {
		int n;

		if (!(features >> bit & 1))
			continue;
		n = snprintf(text + used, room - used, "%s%s (%u)", used ? ", " : "", name_of(virtio_id, bit), bit);
		if (n < 0)
			break;
		used += (size_t)n;
	}
	return text;
}
