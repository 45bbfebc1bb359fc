/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wakeups.c - timers and watched descriptors of one owner on one loop.
 *
 * Each is an event of the loop, made when it is first asked for and freed with its owner. One that fires while the
 * owner is held is parked: it costs nothing until then, and is set going again afterwards.
 */
#include "base/wakeups.h"

#include <errno.h>
#include <time.h>

#include "base/util.h"

#define WATCHES_MAX 65536 /* descriptors, and the largest of them plus one */

struct wakeup {
	struct wakeups *wakeups;
	struct event *event;
	bool parked;
	uint32_t id;	   /* of a timer */
	uint64_t deadline; /* of a timer; 0: none */
	uint32_t events;   /* of a watch; 0: none */
	void *opaque;	   /* of a watch */
};

uint64_t wakeups_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct wakeup *wakeup_new(struct wakeups *wakeups)
{
	struct wakeup *wakeup = calloc(1, sizeof(*wakeup));

	if (wakeup)
		wakeup->wakeups = wakeups;
	return wakeup;
}

static bool is_held(const struct wakeups *wakeups)
{
	return wakeups->held && wakeups->held(wakeups->owner);
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
	const uint64_t now = wakeups_clock_ns();
	const uint64_t wait = timer->deadline > now ? (timer->deadline - now + 999) / 1000 : 0;
	const struct timeval tv = {.tv_sec = (time_t)(wait / 1000000), .tv_usec = (suseconds_t)(wait % 1000000)};

	return event_add(timer->event, &tv) < 0 ? -ENOMEM : 0;
}

/* The loop reckons from the start of its round, and so may be early. */
static void on_timer(evutil_socket_t fd, short what, void *opaque)
{
	struct wakeup *timer = opaque;
	struct wakeups *wakeups = timer->wakeups;

	if (is_held(wakeups)) {
		timer->parked = true;
	} else if (wakeups_clock_ns() < timer->deadline) {
		start_timer(timer);
	} else {
		timer->deadline = 0;
		wakeups->timer(wakeups->self, timer->id);
	}
}

int wakeups_timer_set(struct wakeups *wakeups, uint32_t id, uint64_t deadline)
{
	struct wakeup *timer;

	if (id >= MORTISE_TIMERS || !wakeups->timer)
		return -EINVAL;
	timer = wakeups->timers[id];
	if (!timer) {
		if (!deadline)
			return 0;
		timer = wakeup_new(wakeups);
		if (timer)
			timer->event = evtimer_new(loop_base(wakeups->loop), on_timer, timer);
		if (!timer || !timer->event) {
			wakeup_free(timer);
			return -ENOMEM;
		}
		timer->id = id;
		wakeups->timers[id] = timer;
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
	struct wakeups *wakeups = watch->wakeups;
	uint32_t events = (what & EV_READ ? MORTISE_WATCH_READ : 0) | (what & EV_WRITE ? MORTISE_WATCH_WRITE : 0);

	if (is_held(wakeups)) {
		watch->parked = true;
		event_del(watch->event);
	} else {
		wakeups->fd_ready(wakeups->self, fd, events, watch->opaque);
	}
}

/* Room in the table for `fd`. */
static int make_room(struct wakeups *wakeups, int fd)
{
	uint32_t room = MAX(wakeups->watch_room, 16);
	struct wakeup **watches;

	while (room <= (uint32_t)fd)
		room *= 2;
	if (room == wakeups->watch_room)
		return 0;
	watches = reallocarray(wakeups->watches, room, sizeof(struct wakeup *));
	if (!watches)
		return -ENOMEM;
	memset(watches + wakeups->watch_room, 0, (room - wakeups->watch_room) * sizeof(struct wakeup *));
	wakeups->watches = watches;
	wakeups->watch_room = room;
	return 0;
}

static int start_watch(struct wakeup *watch, int fd)
{
	const short what = (short)(EV_PERSIST | (watch->events & MORTISE_WATCH_READ ? EV_READ : 0) |
				   (watch->events & MORTISE_WATCH_WRITE ? EV_WRITE : 0));

	if (event_assign(watch->event, loop_base(watch->wakeups->loop), fd, what, on_fd, watch) < 0)
		return -EINVAL;
	return event_add(watch->event, NULL) < 0 ? (errno == EPERM || errno == EBADF ? -errno : -ENOMEM) : 0;
}

static void end_watch(struct wakeups *wakeups, int fd)
{
	if ((uint32_t)fd >= wakeups->watch_room)
		return;
	wakeup_free(wakeups->watches[fd]);
	wakeups->watches[fd] = NULL;
}

int wakeups_watch(struct wakeups *wakeups, int fd, uint32_t events, void *opaque)
{
	struct wakeup *watch;
	int r;

	if (fd < 0 || fd >= WATCHES_MAX || events & ~(uint32_t)(MORTISE_WATCH_READ | MORTISE_WATCH_WRITE) ||
	    !wakeups->fd_ready)
		return -EINVAL;
	if (!events) {
		end_watch(wakeups, fd);
		return 0;
	}
	r = make_room(wakeups, fd);
	if (r < 0)
		return r;
	watch = wakeups->watches[fd];
	if (!watch) {
		watch = wakeup_new(wakeups);
		if (watch)
			watch->event = event_new(loop_base(wakeups->loop), fd, EV_PERSIST, on_fd, watch);
		if (!watch || !watch->event) {
			wakeup_free(watch);
			return -ENOMEM;
		}
		wakeups->watches[fd] = watch;
	}
	event_del(watch->event);
	watch->parked = false;
	watch->events = events;
	watch->opaque = opaque;
	r = start_watch(watch, fd);
	if (r < 0)
		end_watch(wakeups, fd);
	return r;
}

/* --- with the owner's life --- */

void wakeups_unpark(struct wakeups *wakeups)
{
	for (uint32_t i = 0; i < MORTISE_TIMERS; i++) {
		if (wakeups->timers[i] && wakeups->timers[i]->parked) {
			wakeups->timers[i]->parked = false;
			start_timer(wakeups->timers[i]);
		}
	}
	for (uint32_t fd = 0; fd < wakeups->watch_room; fd++) {
		if (wakeups->watches[fd] && wakeups->watches[fd]->parked) {
			wakeups->watches[fd]->parked = false;
			event_add(wakeups->watches[fd]->event, NULL);
		}
	}
}

void wakeups_end(struct wakeups *wakeups)
{
	for (uint32_t i = 0; i < MORTISE_TIMERS; i++) {
		wakeup_free(wakeups->timers[i]);
		wakeups->timers[i] = NULL;
	}
	for (uint32_t fd = 0; fd < wakeups->watch_room; fd++)
		wakeup_free(wakeups->watches[fd]);
	free(wakeups->watches);
	wakeups->watches = NULL;
	wakeups->watch_room = 0;
}
