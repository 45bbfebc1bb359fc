/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/handover.c - a plugged instance's place to another, in two parts.
 */
#include "bus/handover.h"

#include <errno.h>
#include <linux/virtio_config.h>

#include "bus/transition.h"

static struct slot_handover *handover_of(const struct transition *transition)
{
	return container_of(transition->reply, struct slot_handover, done);
}

static bool runs(const struct slot *slot)
{
	return slot->live && !slot->frozen;
}

/* --- the present instance stays --- */

static void over(struct transition *transition, int result)
{
	struct slot_handover *handover = handover_of(transition);

	if (handover->phase == HANDOVER_PENDING) {
		handover->ready.error = transition->error;
		reply_post(&handover->ready, transition->slot->control, result);
	}
	handover->phase = HANDOVER_OVER;
	handover->pause_ns = device_clock_ns() - handover->started;
	device_saved_done(&handover->saved);
	transition_finish(transition, result);
}

static void resumed(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	over(transition, transition->result);
}

static void stay(struct transition *transition, int result)
{
	transition->result = result;
	if (runs(transition->slot))
		device_resume(transition->outgoing, transition_step(transition, resumed));
	else
		over(transition, result);
}

static void withdrawn(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	stay(transition, transition->result);
}

static void withdraw(struct transition *transition, int result)
{
	transition->result = result;
	device_withdraw(transition->incoming, transition_step(transition, withdrawn));
}

static int canceled(struct transition *transition)
{
	return mortise_fail(&transition->error, -ECANCELED, "Device '%s' was to be replaced, and is not",
			    device_id(transition->outgoing));
}

/* --- the other comes --- */

static void left(struct reply *reply, int result)
{
	over(transition_of(reply), 0);
}

static void shown(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot *slot = transition->slot;
	struct slot_handover *handover = handover_of(transition);

	if (result < 0) {
		transition->error = reply->error;
		withdraw(transition, result);
		return;
	}
	slot->behind = slot->plugged = transition->incoming;
	slot->live = transition->incoming->state != DEVICE_REALIZED;
	handover->pause_ns = device_clock_ns() - handover->started;
	device_leave(transition->outgoing, transition_step(transition, left));
}

void slot_handover_end(struct slot_handover *handover, bool commit)
{
	struct transition *transition = handover->transition;

	if (handover->phase == HANDOVER_PENDING)
		handover->canceled = true;
	else if (handover->phase == HANDOVER_READY && commit)
		device_show(transition->incoming,
			    transition->incoming->state == DEVICE_QUIESCED && runs(transition->slot),
			    transition_step(transition, shown));
	else if (handover->phase == HANDOVER_READY)
		withdraw(transition, canceled(transition));
}

/* --- getting ready --- */

static void prepared(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot_handover *handover = handover_of(transition);

	if (result < 0) {
		transition->error = reply->error;
		stay(transition, result);
	} else if (handover->canceled) {
		withdraw(transition, canceled(transition));
	} else {
		handover->phase = HANDOVER_READY;
		reply_post(&handover->ready, transition->slot->control, 0);
	}
}

static void prepare(struct transition *transition)
{
	struct slot *slot = transition->slot;
	/* A driver that has to reset first gets its new device with the rest of its set-up forgotten. */
	const bool broken = transport_status(&slot->transport) & VIRTIO_CONFIG_S_NEEDS_RESET;

	device_prepare(transition->incoming, &slot->transport, slot->live && !broken, &handover_of(transition)->saved,
		       transition_step(transition, prepared));
}

static void saved(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	transition->error = reply->error;
	if (result == 0 && handover_of(transition)->canceled)
		result = canceled(transition);
	if (result < 0)
		stay(transition, result);
	else
		prepare(transition);
}

static void quiesced(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	if (result < 0) {
		transition->error = reply->error;
		over(transition, result); /* it goes on by itself */
	} else if (handover_of(transition)->canceled) {
		stay(transition, canceled(transition));
	} else {
		device_save(transition->outgoing, &handover_of(transition)->saved, transition_step(transition, saved));
	}
}

static void start_handover(struct transition *transition)
{
	struct slot *slot = transition->slot;
	struct slot_handover *handover = handover_of(transition);
	int r;

	handover->transition = transition;
	handover->started = device_clock_ns();
	transition->outgoing = slot->behind;
	transition->incoming = transition->device;
	if (!slot->plugged) {
		over(transition, mortise_fail(&transition->error, -ENODEV, "Slot %s is empty", slot->name));
		return;
	}
	r = handover->canceled ? canceled(transition)
			       : transport_fits(&slot->transport, &transition->incoming->face, &transition->error);
	if (r < 0)
		over(transition, r);
	else if (runs(slot))
		device_quiesce(transition->outgoing, transition_step(transition, quiesced));
	else if (slot->live)
		device_save(transition->outgoing, &handover->saved, transition_step(transition, saved));
	else
		prepare(transition);
}

void slot_hand_over(struct slot *slot, struct slot_handover *handover)
{
	handover->phase = HANDOVER_PENDING;
	handover->canceled = false;
	slot_ask(slot, start_handover, handover->device, &handover->done);
}
