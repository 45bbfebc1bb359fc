/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - the machine that a plugin is checked in: guest memory, a slot, a control thread, backends and instances. No
 * vCPU and no guest: the phase's thread plays the driver.
 *
 * All of it is the core's own, but for the class and the services, which are the shim's. One in a process, for good.
 */
#pragma once

#include "backend/block.h"
#include "backend/char.h"
#include "backend/net.h"
#include "bus/slot.h"
#include "plugin/plugin.h"
#include "shim.h"
#include "subject.h"

#define RIG_RAM_BASE UINT64_C(0x80000000)
#define RIG_RAM_SIZE (UINT64_C(128) << 20)

/* Sets of backends, so that two instances can be there at a time. */
#define RIG_SETS 2

struct rig {
	const struct subject *subject;
	struct ram *ram;
	uint8_t *guest; /* the same memory, mapped for the driver */
	struct loop *control, *empties;
	struct slot *slot;
	struct plugins *plugins;
	const struct mortise_class *real, *class; /* the plugin's, the shim's */
	struct backends backends;
	struct mortise_device *parent; /* what instances are plugged into; NULL: the slot */
	int peers[RIG_SETS];	       /* sockets at the other ends of the netdevs */
	int terminals[RIG_SETS];       /* and of the chardevs */
};

/* Makes the machine and loads the plugin; false, and a finding, where that one does not work. */
bool rig_open(struct rig *rig, const struct subject *subject);

/*
 * An instance, REALIZED, with the set's backends and the subject's settings; `more` (NULL: none) takes precedence. The
 * outcome of that; `err` may be NULL.
 */
int rig_make(struct rig *rig, unsigned set, const struct setting *more, struct mortise_device **out,
	     struct mortise_error *err);

/* An instance as the settings have it, which must come to life; NULL: a finding. */
struct mortise_device *rig_device(struct rig *rig, unsigned set);

/* Unrealizes and frees. */
void rig_end(struct rig *rig, struct mortise_device *device);

/* The slot, synchronously. `device` NULL: empties it. */
int rig_exchange(struct rig *rig, struct mortise_device *device);
int rig_stop(struct rig *rig);
int rig_cont(struct rig *rig);
int rig_reset(struct rig *rig);

/* Runs on the instance's thread, among its callbacks, and waits for that. */
void rig_on_device(struct rig *rig, struct mortise_device *device, void (*run)(void *opaque), void *opaque);

/* Waits until the instance in the slot has looked at what it was told up to now. */
void rig_settle(struct rig *rig);

/* Nobody but the driver may touch guest memory; or everybody again. */
void rig_close_memory(struct rig *rig);
void rig_open_memory(struct rig *rig);

/*
 * Whatever is begun must end while the subject's patience lasts, or is a finding of `rule` and the end of the process:
 * of RULE_RETURNS where a callback does not return.
 */
void rig_expect(struct rig *rig, enum rule rule, const char *what);
void rig_expected(void);

/* Seconds of a clock that goes on. */
double now(void);
