/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/state.c - an instance's state out of it, and into another that gets ready in the wings.
 */
#include "bus/state.h"

#include <errno.h>
#include <stdlib.h>

#include "bus/steps.h"

#define FIRST_ROOM 4096

void device_saved_done(struct device_saved *saved)
{
	free(saved->data);
	*saved = (struct device_saved){0};
}

/* --- save --- */

static int save(struct mortise_device *device, struct device_saved *out, struct mortise_error *err)
{
	int64_t size;

	if (!device->class->save)
		return 0;
	for (uint64_t room = FIRST_ROOM; room <= STATE_SIZE_MAX; room *= 4) {
		void *data = realloc(out->data, room);

		if (!data)
			return mortise_fail(err, -ENOMEM, "Out of memory for the state of device '%s'", device->id);
		out->data = data;
		size = device->class->save(device->self, data, room);
		if (size == -ENOSPC)
			continue;
		if (size > (int64_t)room)
			return mortise_fail(err, -EINVAL, "Device '%s' saved more than there was room for", device->id);
		out->size = size > 0 ? (uint64_t)size : 0;
		return steps_outcome(device, "save", size < 0 ? (int)size : 0, err);
	}
	return mortise_fail(err, -ENOSPC, "The state of device '%s' is larger than %u bytes", device->id,
			    STATE_SIZE_MAX);
}

static void step_save(struct mortise_device *device)
{
	struct device_saved *out = device->step.saved;
	int r = save(device, out, step_error(device));

	if (r < 0)
		device_saved_done(out);
	step_finish(device, r);
}

void device_save(struct mortise_device *device, struct device_saved *out, struct reply *reply)
{
	device->step.saved = out;
	step_begin(device, step_save, device->state, reply);
}

/* --- restore --- */

static int restore(struct mortise_device *device, const struct device_saved *state, struct mortise_error *err)
{
	if (!state->size)
		return 0;
	if (!device->class->restore)
		return mortise_fail(err, -EINVAL, "Device '%s' has a state of %llu bytes, and this version takes none",
				    device->id, (unsigned long long)state->size);
	return steps_outcome(device, "restore", device->class->restore(device->self, state->data, state->size, err),
			     err);
}

static int prepare(struct mortise_device *device, struct mortise_error *err)
{
	int r = transport_fits(device->step.transport, &device->face, err);

	if (r < 0)
		return r;
	device->transport = device->step.transport;
	if (!device->step.live)
		return 0;
	r = restore(device, device->step.saved, err);
	if (r < 0)
		return r;
	r = steps_activate(device, err);
	if (r < 0)
		return r;
	steps_replay_config(device);
	r = steps_quiesce(device, err);
	if (r < 0)
		steps_forget_driver(device);
	else
		steps_save_queues(device);
	return r;
}

static void step_prepare(struct mortise_device *device)
{
	int r = prepare(device, step_error(device));

	if (r < 0)
		device->transport = NULL;
	step_finish(device, r);
}

void device_prepare(struct mortise_device *device, struct transport *transport, bool live,
		    const struct device_saved *state, struct reply *reply)
{
	device->step.transport = transport;
	device->step.live = live;
	device->step.saved = (struct device_saved *)state; /* only read */
	step_begin(device, step_prepare, live ? DEVICE_QUIESCED : DEVICE_REALIZED, reply);
}

/* --- in the open --- */

static void step_show(struct mortise_device *device)
{
	const bool runs = device->step.live;
	int r = transport_show(device->transport, &device->face, false, step_error(device));

	if (r == 0 && runs)
		steps_resume(device);
	step_finish(device, r);
	if (r == 0 && runs)
		steps_go(device);
}

void device_show(struct mortise_device *device, bool go, struct reply *reply)
{
	device->step.live = go;
	step_begin(device, step_show, go ? DEVICE_ACTIVE : device->state, reply);
}

static void step_withdraw(struct mortise_device *device)
{
	if (device->active)
		steps_forget_driver(device);
	device->transport = NULL;
	step_finish(device, 0);
}

void device_withdraw(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_withdraw, DEVICE_REALIZED, reply);
}
