/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/slot.c - slots: their window, what a driver does through it, stop, cont and reset. Plugging is in bus/exchange.c.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "base/util.h"
#include "bus/bells.h"
#include "bus/empty.h"
#include "bus/transition.h"

/* --- reset --- */

static void finish_reset(struct transition *transition)
{
	struct slot *slot = transition->slot;

	slot->live = false;
	bells_untie(&slot->transport);
	transport_reset(&slot->transport);
	exchange_stand_in(transition);
}

static void instance_reset(struct reply *reply, int result)
{
	finish_reset(transition_of(reply));
}

static void start_reset(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->live)
		device_reset(slot->behind, transition_step(transition, instance_reset));
	else
		finish_reset(transition);
}

void slot_reset(struct slot *slot, struct reply *reply)
{
	slot_ask(slot, start_reset, NULL, reply);
}

/* --- stop and cont --- */

static void stopped(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot *slot = transition->slot;

	transition->error = reply->error;
	slot->frozen = result == 0;
	transport_freeze(&slot->transport, slot->frozen);
	transition_finish(transition, result);
}

static void start_stop(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->frozen) {
		transition_finish(transition, 0);
	} else if (slot->live) {
		device_quiesce(slot->behind, transition_step(transition, stopped));
	} else {
		slot->frozen = true;
		transport_freeze(&slot->transport, true);
		transition_finish(transition, 0);
	}
}

static void start_cont(struct transition *transition)
{
	struct slot *slot = transition->slot;
	const bool was_frozen = slot->frozen;

	slot->frozen = false;
	transport_freeze(&slot->transport, false);
	if (was_frozen && slot->live)
		device_resume(slot->behind, transition_step(transition, transition_done));
	else
		transition_finish(transition, 0);
}

void slot_stop(struct slot *slot, struct reply *reply)
{
	slot_ask(slot, start_stop, NULL, reply);
}

void slot_cont(struct slot *slot, struct reply *reply)
{
	slot_ask(slot, start_cont, NULL, reply);
}

/* --- what vCPUs wait for --- */

static void activated(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);
	struct slot *slot = transition->slot;

	slot->live = result == 0;
	if (result == 0) {
		transport_activated(&slot->transport);
	} else {
		if (log_allowed(&slot->log_limit, 5))
			log_warning("slot %s: the device needs a reset: %s", slot->name, reply->error.message);
		transport_needs_reset(&slot->transport, &slot->behind->face);
	}
	transition_finish(transition, 0);
}

static void start_activation(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->behind && transport_driver_ok(&slot->transport) == 0) {
		bells_tie(&slot->transport);
		device_activate(slot->behind, transition_step(transition, activated));
	} else {
		transition_finish(transition, 0);
	}
}

static void start_config_write(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->behind && slot->behind->face.config_writable)
		device_config_write(slot->behind, &transition->request, transition_step(transition, transition_done));
	else
		transition_finish(transition, 0);
}

/* --- the window --- */

void slot_kick(struct slot *slot, uint32_t queue)
{
	const uint32_t mask = VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET;
	struct transport *t = &slot->transport;

	pthread_mutex_lock(&t->lock);
	if (queue < TRANSPORT_QUEUES && t->queues[queue].ready && t->face &&
	    (t->status & mask) == VIRTIO_CONFIG_S_DRIVER_OK) {
		t->kicks++;
		device_kick(device_of_face(t->face), queue);
	}
	pthread_mutex_unlock(&t->lock);
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned width)
{
	struct slot *slot = opaque;

	return transport_read(&slot->transport, offset, width);
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	static void (*const starts[])(struct transition *) = {
		[TRANSPORT_ACTIVATE] = start_activation,
		[TRANSPORT_RESET] = start_reset,
		[TRANSPORT_CONFIG_WRITE] = start_config_write,
	};
	struct slot *slot = opaque;
	struct transport_request request;

	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		if (width == 4)
			slot_kick(slot, (uint32_t)value);
		return;
	}
	transport_write(&slot->transport, offset, value, width, &request);
	if (request.kind != TRANSPORT_NOTHING)
		slot_serve(slot, starts[request.kind], &request);
}

const struct mmio_ops slot_mmio_ops = {.read = window_read, .write = window_write};

void slot_info(struct slot *slot, struct slot_info *info)
{
	struct transport *t = &slot->transport;

	pthread_mutex_lock(&t->lock);
	*info = (struct slot_info){
		.status = t->status, .features = t->driver_features, .interrupts = t->interrupts, .kicks = t->kicks};
	pthread_mutex_unlock(&t->lock);
}

bool slot_mac(struct slot *slot, uint8_t mac[6], bool *learnt)
{
	if (!slot->empty || device_class(slot->empty)->virtio_id != VIRTIO_ID_NET)
		return false;
	transport_read_config(&slot->transport, slot->behind ? &slot->behind->face : &slot->empty->face, 0, mac, 6);
	*learnt = transport_status(&slot->transport) & VIRTIO_CONFIG_S_DRIVER;
	return true;
}

/* --- making and freeing --- */

int slot_new(struct slot **out, const struct slot_config *config, struct mortise_error *err)
{
	_cleanup_(slot_free_p) struct slot *slot = calloc(1, sizeof(*slot));
	int r;

	if (!slot)
		return mortise_fail(err, -ENOMEM, "Out of memory for slot %s", config->name);
	transport_init(&slot->transport, NULL, config->virtio_id, config->ram, &config->irq);
	pthread_cond_init(&slot->served, NULL);
	slot->transport.doorbell = config->doorbell;
	slot->last = &slot->first;
	slot->control = config->control;
	slot->empties = config->empties;
	slot->presence = config->presence;
	slot->name = strdup(config->name);
	if (!slot->name)
		return mortise_fail(err, -ENOMEM, "Out of memory for slot %s", config->name);
	slot->transport.name = slot->name;
	if (config->virtio_id) {
		r = empty_new(&slot->empty, config->virtio_id, config->mac, config->control, config->empties, err);
		if (r < 0)
			return r;
	}
	if (slot->empty && !slot->presence.set) {
		slot->empty->transport = &slot->transport;
		r = transport_show(&slot->transport, &slot->empty->face, false, err);
		if (r < 0)
			return r;
		slot->behind = slot->empty;
	}
	*out = steal_ptr(&slot);
	return 0;
}

struct slot *slot_free(struct slot *slot)
{
	if (!slot)
		return NULL;
	device_free(slot->empty);
	device_free(slot->stand_in);
	transport_done(&slot->transport);
	pthread_cond_destroy(&slot->served);
	free(slot->name);
	free(slot);
	return NULL;
}
