/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/plugged.h - the devices of a VM, for those who plug them (vm/hotplug.c) and who find them a place (vm/place.c).
 */
#pragma once

#include "vm/objects.h"

enum plugged_step { ADDING, PRESENT, REMOVING };

/* A device by its id. It holds its id and its place from the first check of device_add to the end of device_del. */
struct plugged {
	struct vm *vm;
	char *id;
	const struct mortise_class *class;
	struct bay *bay; /* NULL: no slot but `parent` */
	unsigned addr;
	struct plugged *parent;
	struct mortise_device *device;
	struct object *iothread; /* NULL: the device has a thread of its own */
	struct object *rng;	 /* NULL: it names none */
	enum plugged_step step;
	bool stuck;	     /* reported as not responding */
	bool moving;	     /* PRESENT, and its plugin is being upgraded: `device` is about to be another */
	struct reply work;   /* the step under way */
	struct reply *reply; /* whom to tell */
	int result;	     /* why adding failed, while it is being undone */
	struct mortise_error error;
	struct plugged *next;
};

struct hotplug {
	struct plugged *first;	   /* in the order of plugging */
	struct reply *all_removed; /* hotplug_remove_all() is under way */
};

static inline struct slot *plugged_slot(const struct plugged *plugged)
{
	return plugged->bay ? plugged->bay->slots[plugged->addr] : NULL;
}

/* NULL: there is none of that id. */
struct plugged *plugged_find(struct vm *vm, const char *id);

/* The set of devices, or what they are of, is another now: tells the observers. */
void plugged_changed(struct vm *vm);

/* Devices that were moving are at rest: who waits for that goes on. */
void plugged_rested(struct vm *vm);

/* What an instance reports, to the observers; `opaque` is its plugged. */
void plugged_hear(void *opaque, const struct mortise_event *event, const struct mortise_value *values);
void plugged_broke(void *opaque, const char *why);

/* How many devices are plugged into this one, or on their way. */
unsigned plugged_children(const struct plugged *plugged);

/*
 * Chooses where a device of `plugged->class` goes, by the keys addr, lun and bus: into a free slot (a NIC then gets the
 * slot's `mac` among the options), or into another device. A refusal names who is there.
 */
int place_choose(struct plugged *plugged, struct options *options, struct mortise_error *err);
