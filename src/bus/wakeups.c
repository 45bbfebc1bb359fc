/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/wakeups.c - what wakes an instance up by itself: its timers and the descriptors that it watches.
 */
#include "bus/instance.h"

static bool is_held(const void *owner)
{
	const struct mortise_device *device = owner;

	return device_is_held(device);
}

void device_init_wakeups(struct mortise_device *device)
{
	device->wakeups = (struct wakeups){.loop = device->loop,
					   .timer = device->class->timer,
					   .fd_ready = device->class->fd_ready,
					   .self = device->self,
					   .held = is_held,
					   .owner = device};
}

void device_unpark(struct mortise_device *device)
{
	for (struct mortise_device *child = device->children; child; child = child->sibling)
		device_unpark(child);
	wakeups_unpark(&device->wakeups);
}

uint64_t device_clock_ns(void)
{
	return wakeups_clock_ns();
}

int device_timer_set(struct mortise_device *device, uint32_t id, uint64_t deadline)
{
	return wakeups_timer_set(&device->wakeups, id, deadline);
}

int device_watch(struct mortise_device *device, int fd, uint32_t events, void *opaque)
{
	return wakeups_watch(&device->wakeups, fd, events, opaque);
}
