/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/slots.c - the slots of a board, in their bays.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_mmio.h>

#include "base/util.h"
#include "machine/machine.h"

#define VIRTIO_ID_NET 1
#define VIRTIO_ID_BLOCK 2

/*
 * The slots' own addresses: locally administered, the same at each start of a VM of the same name, others for others
 * on the same network (FNV-1a).
 */
static void default_macs(struct machine_slots *slots, const char *identity)
{
	uint32_t hash = UINT32_C(2166136261);

	for (const char *p = identity ? identity : ""; *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT32_C(16777619);
	for (unsigned i = 0; i < MACHINE_NICS_MAX; i++) {
		const uint8_t mac[6] = {0x52,
					0x54,
					0x00,
					(uint8_t)(hash >> 16),
					(uint8_t)(hash >> 8),
					(uint8_t)(hash * MACHINE_NICS_MAX + i)};

		memcpy(slots->macs[i], mac, sizeof(mac));
	}
}

static int parse_count(struct options *options, const char *key, unsigned most, unsigned *out,
		       struct mortise_error *err)
{
	uint64_t value;
	int r = options_u64(options, key, &value, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (value > most)
		return mortise_fail(err, -ERANGE, "Parameter '%s' is %" PRIu64 "; the most is %u", key, value, most);
	*out = (unsigned)value;
	return 0;
}

static int parse_macs(struct options *options, struct machine_slots *slots, struct mortise_error *err)
{
	for (unsigned i = 0; i < slots->net; i++) {
		const char *text;
		char key[16];
		int r;

		snprintf(key, sizeof(key), "mac%u", i);
		r = options_string(options, key, &text, err);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		r = parse_mac(text, slots->macs[i]);
		if (r < 0)
			return mortise_fail(
				err, r, "Parameter '%s' expects a unicast MAC address like 52:54:00:12:34:56, not '%s'",
				key, text);
	}
	return 0;
}

int machine_slots_parse(struct machine_slots *slots, const struct machine_config *config, struct mortise_error *err)
{
	struct options *options = config->options;
	int r;

	*slots = (struct machine_slots){.blk = 6, .net = 2, .any = 16};
	default_macs(slots, config->identity);
	if (!options)
		return 0;
	r = parse_count(options, "blk-slots", MACHINE_SLOTS_MAX, &slots->blk, err);
	if (r == 0)
		r = parse_count(options, "net-slots", MACHINE_NICS_MAX, &slots->net, err);
	if (r == 0)
		r = parse_count(options, "any-slots", MACHINE_SLOTS_MAX, &slots->any, err);
	if (r == 0)
		r = parse_macs(options, slots, err);
	if (r == 0 && slots->blk + slots->net + slots->any > MACHINE_SLOTS_MAX)
		r = mortise_fail(err, -ERANGE, "blk-slots, net-slots and any-slots are %u together; the most is %u",
				 slots->blk + slots->net + slots->any, MACHINE_SLOTS_MAX);
	return r;
}

/* The doorbell of the n-th slot. */
static int tie_notify(void *controller, unsigned n, uint32_t value, int event_fd, bool attach)
{
	const struct machine *machine = controller;
	const uint64_t at = machine->slot_base + n * machine->slot_stride + VIRTIO_MMIO_QUEUE_NOTIFY;

	if (!machine->accel || !machine->accel->notify_fd)
		return -ENOTSUP;
	return machine->accel->notify_fd(machine->accel, at, sizeof(value), value, event_fd, attach, NULL);
}

int machine_slots_make(struct machine *machine, const struct machine_config *config, const struct machine_slots *slots,
		       const struct machine_slots_place *place, struct mortise_error *err)
{
	const struct bay bays[] = {
		{.name = "blk", .noun = "disk", .virtio_id = VIRTIO_ID_BLOCK, .count = slots->blk},
		{.name = "net", .noun = "NIC", .virtio_id = VIRTIO_ID_NET, .count = slots->net},
		{.name = "any", .noun = "device", .virtio_id = 0, .count = slots->any},
	};
	struct bus *bus = &machine->bus;
	unsigned n = 0;
	int r;

	r = loop_new(&bus->empties, err);
	if (r == 0)
		r = loop_start(bus->empties, "empty slots", err);
	if (r < 0)
		return r;
	machine->slot_base = place->base;
	machine->slot_stride = place->stride;
	for (size_t b = 0; b < ARRAY_SIZE(bays); b++) {
		struct bay *bay = &bus->bays[bus->bay_count++];

		*bay = bays[b];
		bay->slots = calloc(bay->count ? bay->count : 1, sizeof(bay->slots[0]));
		if (!bay->slots)
			return mortise_fail(err, -ENOMEM, "Out of memory for the slots of bay '%s'", bay->name);
		for (unsigned i = 0; i < bay->count; i++, n++) {
			struct slot_config slot = {.virtio_id = bay->virtio_id,
						   .irq = place->irq(place->opaque, n),
						   .doorbell = {.tie = tie_notify, .controller = machine, .number = n},
						   .ram = machine->ram,
						   .control = config->control,
						   .empties = bus->empties};
			struct mmio_region region = {
				.base = place->base + n * place->stride, .size = SLOT_MMIO_SIZE, .ops = &slot_mmio_ops};
			char name[16];

			snprintf(name, sizeof(name), "%s.%u", bay->name, i);
			slot.name = name;
			if (place->presence)
				slot.presence = place->presence(place->opaque, n);
			if (bay->virtio_id == VIRTIO_ID_NET)
				memcpy(slot.mac, slots->macs[i], sizeof(slot.mac));
			r = slot_new(&bay->slots[i], &slot, err);
			if (r < 0)
				return r;
			region.name = "virtio-mmio";
			region.opaque = bay->slots[i];
			r = mmio_add(&machine->mmio, &region, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
