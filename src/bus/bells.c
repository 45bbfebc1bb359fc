/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/bells.c - eventfds in place of stores to QueueNotify.
 *
 * They belong to the slot, as the queues do, and stay when the instance behind it is exchanged. Each ring is an edge
 * for epoll: nobody ever reads them, hence no instance takes away what was meant for the next.
 */
#include "bus/bells.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"

struct bell {
	struct mortise_device *device;
	struct event *event; /* NULL: this queue has none */
};

/* --- the slot's side --- */

static bool tie(struct transport *t, uint32_t queue)
{
	_cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0 || !doorbell_tie(&t->doorbell, queue, fd, true))
		return false;
	t->bells[queue] = steal_fd(&fd);
	return true;
}

void bells_tie(struct transport *t)
{
	struct virtqueue_place places[TRANSPORT_QUEUES];
	bool can = t->doorbell.tie;

	transport_negotiated(t, places);
	for (uint32_t i = 0; i < TRANSPORT_QUEUES && can; i++)
		if (places[i].ready && t->bells[i] < 0)
			can = tie(t, i);
}

void bells_untie(struct transport *t)
{
	for (uint32_t i = 0; i < TRANSPORT_QUEUES; i++) {
		if (t->bells[i] < 0)
			continue;
		doorbell_tie(&t->doorbell, i, t->bells[i], false);
		close(t->bells[i]);
		t->bells[i] = -1;
	}
}

/* --- the instance's side --- */

static void on_ring(evutil_socket_t fd, short what, void *opaque)
{
	struct bell *bell = opaque;
	struct mortise_device *device = bell->device;

	transport_count_kick(device->transport);
	atomic_fetch_or(&device->kicked, UINT64_C(1) << (bell - device->bells));
	device_run_kick(&device->kick);
}

static int listen_to(struct bell *bell, int fd)
{
	bell->event = event_new(loop_base(bell->device->loop), fd, EV_READ | EV_PERSIST | EV_ET, on_ring, bell);
	return bell->event && event_add(bell->event, NULL) == 0 ? 0 : -ENOMEM;
}

int bells_listen(struct mortise_device *device)
{
	int r = 0;

	device->bells = calloc(device->queue_count, sizeof(device->bells[0]));
	if (!device->bells)
		return -ENOMEM;
	for (uint32_t i = 0; i < device->queue_count && r == 0; i++) {
		device->bells[i].device = device;
		if (device->queues[i].started && device->transport->bells[i] >= 0)
			r = listen_to(&device->bells[i], device->transport->bells[i]);
	}
	return r;
}

void bell_lend(struct mortise_device *device, uint32_t queue, bool lent)
{
	const int bell = device->transport->bells[queue];

	if (bell >= 0)
		doorbell_tie(&device->transport->doorbell, queue, bell, !lent);
}

void bells_leave(struct mortise_device *device)
{
	for (uint32_t i = 0; device->bells && i < device->queue_count; i++)
		if (device->bells[i].event)
			event_free(device->bells[i].event);
	free(device->bells);
	device->bells = NULL;
}
