/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/place.c - where a device goes: a slot of the machine, or another device.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vm/hotplug.h"
#include "vm/plugged.h"

struct plugged *plugged_find(struct vm *vm, const char *id)
{
	for (struct plugged *plugged = vm->hotplug->first; plugged; plugged = plugged->next)
		if (streq(plugged->id, id))
			return plugged;
	return NULL;
}

/* --- a slot --- */

static struct plugged *find_at(struct vm *vm, const struct bay *bay, unsigned addr)
{
	for (struct plugged *plugged = vm->hotplug->first; plugged; plugged = plugged->next)
		if (plugged->bay == bay && plugged->addr == addr)
			return plugged;
	return NULL;
}

/* addr (string or number) wins over lun, which counts from addr 1. 0 and UINT64_MAX when neither is given. */
static int parse_addr(struct options *options, uint64_t *addr, struct mortise_error *err)
{
	const struct option *option = options_find(options, "addr");
	uint64_t lun;
	int r;

	*addr = UINT64_MAX;
	r = options_u64_text(options, "lun", &lun, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && lun >= UINT32_MAX)
		return mortise_fail(err, -ERANGE, "Parameter 'lun' is out of range: %" PRIu64, lun);
	if (r == 0)
		*addr = lun + 1;
	if (!option)
		return 0;
	r = options_u64_text(options, "addr", addr, err);
	if (r < 0)
		return r;
	if (*addr >= UINT32_MAX)
		return mortise_fail(err, -ERANGE, "Parameter 'addr' is out of range: '%s'", option->value);
	return 0;
}

static int choose_slot(struct plugged *plugged, struct options *options, struct mortise_error *err)
{
	struct vm *vm = plugged->vm;
	struct bay *bay = bus_bay(&vm->machine->bus, plugged->class->virtio_id);
	struct plugged *other;
	uint64_t addr;
	int r = parse_addr(options, &addr, err);

	if (r < 0)
		return r;
	if (!bay || !bay->count)
		return mortise_fail(err, -ENOSPC, "The machine has no slot for a device of driver '%s'",
				    plugged->class->driver);
	if (addr == UINT64_MAX)
		for (addr = 0; addr < bay->count && find_at(vm, bay, (unsigned)addr);)
			addr++;
	else if (addr >= bay->count)
		return mortise_fail(err, -ERANGE,
				    "Parameter 'addr' of device '%s' is %" PRIu64 " (0x%" PRIx64
				    "); the slots for a %s are 0x0 to 0x%x",
				    plugged->id, addr, addr, bay->noun, bay->count - 1);
	if (addr == bay->count)
		return mortise_fail(err, -ENOSPC,
				    "All %u slots for a %s are occupied; remove one with device_del first", bay->count,
				    bay->noun);
	other = find_at(vm, bay, (unsigned)addr);
	if (other)
		return mortise_fail(err, -EBUSY, "The slot %" PRIu64 " for a %s is occupied already, by device '%s'",
				    addr, bay->noun, other->id);
	plugged->bay = bay;
	plugged->addr = (unsigned)addr;
	return 0;
}

static bool has_property(const struct mortise_class *class, const char *name)
{
	const struct mortise_property *property = class->properties;

	while (property && property->name && !streq(property->name, name))
		property++;
	return property && property->name;
}

/* A NIC has its slot's address, unless another is given while no driver has read that one yet. */
static int choose_mac(struct plugged *plugged, struct options *options, struct mortise_error *err)
{
	const struct option *option = options_find(options, "mac");
	uint8_t mac[6], given[6];
	char text[18];
	bool learnt;

	if (!slot_mac(plugged_slot(plugged), mac, &learnt) || !has_property(plugged->class, "mac"))
		return 0;
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (!option)
		return options_add(options, "mac", text, OPTION_STRING, err);
	if (learnt && parse_mac(option->value, given) == 0 && memcmp(mac, given, sizeof(mac)) != 0)
		return mortise_fail(
			err, -EBUSY,
			"Device '%s' cannot have mac=%s: the guest's driver has read the address of slot 0x%x, "
			"%s, and will not look again; leave 'mac' out, or set it with -machine ...,mac%u=",
			plugged->id, option->value, plugged->addr, text, plugged->addr);
	return 0;
}

/* --- another device --- */

unsigned plugged_children(const struct plugged *plugged)
{
	unsigned count = 0;

	for (const struct plugged *other = plugged->vm->hotplug->first; other; other = other->next)
		count += other->parent == plugged;
	return count;
}

static bool is_parent(const struct plugged *plugged, const struct plugged *of)
{
	return plugged->step == PRESENT && streq(plugged->class->driver, of->class->parent);
}

/* The device that `bus` means: by its id, or as QEMU calls the one bus that such a device has, ID.0. */
static struct plugged *find_bus(struct vm *vm, const char *bus)
{
	struct plugged *plugged = plugged_find(vm, bus);
	const size_t length = strlen(bus);

	if (plugged || length < 2 || !streq(bus + length - 2, ".0"))
		return plugged;
	for (plugged = vm->hotplug->first; plugged; plugged = plugged->next)
		if (strlen(plugged->id) == length - 2 && strncmp(plugged->id, bus, length - 2) == 0)
			break;
	return plugged;
}

/* The one that is named, else the first that has room. */
static int choose_parent(struct plugged *plugged, struct options *options, struct mortise_error *err)
{
	struct vm *vm = plugged->vm;
	const char *driver = plugged->class->driver, *bus;
	struct plugged *parent;
	int r = options_string(options, "bus", &bus, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		parent = find_bus(vm, bus);
		if (!parent || !is_parent(parent, plugged))
			return mortise_fail(err, -ENOENT, "Bus '%s' not found: there is no device '%s' of driver '%s'",
					    bus, bus, plugged->class->parent);
	} else {
		parent = vm->hotplug->first;
		while (parent &&
		       !(is_parent(parent, plugged) && plugged_children(parent) < parent->class->children_max))
			parent = parent->next;
	}
	if (!parent)
		return mortise_fail(err, -ENOENT, "A %s needs a device of driver '%s' with room for it: plug one first",
				    driver, plugged->class->parent);
	if (plugged_children(parent) >= parent->class->children_max)
		return mortise_fail(err, -ENOSPC, "Device '%s' has no room for a %s: it takes %" PRIu32 " at most",
				    parent->id, driver, parent->class->children_max);
	plugged->parent = parent;
	return 0;
}

int place_choose(struct plugged *plugged, struct options *options, struct mortise_error *err)
{
	int r;

	if (plugged->class->parent)
		return choose_parent(plugged, options, err);
	r = choose_slot(plugged, options, err);
	return r < 0 ? r : choose_mac(plugged, options, err);
}
