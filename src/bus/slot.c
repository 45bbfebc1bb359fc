/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/slot.c - slots: whatever needs the instance behind the transport, one transition after the other.
 *
 * A transition is asked for by a vCPU (a register write that has to wait) or by the control thread. They queue up in
 * the order of their arrival on the control thread, which starts each when the one before is done; a transition is a
 * few steps of the instances concerned, each answered later, so that the control thread never waits.
 */
#include "bus/slot.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/empty.h"
#include "bus/instance.h"
#include "bus/transport.h"

struct transition {
	struct slot *slot;
	void (*start)(struct transition *transition);
	struct transition *next;
	struct reply step; /* the step under way */

	/* Asked for by the control thread. */
	struct reply *reply; /* NULL: a vCPU waits */
	struct mortise_device *device;

	/* Asked for by a vCPU, on whose stack it is. */
	struct task arrival;
	struct transport_request request;
	bool served; /* guarded by the transport's lock */

	/* Exchange: what comes and what goes; NULL: nothing. */
	struct mortise_device *incoming, *outgoing;
	int result;
	struct mortise_error error;
};

struct slot {
	struct transport transport;
	char *name;
	struct loop *control, *empties;
	pthread_cond_t served; /* with the transport's lock: a vCPU's transition was carried out */

	/* Control thread. */
	struct mortise_device *empty;	 /* of a bay with a type; realized for as long as the slot lives */
	struct mortise_device *stand_in; /* in a slot for any type: keeps a driver company whose device was taken out */
	struct mortise_device *behind;	 /* the instance that the transport shows */
	struct mortise_device *plugged;	 /* the same, or NULL where that is one of ours */
	bool live;			 /* `behind` was activated, and not reset since */
	bool frozen;			 /* between stop and cont */
	struct transition *first, **last;
};

/* --- transitions --- */

static void start_next(struct slot *slot)
{
	if (slot->first)
		slot->first->start(slot->first);
}

static void append(struct slot *slot, struct transition *transition)
{
	const bool idle = !slot->first;

	transition->slot = slot;
	transition->next = NULL;
	*slot->last = transition;
	slot->last = &transition->next;
	if (idle)
		start_next(slot);
}

/* Ends the present transition; its memory is the vCPU's again or freed. */
static void finish(struct transition *transition, int result)
{
	struct slot *slot = transition->slot;

	slot->first = transition->next;
	if (!slot->first)
		slot->last = &slot->first;
	if (transition->reply) {
		if (result < 0)
			transition->reply->error = transition->error;
		reply_post(transition->reply, slot->control, result);
		free(transition);
	} else {
		pthread_mutex_lock(&slot->transport.lock);
		slot->transport.requests--;
		transition->served = true;
		pthread_cond_broadcast(&slot->served);
		pthread_mutex_unlock(&slot->transport.lock);
	}
	start_next(slot);
}

static struct reply *step(struct transition *transition, void (*done)(struct reply *reply, int result))
{
	transition->step = (struct reply){.done = done};
	return &transition->step;
}

static struct transition *of_step(struct reply *reply)
{
	return container_of(reply, struct transition, step);
}

/* The next step's outcome is the transition's. */
static void done(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);

	transition->error = reply->error;
	finish(transition, result);
}

/* Keeps a failure to be answered after it was undone. */
static void keep_failure(struct transition *transition, int result)
{
	transition->result = result;
	transition->error = transition->step.error;
}

static void ask(struct slot *slot, void (*start)(struct transition *transition), struct mortise_device *device,
		struct reply *reply)
{
	struct transition *transition = calloc(1, sizeof(*transition));

	if (!transition) {
		reply_post(reply, slot->control,
			   mortise_fail(&reply->error, -ENOMEM, "Out of memory for slot %s", slot->name));
		return;
	}
	transition->start = start;
	transition->device = device;
	transition->reply = reply;
	append(slot, transition);
}

/* --- exchange --- */

static void discarded(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);
	struct slot *slot = transition->slot;

	slot->stand_in = device_free(slot->stand_in);
	finish(transition, transition->result);
}

/* Outgoing, if it is our own: the empty instance is made ready for its next turn, a stand-in ends. */
static void left(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);
	struct slot *slot = transition->slot;

	if (transition->outgoing == slot->empty && slot->empty->state == DEVICE_QUIESCED)
		device_reset(slot->empty, step(transition, done));
	else if (transition->outgoing == slot->stand_in)
		device_unrealize(slot->stand_in, step(transition, discarded));
	else
		finish(transition, 0);
}

static void swap(struct transition *transition, struct mortise_device *incoming)
{
	struct slot *slot = transition->slot;

	slot->behind = incoming;
	slot->plugged = transition->device;
	if (transition->outgoing)
		device_leave(transition->outgoing, step(transition, left));
	else
		finish(transition, 0);
}

static void back_in_service(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);

	finish(transition, transition->result);
}

static void entered(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);
	struct slot *slot = transition->slot;

	if (result == 0) {
		slot->live = transition->incoming->state != DEVICE_REALIZED;
		swap(transition, transition->incoming);
		return;
	}
	keep_failure(transition, result);
	if (transition->incoming == slot->stand_in)
		slot->stand_in = device_free(slot->stand_in);
	if (slot->live && !slot->frozen)
		device_resume(slot->behind, step(transition, back_in_service));
	else
		finish(transition, result);
}

/* Where nothing is to be put into a slot for any type, and a driver is bound to it: something that keeps still. */
static int make_stand_in(struct transition *transition)
{
	struct slot *slot = transition->slot;
	int r = empty_stand_in_new(&slot->stand_in, transition->outgoing, slot->control, slot->empties,
				   &transition->error);

	transition->incoming = slot->stand_in;
	return r;
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

	if (!transition->incoming) {
		if (transport_vacate(&slot->transport) == 0) {
			slot->live = false;
			swap(transition, NULL);
			return;
		}
		transition->result = make_stand_in(transition);
		if (transition->result < 0) {
			if (slot->live && !slot->frozen)
				device_resume(slot->behind, step(transition, back_in_service));
			else
				finish(transition, transition->result);
			return;
		}
	}
	if (transition->incoming == slot->empty && slot->live)
		keep_mac(slot);
	device_enter(transition->incoming, &slot->transport, slot->live && !broken, slot->frozen,
		     transition->incoming == slot->stand_in, step(transition, entered));
}

static void out_of_service(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);

	if (result < 0) {
		transition->error = reply->error;
		finish(transition, result);
	} else {
		put_in(transition);
	}
}

static void start_exchange(struct transition *transition)
{
	struct slot *slot = transition->slot;
	int r = 0;

	transition->outgoing = slot->behind;
	transition->incoming = transition->device ? transition->device : slot->empty;
	if (transition->device)
		r = transport_fits(&slot->transport, &transition->device->face, &transition->error);
	if (r < 0 || slot->plugged == transition->device)
		finish(transition, r);
	else if (slot->live && !slot->frozen)
		device_quiesce(slot->behind, step(transition, out_of_service));
	else
		put_in(transition);
}

void slot_exchange(struct slot *slot, struct mortise_device *device, struct reply *reply)
{
	ask(slot, start_exchange, device, reply);
}

int slot_accepts(struct slot *slot, struct mortise_device *device, struct mortise_error *err)
{
	return transport_fits(&slot->transport, &device->face, err);
}

struct mortise_device *slot_device(const struct slot *slot)
{
	return slot->plugged;
}

/* --- reset --- */

/* A stand-in had its reason in the driver. */
static void finish_reset(struct transition *transition)
{
	struct slot *slot = transition->slot;

	slot->live = false;
	transport_reset(&slot->transport);
	if (slot->stand_in && slot->behind == slot->stand_in && transport_vacate(&slot->transport) == 0) {
		transition->outgoing = slot->stand_in;
		swap(transition, NULL);
	} else {
		finish(transition, 0);
	}
}

static void instance_reset(struct reply *reply, int result)
{
	finish_reset(of_step(reply));
}

static void start_reset(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->live)
		device_reset(slot->behind, step(transition, instance_reset));
	else
		finish_reset(transition);
}

void slot_reset(struct slot *slot, struct reply *reply)
{
	ask(slot, start_reset, NULL, reply);
}

/* --- stop and cont --- */

static void stopped(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);
	struct slot *slot = transition->slot;

	transition->error = reply->error;
	slot->frozen = result == 0;
	transport_freeze(&slot->transport, slot->frozen);
	finish(transition, result);
}

static void start_stop(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->frozen) {
		finish(transition, 0);
	} else if (slot->live) {
		device_quiesce(slot->behind, step(transition, stopped));
	} else {
		slot->frozen = true;
		transport_freeze(&slot->transport, true);
		finish(transition, 0);
	}
}

static void start_cont(struct transition *transition)
{
	struct slot *slot = transition->slot;
	const bool was_frozen = slot->frozen;

	slot->frozen = false;
	transport_freeze(&slot->transport, false);
	if (was_frozen && slot->live)
		device_resume(slot->behind, step(transition, done));
	else
		finish(transition, 0);
}

void slot_stop(struct slot *slot, struct reply *reply)
{
	ask(slot, start_stop, NULL, reply);
}

void slot_cont(struct slot *slot, struct reply *reply)
{
	ask(slot, start_cont, NULL, reply);
}

/* --- what vCPUs wait for --- */

static void activated(struct reply *reply, int result)
{
	struct transition *transition = of_step(reply);
	struct slot *slot = transition->slot;

	slot->live = result == 0;
	if (result == 0) {
		transport_activated(&slot->transport);
	} else {
		log_warning("slot %s: the device needs a reset: %s", slot->name, reply->error.message);
		transport_needs_reset(&slot->transport, &slot->behind->face);
	}
	finish(transition, 0);
}

static void start_activation(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->behind && transport_driver_ok(&slot->transport) == 0)
		device_activate(slot->behind, step(transition, activated));
	else
		finish(transition, 0);
}

static void start_config_write(struct transition *transition)
{
	struct slot *slot = transition->slot;

	if (slot->behind && slot->behind->face.config_writable)
		device_config_write(slot->behind, &transition->request, step(transition, done));
	else
		finish(transition, 0);
}

static void arrive(struct task *task)
{
	struct transition *transition = container_of(task, struct transition, arrival);

	append(transition->slot, transition);
}

static void serve(struct slot *slot, const struct transport_request *request)
{
	static void (*const starts[])(struct transition *) = {
		[TRANSPORT_ACTIVATE] = start_activation,
		[TRANSPORT_RESET] = start_reset,
		[TRANSPORT_CONFIG_WRITE] = start_config_write,
	};
	struct transition transition = {
		.slot = slot, .start = starts[request->kind], .request = *request, .arrival.run = arrive};

	loop_post(slot->control, &transition.arrival);
	pthread_mutex_lock(&slot->transport.lock);
	while (!transition.served)
		pthread_cond_wait(&slot->served, &slot->transport.lock);
	pthread_mutex_unlock(&slot->transport.lock);
}

/* --- the window --- */

void slot_kick(struct slot *slot, uint32_t queue)
{
	struct transport *t = &slot->transport;

	pthread_mutex_lock(&t->lock);
	if (queue < TRANSPORT_QUEUES && t->queues[queue].ready && t->status & VIRTIO_CONFIG_S_DRIVER_OK && t->face) {
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
	struct slot *slot = opaque;
	struct transport_request request;

	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		if (width == 4)
			slot_kick(slot, (uint32_t)value);
		return;
	}
	transport_write(&slot->transport, offset, value, width, &request);
	if (request.kind != TRANSPORT_NOTHING)
		serve(slot, &request);
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
	transport_read_config(&slot->transport, &slot->behind->face, 0, mac, 6);
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
	slot->last = &slot->first;
	slot->control = config->control;
	slot->empties = config->empties;
	slot->name = strdup(config->name);
	if (!slot->name)
		return mortise_fail(err, -ENOMEM, "Out of memory for slot %s", config->name);
	slot->transport.name = slot->name;
	if (config->virtio_id) {
		r = empty_new(&slot->empty, config->virtio_id, config->mac, config->control, config->empties, err);
		if (r < 0)
			return r;
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
