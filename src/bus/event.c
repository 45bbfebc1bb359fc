/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/event.c - events of an instance, on their way to the control thread.
 *
 * What waits there is bounded, as a guest may be the cause of it all. Of an event whose latest state alone counts, one
 * is held back for as long as less than a second has passed since the one before it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/command.h"
#include "bus/instance.h"
#include "bus/values.h"

#define WAITING_MAX 64
#define INTERVAL_NS UINT64_C(1000000000)

/* An event on its way. */
struct news {
	struct mortise_device *device;
	const struct mortise_event *event;
	struct mortise_value *values;
	struct task task;
};

/* What is kept of one whose latest state alone counts. */
struct latest {
	struct mortise_device *device;
	const struct mortise_event *event;
	struct mortise_value *values; /* held back; NULL: none is */
	uint64_t passed;	      /* when the last one went on its way; ns, 0: never */
	struct event *timer;
};

static void hear(struct task *task)
{
	struct news *news = container_of(task, struct news, task);
	struct mortise_device *device = news->device;

	atomic_fetch_sub(&device->events_waiting, 1);
	if (device->heard)
		device->heard(device->heard_opaque, news->event, news->values);
	values_free(news->event->data, news->values);
	free(news);
}

/* Takes `values`. The task is run before the answer to unrealize(), so that the instance is there. */
static void pass_on(struct mortise_device *device, const struct mortise_event *event, struct mortise_value *values)
{
	struct news *news = calloc(1, sizeof(*news));

	if (!news || atomic_fetch_add(&device->events_waiting, 1) >= WAITING_MAX) {
		if (log_allowed(&device->log_limit, 5))
			log_warning("device '%s': event %s is dropped: too many wait", device->id, event->name);
		if (news)
			atomic_fetch_sub(&device->events_waiting, 1);
		free(news);
		values_free(event->data, values);
		return;
	}
	*news = (struct news){.device = device, .event = event, .values = values, .task.run = hear};
	loop_post(device->control, &news->task);
}

static void pass_latest(struct latest *latest)
{
	latest->passed = device_clock_ns();
	pass_on(latest->device, latest->event, steal_ptr(&latest->values));
}

static void on_interval(evutil_socket_t fd, short what, void *opaque)
{
	pass_latest(opaque);
}

static struct latest *latest_of(struct mortise_device *device, uint32_t index, const struct mortise_event *event)
{
	struct latest *latest = device->latest[index];

	if (latest)
		return latest;
	latest = calloc(1, sizeof(*latest));
	if (latest)
		latest->timer = evtimer_new(loop_base(device->loop), on_interval, latest);
	if (!latest || !latest->timer) {
		free(latest);
		return NULL;
	}
	latest->device = device;
	latest->event = event;
	device->latest[index] = latest;
	return latest;
}

/* Takes `values`. */
static void hold_back(struct latest *latest, struct mortise_value *values)
{
	const uint64_t since = device_clock_ns() - latest->passed;
	const bool timing = latest->values != NULL;
	struct timeval wait;

	values_free(latest->event->data, latest->values);
	latest->values = values;
	if (timing)
		return;
	if (latest->passed && since < INTERVAL_NS) {
		wait = (struct timeval){.tv_usec = (suseconds_t)((INTERVAL_NS - since) / 1000)};
		if (event_add(latest->timer, &wait) == 0)
			return;
	}
	pass_latest(latest);
}

void device_event(struct mortise_device *device, uint32_t index, const struct mortise_value *values)
{
	const struct mortise_monitor *monitor = device->class->monitor;
	const struct mortise_event *event = NULL;
	struct mortise_value *copies;
	struct latest *latest;

	if (index < device->event_count && (device->alive || device->realizing))
		event = &monitor->events[index];
	if (!event || values_copy(&copies, event->data, values) < 0) {
		if (log_allowed(&device->log_limit, 5))
			log_error("device '%s' reports event %u, which is none of its class, or not of its form",
				  device->id, index);
		return;
	}
	latest = event->flags & MORTISE_EVENT_LATEST ? latest_of(device, index, event) : NULL;
	if (latest)
		hold_back(latest, copies);
	else
		pass_on(device, event, copies);
}

void device_on_event(struct mortise_device *device, device_event_fn *heard, void *opaque)
{
	device->heard = heard;
	device->heard_opaque = opaque;
}

void events_end(struct mortise_device *device)
{
	for (uint32_t i = 0; i < device->event_count; i++) {
		struct latest *latest = device->latest[i];

		if (!latest)
			continue;
		if (latest->values)
			pass_latest(latest);
		event_free(latest->timer);
		free(latest);
		device->latest[i] = NULL;
	}
}
