/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/hotplug.h - plug, unplug and exchange: the one way in which devices and backends come and go, for the command
 * line and QMP alike.
 *
 * Control thread. Each call checks everything it can before it changes anything; a refused call leaves no slot, no
 * name and no open file behind.
 */
#pragma once

#include "vm/vm.h"

int hotplug_new(struct vm *vm, struct mortise_error *err);
void hotplug_free(struct vm *vm); /* all devices are unplugged */

/*
 * Plugs a device. Keys taken here: driver, id, iothread, rng, addr (string, hex or decimal) or lun (a number; addr is
 * lun + 1), romfile (empty only); all others are the class's properties. Without addr the first free slot of the bay.
 * What is plugged into another device takes bus (that device's id, or ID.0) in place of addr, lun and iothread; without
 * it the first such device with room. Consumes `options`. The reply comes when the guest has been told.
 */
void hotplug_device_add(struct vm *vm, struct options *options, struct reply *reply);

/*
 * Unplugs: what is in flight is finished, the guest sees an empty slot, DEVICE_DELETED is reported, then the reply
 * comes. Devices that are plugged into it go before it, each with its event. A backend that shares the device's name
 * goes along. -ENODEV: "Device 'x' not found".
 */
void hotplug_device_del(struct vm *vm, const char *id, struct reply *reply);

/* Backends. `options` are consumed. */
void hotplug_blockdev_add(struct vm *vm, struct options *options, struct reply *reply);
void hotplug_blockdev_del(struct vm *vm, const char *node_name, struct reply *reply);
void hotplug_netdev_add(struct vm *vm, struct options *options, struct reply *reply);
void hotplug_netdev_del(struct vm *vm, const char *id, struct reply *reply);

/* A plugged device, for queries. */
struct hotplug_device {
	const char *id, *driver;
	const char *bay, *parent; /* either is NULL: it is in a slot, or plugged into the device of that id */
	unsigned addr;
	struct slot *slot; /* NULL: in none */
	struct mortise_device *device;
};

/* Calls `visit` for each plugged device, in the order of plugging. */
void hotplug_each(struct vm *vm, void (*visit)(void *opaque, const struct hotplug_device *device), void *opaque);

/* False when there is none of that id. */
bool hotplug_find(struct vm *vm, const char *id, struct hotplug_device *out);

/* Unplugs everything, without events: the end of the VM. */
void hotplug_remove_all(struct vm *vm, struct reply *reply);
