/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/wakeups.c - what wakes an instance up by itself: its timers and the descriptors that it watches.
 *
 * Each is an event of the instance's loop, made when it is first asked for and freed when the instance ends. One that
 * fires while the instance is quiesced is parked: it costs nothing until then, and is set going again afterwards.
 */
#include <errno.h>
#include <time.h>

#include "base/util.h"
#include "bus/instance.h"

#define WATCHES_MAX 65536 /* descriptors, and the largest of them plus one */

struct wakeup {
	struct mortise_device *device;
	struct event *event;
	bool parked;
	uint32_t id;	   /* of a timer */
	uint64_t deadline; /* of a timer; 0: none */
	uint32_t events;   /* of a watch; 0: none */
	void *opaque;
};

uint64_t device_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct wakeup *wakeup_new(struct mortise_device *device)
{
	struct wakeup *wakeup = calloc(1, sizeof(*wakeup));

	if (wakeup)
		wakeup->device = device;
	return wakeup;
}

static void wakeup_free(struct wakeup *wakeup)
{
	if (wakeup && wakeup->event)
		event_free(wakeup->event);
	free(wakeup);
}

/* --- timers --- */

/* Not before the deadline: what is left of a microsecond counts as a whole one. */
static int start_timer(struct wakeup *timer)
{
	const uint64_t now = device_clock_ns();
	const uint64_t wait = timer->deadline > now ? (timer->deadline - now + 999) / 1000 : 0;
	const struct timeval tv = {.tv_sec = (time_t)(wait / 1000000), .tv_usec = (suseconds_t)(wait % 1000000)};

	return event_add(timer->event, &tv) < 0 ? -ENOMEM : 0;
}

/* The loop reckons from the start of its round, and so may be early. */
static void on_timer(evutil_socket_t fd, short what, void *opaque)
{
	struct wakeup *timer = opaque;
	struct mortise_device *device = timer->device;

	if (device_is_held(device)) {
		timer->parked = true;
	} else if (device_clock_ns() < timer->deadline) {
		start_timer(timer);
	} else {
		timer->deadline = 0;
		device->class->timer(device->self, timer->id);
	}
}

int device_timer_set(struct mortise_device *device, uint32_t id, uint64_t deadline)
{
	struct wakeup *timer;

	if (id >= MORTISE_TIMERS || !device->class->timer)
		return -EINVAL;
	timer = device->timers[id];
	if (!timer) {
		if (!deadline)
			return 0;
		timer = wakeup_new(device);
		if (timer)
			timer->event = evtimer_new(loop_base(device->loop), on_timer, timer);
		if (!timer || !timer->event) {
			wakeup_free(timer);
			return -ENOMEM;
		}
		timer->id = id;
		device->timers[id] = timer;
	}
	timer->parked = false;
	timer->deadline = deadline;
	if (deadline)
		return start_timer(timer);
	event_del(timer->event);
	return 0;
}

/* --- watches --- */

static void on_fd(evutil_socket_t fd, short what, void *opaque)
{
	struct wakeup *watch = opaque;
	struct mortise_device *device = watch->device;
	uint32_t events = (what & EV_READ ? MORTISE_WATCH_READ : 0) | (what & EV_WRITE ? MORTISE_WATCH_WRITE : 0);

	if (device_is_held(device)) {
		watch->parked = true;
		event_del(watch->event);
	} else {
		device->class->fd_ready(device->self, fd, events, watch->opaque);
	}
}

/* Room in the table for `fd`. */
static int make_room(struct mortise_device *device, int fd)
{
	uint32_t room = MAX(device->watch_room, 16);
	struct wakeup **watches;

	while (room <= (uint32_t)fd)
		room *= 2;
	if (room == device->watch_room)
		return 0;
	watches = reallocarray(device->watches, room, sizeof(struct wakeup *));
	if (!watches)
		return -ENOMEM;
	memset(watches + device->watch_room, 0, (room - device->watch_room) * sizeof(struct wakeup *));
	device->watches = watches;
	device->watch_room = room;
	return 0;
}

static int start_watch(struct wakeup *watch, int fd)
{
	const short what = (short)(EV_PERSIST | (watch->events & MORTISE_WATCH_READ ? EV_READ : 0) |
				   (watch->events & MORTISE_WATCH_WRITE ? EV_WRITE : 0));

	if (event_assign(watch->event, loop_base(watch->device->loop), fd, what, on_fd, watch) < 0)
		return -EINVAL;
	return event_add(watch->event, NULL) < 0 ? (errno == EPERM || errno == EBADF ? -errno : -ENOMEM) : 0;
}

static void end_watch(struct mortise_device *device, int fd)
{
	if ((uint32_t)fd >= device->watch_room)
		return;
	wakeup_free(device->watches[fd]);
	device->watches[fd] = NULL;
}

int device_watch(struct mortise_device *device, int fd, uint32_t events, void *opaque)
{
	struct wakeup *watch;
	int r;

	if (fd < 0 || fd >= WATCHES_MAX || events & ~(uint32_t)(MORTISE_WATCH_READ | MORTISE_WATCH_WRITE) ||
	    !device->class->fd_ready)
		return -EINVAL;
	if (!events) {
		end_watch(device, fd);
		return 0;
	}
	r = make_room(device, fd);
	if (r < 0)
		return r;
	watch = device->watches[fd];
	if (!watch) {
		watch = wakeup_new(device);
		if (watch)
			watch->event = event_new(loop_base(device->loop), fd, EV_PERSIST, on_fd, watch);
		if (!watch || !watch->event) {
			wakeup_free(watch);
			return -ENOMEM;
		}
		device->watches[fd] = watch;
	}
	event_del(watch->event);
	watch->parked = false;
	watch->events = events;
	watch->opaque = opaque;
	r = start_watch(watch, fd);
	if (r < 0)
		end_watch(device, fd);
	return r;
}

/* --- with the instance's life --- */

void wakeups_unpark(struct mortise_device *device)
{
	for (struct mortise_device *child = device->children; child; child = child->sibling)
		wakeups_unpark(child);
	for (uint32_t i = 0; i < MORTISE_TIMERS; i++) {
		if (device->timers[i] && device->timers[i]->parked) {
			device->timers[i]->parked = false;
			start_timer(device->timers[i]);
		}
	}
	for (uint32_t fd = 0; fd < device->watch_room; fd++) {
		if (device->watches[fd] && device->watches[fd]->parked) {
			device->watches[fd]->parked = false;
			event_add(device->watches[fd]->event, NULL);
		}
	}
}

void wakeups_end(struct mortise_device *device)
{
	for (uint32_t i = 0; i < MORTISE_TIMERS; i++) {
		wakeup_free(device->timers[i]);
		device->timers[i] = NULL;
	}
	for (uint32_t fd = 0; fd < device->watch_room; fd++)
		wakeup_free(device->watches[fd]);
	free(device->watches);
	device->watches = NULL;
	device->watch_room = 0;
}
