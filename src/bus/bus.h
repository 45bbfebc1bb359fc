/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/bus.h - a machine's slots, in bays: numbered runs of slots for one kind of device.
 *
 * Built by the machine, fixed afterwards. Control thread only.
 */
#pragma once

#include "bus/slot.h"

struct bay {
	const char *name;   /* "blk", "net", "any" */
	const char *noun;   /* "disk", "NIC", "device": for messages */
	uint32_t virtio_id; /* 0: any type that no other bay takes */
	unsigned count;
	struct slot **slots; /* by addr */
};

struct bus {
	unsigned bay_count;
	struct bay bays[4];
	struct loop *empties;
};

/* The bay for devices of a virtio type; the one for any type where none is reserved. NULL: the machine has none. */
struct bay *bus_bay(struct bus *bus, uint32_t virtio_id);

/* Frees slots and the empties' thread. */
void bus_done(struct bus *bus);
