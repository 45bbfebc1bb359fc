/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/empty.h - empty instances: what is behind a slot while nothing is plugged, as a card reader is there before the
 * card.
 *
 * A driver negotiates with the empty instance at boot and later gets, behind the same transport, whatever is plugged.
 * The features and the limits in configuration space below are therefore those of the real devices, which are checked
 * against them by a unit test.
 */
#pragma once

#include <stdint.h>

#include "bus/device.h"

/* Descriptors in each queue of an empty instance. */
#define EMPTY_QUEUE_SIZE 256

/* A disk of zero sectors. */
#define EMPTY_BLK_FEATURES                                                                                         \
	(UINT64_C(1) << 2 /* SEG_MAX */ | UINT64_C(1) << 6 /* BLK_SIZE */ | UINT64_C(1) << 9 /* FLUSH */ |         \
	 UINT64_C(1) << 10 /* TOPOLOGY */ | UINT64_C(1) << 11 /* CONFIG_WCE */ | UINT64_C(1) << 13 /* DISCARD */ | \
	 UINT64_C(1) << 14 /* WRITE_ZEROES */)
#define EMPTY_BLK_SEG_MAX (EMPTY_QUEUE_SIZE - 2)
#define EMPTY_BLK_RANGES_MAX 16			/* in one DISCARD or WRITE_ZEROES request */
#define EMPTY_BLK_RANGE_MAX (UINT32_C(1) << 22) /* sectors in one discard or write-zeroes segment: 2 GiB */

/* A NIC without carrier. */
#define EMPTY_NET_FEATURES                                                                                             \
	(UINT64_C(1) << 0 /* CSUM */ | UINT64_C(1) << 1 /* GUEST_CSUM */ |                                             \
	 UINT64_C(1) << 2 /* CTRL_GUEST_OFFLOADS */ | UINT64_C(1) << 5 /* MAC */ | UINT64_C(1) << 7 /* GUEST_TSO4 */ | \
	 UINT64_C(1) << 8 /* GUEST_TSO6 */ | UINT64_C(1) << 9 /* GUEST_ECN */ | UINT64_C(1) << 11 /* HOST_TSO4 */ |    \
	 UINT64_C(1) << 12 /* HOST_TSO6 */ | UINT64_C(1) << 13 /* HOST_ECN */ | UINT64_C(1) << 15 /* MRG_RXBUF */ |    \
	 UINT64_C(1) << 16 /* STATUS */ | UINT64_C(1) << 17 /* CTRL_VQ */ | UINT64_C(1) << 18 /* CTRL_RX */ |          \
	 UINT64_C(1) << 19 /* CTRL_VLAN */ | UINT64_C(1) << 21 /* GUEST_ANNOUNCE */ |                                  \
	 UINT64_C(1) << 23 /* CTRL_MAC_ADDR */)

/* For bay types: an empty instance, REALIZED. `mac` is a NIC's address. -EINVAL: the type has none. */
int empty_new(struct mortise_device **out, uint32_t virtio_id, const uint8_t mac[6], struct loop *control,
	      struct loop *loop, struct mortise_error *err);

/* For any type: takes over from `from`, looks like it, and lets requests lie, REALIZED. */
int empty_stand_in_new(struct mortise_device **out, struct mortise_device *from, struct loop *control,
		       struct loop *loop, struct mortise_error *err);

/* Their classes, in a file each. Both instances begin with a struct empty; they call the bus's services directly. */
struct empty {
	struct mortise_device *device; /* set in realize() */
	uint8_t mac[6];
};
extern const struct mortise_class empty_blk_class, empty_net_class;
