/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/slot.h - a virtio-mmio window with its interrupt, and whatever instance is behind it.
 *
 * The transport (device status, negotiated features, queue addresses, interrupt status, config generation; virtio 1.2,
 * 4.2) belongs to the slot and stays when the instance behind it is exchanged. Registers are guarded by the slot's
 * lock and served on vCPU threads; a register write that needs the instance (DRIVER_OK, reset, a configuration write)
 * makes that vCPU wait, without a lock, until it was done. Transitions (those, and the calls below) are carried out
 * one after the other in the order of their arrival; the control thread drives them and never waits.
 */
#pragma once

#include "base/doorbell.h"
#include "base/irq.h"
#include "base/loop.h"
#include "base/mmio.h"
#include "base/ram.h"
#include "base/reply.h"
#include "bus/device.h"

#define SLOT_MMIO_SIZE 0x200

struct slot_config {
	const char *name;   /* "blk.0"; copied; for the log */
	uint32_t virtio_id; /* of the slot's bay: 1 net, 2 block; 0: any type */
	struct irq_line irq;
	/*
	 * High while something is in the slot, for a guest that looks for devices when told to: such a slot is empty
	 * until the first device is plugged, and again once the last one's driver is gone. set NULL: the guest looks
	 * but at its start, and a slot of a type has an empty instance from then on.
	 */
	struct irq_line presence;
	struct doorbell doorbell; /* its QueueNotify register; zeroed: none */
	const struct ram *ram;
	struct loop *control;
	struct loop *empties; /* the I/O thread that all empty instances share */
	uint8_t mac[6];	      /* virtio_id 1: the slot's stable address */
};

struct slot;

/* Makes a slot, with its empty instance realized and behind it where the bay's type has one. */
int slot_new(struct slot **out, const struct slot_config *config, struct mortise_error *err);
struct slot *slot_free(struct slot *slot); /* vCPUs and threads of instances have ended or are idle */
DEFINE_CLEANUP(struct slot *, slot_free)

/* The window's registers, for the MMIO map; `opaque` is the slot. */
extern const struct mmio_ops slot_mmio_ops;

/* The driver has made chains available on a queue; what QueueNotify does. Any thread. */
void slot_kick(struct slot *slot, uint32_t queue);

/*
 * Whether `device` (REALIZED) can be put behind the slot's transport as it is now: the type fits, and it offers every
 * feature that the guest's driver has negotiated and every queue that it has set up. The message says what is amiss.
 */
int slot_accepts(struct slot *slot, struct mortise_device *device, struct mortise_error *err);

/*
 * Exchanges what is behind the slot: quiesces the present instance (all that is in flight gets done first), puts
 * `device` there (NULL: the empty instance), activates it if the driver is running, and raises a config-change
 * interrupt. Fails, with the present instance back in service, when that does not quiesce or is memory that the driver
 * uses, when `device` does not fit or when its activate() fails. Afterwards the old instance is QUIESCED or REALIZED
 * and belongs to the caller again.
 */
void slot_exchange(struct slot *slot, struct mortise_device *device, struct reply *reply);

/* The VM ends: what is in the slot may go even where the driver could not do without. Control thread. */
void slot_end(struct slot *slot);

/* The plugged instance; NULL when empty. Control thread. */
struct mortise_device *slot_device(const struct slot *slot);

/* VM stop and cont: no guest memory is touched and no interrupt raised in between. vCPUs are paused. */
void slot_stop(struct slot *slot, struct reply *reply);
void slot_cont(struct slot *slot, struct reply *reply);

/* The machine is reset: as if the driver had written 0 to the status register. vCPUs are paused. */
void slot_reset(struct slot *slot, struct reply *reply);

/*
 * The address that a NIC in this slot is known by; false where it is no slot of NICs. `learnt`: a driver is bound,
 * which reads it but once.
 */
bool slot_mac(struct slot *slot, uint8_t mac[6], bool *learnt);

/* What the guest's driver has done so far, for queries. */
struct slot_info {
	uint32_t status;	    /* the device status register */
	uint64_t features;	    /* negotiated */
	uint64_t interrupts, kicks; /* counted since the start */
};
void slot_info(struct slot *slot, struct slot_info *info);
