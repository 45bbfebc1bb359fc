/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/exchange.c - the one mechanism behind plugging, unplugging and replacing: the instance behind a live transport is
 * quiesced, taken out, and another put in its place.
 */
#include <errno.h>
#include <linux/virtio_config.h>

#include "base/util.h"
#include "bus/empty.h"
#include "bus/transition.h"

static void discarded(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot *slot = transition->slot;

	slot->stand_in = device_free(slot->stand_in);
	transition_finish(transition, 0);
}

/* Outgoing, if it is our own: the empty instance is made ready for its next turn, a stand-in ends. */
static void left(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot *slot = transition->slot;

	if (transition->outgoing == slot->empty && slot->empty->state == DEVICE_QUIESCED)
		device_reset(slot->empty, transition_step(transition, transition_done));
	else if (transition->outgoing == slot->stand_in)
		device_unrealize(slot->stand_in, transition_step(transition, discarded));
	else
		transition_finish(transition, 0);
}

static void swap(struct transition *transition, struct mortise_device *incoming)
{
	struct slot *slot = transition->slot;

	slot->behind = incoming;
	slot->plugged = transition->device;
	if (slot->presence.set)
		irq_set(&slot->presence, incoming != NULL);
	if (transition->outgoing)
		device_leave(transition->outgoing, transition_step(transition, left));
	else
		transition_finish(transition, 0);
}

static void back_in_service(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	transition_finish(transition, transition->result);
}

/* Answers a failure once what was there before is in service again. */
static void give_up(struct transition *transition, int result)
{
	struct slot *slot = transition->slot;

	transition->result = result;
	if (slot->live && !slot->frozen)
		device_resume(slot->behind, transition_step(transition, back_in_service));
	else
		transition_finish(transition, result);
}

static void entered(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot *slot = transition->slot;

	if (result == 0) {
		slot->live = transition->incoming->state != DEVICE_REALIZED;
		swap(transition, transition->incoming);
		return;
	}
	transition->error = reply->error;
	if (transition->incoming == slot->stand_in)
		slot->stand_in = device_free(slot->stand_in);
	give_up(transition, result);
}

/*
 * Where nothing is to be put into a slot, and a driver is bound to it: the empty instance of the slot's type, or
 * something that keeps still.
 */
static int leave_behind(struct transition *transition)
{
	struct slot *slot = transition->slot;
	int r;

	transition->incoming = slot->empty;
	if (slot->empty)
		return 0;
	r = empty_stand_in_new(&slot->stand_in, transition->outgoing, slot->control, slot->empties, &transition->error);

	transition->incoming = slot->stand_in;
	return r;
}

/* Whether that is there for a bound driver's sake alone. */
static bool is_left_behind(const struct slot *slot, const struct mortise_device *device)
{
	return device && (device == slot->stand_in || (device == slot->empty && slot->presence.set));
}

/* The driver read the address when it bound: the empty card that it is left with has the same. */
static void keep_mac(struct slot *slot)
{
	uint8_t mac[6];
	bool learnt;

	if (slot_mac(slot, mac, &learnt) && learnt)
		device_write_config(slot->empty, 0, mac, sizeof(mac));
}

static void put_in(struct transition *transition)
{
	struct slot *slot = transition->slot;
	/* A driver that has to reset first gets its new device with the rest of its set-up forgotten. */
	const bool broken = transport_status(&slot->transport) & VIRTIO_CONFIG_S_NEEDS_RESET;
	int r;

	if (!transition->incoming) {
		if (transport_vacate(&slot->transport) == 0) {
			slot->live = false;
			swap(transition, NULL);
			return;
		}
		r = leave_behind(transition);
		if (r < 0) {
			give_up(transition, r);
			return;
		}
	}
	if (transition->incoming == slot->empty && slot->live)
		keep_mac(slot);
	device_enter(transition->incoming, &slot->transport, slot->live && !broken, slot->frozen,
		     is_left_behind(slot, transition->incoming), transition_step(transition, entered));
}

static void out_of_service(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	if (result < 0) {
		transition->error = reply->error;
		transition_finish(transition, result);
	} else {
		put_in(transition);
	}
}

static void start_exchange(struct transition *transition)
{
	struct slot *slot = transition->slot;
	int r = 0;

	transition->outgoing = slot->behind;
	transition->incoming = transition->device ? transition->device : slot->presence.set ? NULL : slot->empty;
	if (transition->device)
		r = transport_fits(&slot->transport, &transition->device->face, &transition->error);
	else if (slot->live && !slot->ending && slot->plugged && slot->plugged->is_memory)
		r = mortise_fail(&transition->error, -EBUSY,
				 "Device '%s' is memory of the guest, whose driver uses it: unbind that first, in the "
				 "guest, as with echo virtioN >/sys/bus/virtio/drivers/DRIVER/unbind",
				 device_id(slot->plugged));
	if (r < 0 || slot->plugged == transition->device)
		transition_finish(transition, r);
	else if (slot->live && !slot->frozen)
		device_quiesce(slot->behind, transition_step(transition, out_of_service));
	else
		put_in(transition);
}

void slot_exchange(struct slot *slot, struct mortise_device *device, struct reply *reply)
{
	slot_ask(slot, start_exchange, device, reply);
}

void slot_end(struct slot *slot)
{
	slot->ending = true;
}

int slot_accepts(struct slot *slot, struct mortise_device *device, struct mortise_error *err)
{
	return transport_fits(&slot->transport, &device->face, err);
}

struct mortise_device *slot_device(const struct slot *slot)
{
	return slot->plugged;
}

void exchange_stand_in(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (is_left_behind(slot, slot->behind) && transport_vacate(&slot->transport) == 0) {
		transition->outgoing = slot->behind;
		swap(transition, NULL);
	} else {
		transition_finish(transition, 0);
	}
}
