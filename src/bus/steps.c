/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/steps.c - the steps of an instance's life: asked for on the control thread, carried out on the instance's,
 * answered on the control thread.
 */
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/bells.h"
#include "bus/instance.h"
#include "bus/steps.h"

static void answer(struct task *task)
{
	struct mortise_device *device = container_of(task, struct mortise_device, step.task);
	struct reply *reply = device->step.reply;

	if (device->step.result == 0)
		device->state = device->step.next_state;
	device->step.reply = NULL;
	reply->done(reply, device->step.result);
}

void step_finish(struct mortise_device *device, int result)
{
	device->step.result = result;
	device->step.task.run = answer;
	loop_post(device->control, &device->step.task);
}

static void run_step(struct task *task)
{
	struct mortise_device *device = container_of(task, struct mortise_device, step.task);

	device->step.run(device);
}

void step_begin(struct mortise_device *device, void (*run)(struct mortise_device *device), enum device_state next_state,
		struct reply *reply)
{
	device->step.run = run;
	device->step.next_state = next_state;
	device->step.reply = reply;
	device->step.task.run = run_step;
	loop_post(device->loop, &device->step.task);
}

struct mortise_error *step_error(struct mortise_device *device)
{
	return &device->step.reply->error;
}

/* What a callback answered, as a result for step_finish(); makes up a message where the plugin left none. */
int steps_outcome(const struct mortise_device *device, const char *callback, int r, struct mortise_error *err)
{
	if (r >= 0)
		return 0;
	if (!err->message[0])
		return mortise_fail(err, r, "Device '%s': %s failed: %s", device->id, callback, strerror(-r));
	return r;
}

/* --- the beginning and the end --- */

static int join(struct mortise_device *device, struct mortise_error *err)
{
	struct mortise_device *parent = device->parent;
	int r = parent->class->child_added(parent->self, device->self, err);

	if (r >= 0) {
		device->sibling = parent->children;
		parent->children = device;
	} else if (device->class->unrealize) {
		device->class->unrealize(device->self);
	}
	return r;
}

static void part(struct mortise_device *device)
{
	struct mortise_device *parent = device->parent, **at = &parent->children;

	while (*at != device)
		at = &(*at)->sibling;
	*at = device->sibling;
	parent->class->child_removed(parent->self, device->self);
}

static int realize(struct mortise_device *device, struct mortise_error *err)
{
	int r;

	device->realizing = true;
	r = device->class->realize(device->self, device, device->host, err);
	device->realizing = false;
	if (r >= 0 && device->parent)
		r = join(device, err);
	device->alive = r >= 0;
	if (r < 0) {
		wakeups_end(&device->wakeups);
		commands_end(device);
	}
	return steps_outcome(device, "realize", r, err);
}

static void step_realize(struct mortise_device *device)
{
	step_finish(device, realize(device, step_error(device)));
}

void device_realize(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_realize, DEVICE_REALIZED, reply);
}

int device_realize_now(struct mortise_device *device, struct mortise_error *err)
{
	struct mortise_error own = {0};
	int r = realize(device, err ? err : &own);

	if (r == 0)
		device->state = DEVICE_REALIZED;
	return r;
}

static void step_unrealize(struct mortise_device *device)
{
	if (device->parent)
		part(device);
	device->alive = false;
	wakeups_end(&device->wakeups);
	if (device->class->unrealize)
		device->class->unrealize(device->self);
	commands_end(device);
	vrings_free(device);
	step_finish(device, 0);
}

void device_unrealize(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_unrealize, DEVICE_UNREALIZED, reply);
}

/* --- queues --- */

static void stop_queues(struct mortise_device *device)
{
	bells_leave(device);
	for (uint32_t i = 0; i < device->queue_count; i++)
		virtqueue_stop(&device->queues[i]);
	device->pushed = 0;
}

static int start_queues(struct mortise_device *device, uint64_t *features, struct mortise_error *err)
{
	struct virtqueue_place places[TRANSPORT_QUEUES];

	int r = 0;

	*features = transport_negotiated(device->transport, places);
	for (uint32_t i = 0; i < device->queue_count && r == 0; i++)
		if (places[i].ready)
			r = virtqueue_start(&device->queues[i], device->transport->ram, &places[i], i, *features,
					    device->class->request_size);
	if (r == 0)
		r = bells_listen(device);
	if (r < 0) {
		stop_queues(device);
		return mortise_fail(err, -ENOMEM, "Out of memory for the queues of device '%s'", device->id);
	}
	return 0;
}

void steps_save_queues(struct mortise_device *device)
{
	for (uint32_t i = 0; i < device->queue_count; i++)
		if (device->queues[i].started)
			transport_save_queue(device->transport, i, &device->queues[i]);
}

static void notify_all(struct mortise_device *device)
{
	for (uint32_t i = 0; i < device->queue_count; i++)
		device_notify(device, i);
}

/* After step_finish(), so that nobody but the instance waits for the requests that are there already. */
void steps_go(struct mortise_device *device)
{
	device->popping = !device->broken;
	notify_all(device);
}

/* --- in service and out of it --- */

/* activate(), and what has to be there for it; no chain is popped yet. */
int steps_activate(struct mortise_device *device, struct mortise_error *err)
{
	uint64_t features;
	int r = start_queues(device, &features, err);

	if (r < 0)
		return r;
	device->broken = NULL;
	device->active = true;
	if (device->class->activate)
		r = steps_outcome(device, "activate", device->class->activate(device->self, features, err), err);
	if (r < 0) {
		vrings_reclaim(device);
		device->active = false;
		stop_queues(device);
	}
	return r;
}

int steps_quiesce(struct mortise_device *device, struct mortise_error *err)
{
	int r = 0;

	if (device->class->quiesce)
		r = steps_outcome(device, "quiesce", device->class->quiesce(device->self, err), err);
	if (r == 0)
		r = vrings_check(device, err);
	device->held = r == 0;
	return r;
}

/* Calls `then` once nothing is in flight and the last interrupt is raised: at the end of this round or a later one. */
static void drain(struct mortise_device *device, void (*then)(struct mortise_device *device))
{
	device->drained = then;
	loop_at_end(device->loop, &device->round_end);
}

void steps_forget_driver(struct mortise_device *device)
{
	vrings_reclaim(device);
	if (device->class->reset)
		device->class->reset(device->self);
	device->active = false;
	device->held = false;
	device->broken = NULL;
	stop_queues(device);
	device_unpark(device);
}

static void step_activate(struct mortise_device *device)
{
	int r = steps_activate(device, step_error(device));

	step_finish(device, r);
	if (r == 0)
		steps_go(device);
}

void device_activate(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_activate, DEVICE_ACTIVE, reply);
}

static void quiesced(struct mortise_device *device)
{
	steps_save_queues(device);
	step_finish(device, 0);
}

static void step_quiesce(struct mortise_device *device)
{
	int r;

	device->popping = false;
	r = steps_quiesce(device, step_error(device));
	if (r == 0) {
		drain(device, quiesced);
	} else {
		step_finish(device, r);
		steps_go(device);
	}
}

void device_quiesce(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_quiesce, DEVICE_QUIESCED, reply);
}

void steps_resume(struct mortise_device *device)
{
	device->held = false;
	if (device->class->resume)
		device->class->resume(device->self);
	device_unpark(device);
}

static void step_resume(struct mortise_device *device)
{
	steps_resume(device);
	step_finish(device, 0);
	steps_go(device);
}

void device_resume(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_resume, DEVICE_ACTIVE, reply);
}

static void was_reset(struct mortise_device *device)
{
	steps_forget_driver(device);
	step_finish(device, 0);
}

/* The driver does not ask but tell: an instance that will not quiesce is reset all the same, once it is drained. */
static void step_reset(struct mortise_device *device)
{
	struct mortise_error error = {0};

	device->popping = false;
	if (!device->held && steps_quiesce(device, &error) < 0)
		log_warning("device '%s' is reset although it does not quiesce: %s", device->id, error.message);
	drain(device, was_reset);
}

void device_reset(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_reset, DEVICE_REALIZED, reply);
}

/* --- behind a transport --- */

/* What the driver has chosen, such as a disk's cache mode, it believes in from then on. */
void steps_replay_config(struct mortise_device *device)
{
	uint32_t offset = 0, size;

	if (!device->face.config_writable)
		return;
	while (transport_replay_config(device->transport, &device->face, &offset, &size)) {
		device->class->config_written(device->self, offset, size);
		offset += size;
	}
}

/*
 * A live instance is activated before it is shown, so that a failure leaves no trace with the driver; whether it fits
 * cannot change meanwhile, as a running driver has negotiated for good.
 */
static int enter(struct mortise_device *device, struct mortise_error *err)
{
	const struct device_step *step = &device->step;
	int r = transport_fits(step->transport, &device->face, err);

	if (r < 0)
		return r;
	device->transport = step->transport;
	if (step->live) {
		r = steps_activate(device, err);
		if (r == 0)
			steps_replay_config(device);
		if (r == 0 && step->frozen) {
			r = steps_quiesce(device, err);
			if (r < 0)
				steps_forget_driver(device);
			else
				steps_save_queues(device);
		}
	}
	if (r == 0)
		r = transport_show(step->transport, &device->face, step->transient, err);
	if (r < 0) {
		device->transport = NULL;
		return r;
	}
	return 0;
}

static void step_enter(struct mortise_device *device)
{
	const bool runs = device->step.live && !device->step.frozen;
	int r = enter(device, step_error(device));

	step_finish(device, r);
	if (r == 0 && runs)
		steps_go(device);
}

void device_enter(struct mortise_device *device, struct transport *transport, bool live, bool frozen, bool transient,
		  struct reply *reply)
{
	device->step.transport = transport;
	device->step.live = live;
	device->step.frozen = frozen;
	device->step.transient = transient;
	step_begin(device, step_enter, !live ? DEVICE_REALIZED : frozen ? DEVICE_QUIESCED : DEVICE_ACTIVE, reply);
}

/* Kicks were posted while the instance was shown, thus before this step: none is left behind. */
static void step_leave(struct mortise_device *device)
{
	stop_queues(device);
	device->active = false;
	device->transport = NULL;
	step_finish(device, 0);
}

void device_leave(struct mortise_device *device, struct reply *reply)
{
	step_begin(device, step_leave, device->state, reply);
}

static void step_config_write(struct mortise_device *device)
{
	const struct transport_request *write = &device->step.write;

	transport_write_config(device->transport, &device->face, write->offset, write->data, write->size, true);
	device->class->config_written(device->self, write->offset, write->size);
	step_finish(device, 0);
}

void device_config_write(struct mortise_device *device, const struct transport_request *write, struct reply *reply)
{
	device->step.write = *write;
	step_begin(device, step_config_write, device->state, reply);
}
