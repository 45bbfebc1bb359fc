/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - which received frames the driver wants; the others are not worth its time.
 */
#include "virtio-net.h"

#include <string.h>

void filter_reset(struct filter *filter)
{
	/* Until the driver says otherwise it gets every frame, but no VLAN's. */
	*filter = (struct filter){.known = FILTER_ADDRESSES | FILTER_VLANS, .promiscuous = true};
}

static bool listed(const struct filter *filter, uint32_t first, uint32_t count, const uint8_t *mac)
{
	for (uint32_t i = first; i < first + count; i++)
		if (!memcmp(filter->macs[i], mac, sizeof(filter->macs[i])))
			return true;
	return false;
}

bool filter_wants(const struct filter *filter, bool vlans, const uint8_t *mac, const uint8_t *frame)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (vlans && filter->known & FILTER_VLANS && frame[12] == 0x81 && frame[13] == 0x00) {
		const unsigned id = ((unsigned)frame[14] << 8 | frame[15]) & 0xfff;

		if (!(filter->vlans[id / 64] >> id % 64 & 1))
			return false;
	}
	if (filter->promiscuous || (filter->known & FILTER_ADDRESSES) != FILTER_ADDRESSES ||
	    !memcmp(frame, broadcast, sizeof(broadcast)))
		return true;
	if (frame[0] & 1)
		return filter->all_multicast || filter->long_multicast ||
		       listed(filter, filter->unicast, filter->multicast, frame);
	return filter->long_unicast || !memcmp(frame, mac, 6) || listed(filter, 0, filter->unicast, frame);
}
