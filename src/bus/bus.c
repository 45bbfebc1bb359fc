/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/bus.c - a machine's slots, in bays.
 */
#include "bus/bus.h"

struct bay *bus_bay(struct bus *bus, uint32_t virtio_id)
{
	struct bay *any = NULL;

	for (unsigned i = 0; i < bus->bay_count; i++) {
		if (bus->bays[i].virtio_id == virtio_id)
			return &bus->bays[i];
		if (!bus->bays[i].virtio_id)
			any = &bus->bays[i];
	}
	return any;
}

void bus_done(struct bus *bus)
{
	/* First the thread, so that nothing is under way in the instances that go with the slots. */
	bus->empties = loop_free(bus->empties);
	for (unsigned i = 0; i < bus->bay_count; i++) {
		for (unsigned n = 0; bus->bays[i].slots && n < bus->bays[i].count; n++)
			slot_free(bus->bays[i].slots[n]);
		free(bus->bays[i].slots);
		bus->bays[i].slots = NULL;
	}
	bus->bay_count = 0;
}
