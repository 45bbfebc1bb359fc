/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/vring.c - queues in the hands of an outside server: how they are lent and returned, and the two eventfds.
 *
 * The driver's kicks go to `kick`, by the accelerator or by the transport, without a turn of the instance's loop. The
 * server's interrupts go by the line's own eventfd; where that has none, the loop turns signals to `call` into them.
 */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/bells.h"

static void on_call(evutil_socket_t fd, short what, void *opaque)
{
	struct mortise_device *device = opaque;
	eventfd_t count;

	if (eventfd_read(fd, &count) == 0)
		transport_interrupt(device->transport, &device->face, VIRTIO_MMIO_INT_VRING);
}

/* What the server is to signal, or a negative errno. */
static int start_calls(struct mortise_device *device, struct lent_ring *vring)
{
	const int past = transport_lend_interrupt(device->transport);

	vring->past = past >= 0;
	if (vring->past)
		return past;
	if (vring->call < 0)
		vring->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vring->call < 0)
		return -errno;
	if (!vring->called)
		vring->called = event_new(loop_base(device->loop), vring->call, EV_READ | EV_PERSIST, on_call, device);
	return vring->called && event_add(vring->called, NULL) == 0 ? vring->call : -ENOMEM;
}

/* What the server has signalled to the last is passed on. */
static void end_calls(struct mortise_device *device, struct lent_ring *vring)
{
	if (vring->past) {
		transport_unlend_interrupt(device->transport);
	} else {
		event_del(vring->called);
		on_call(vring->call, EV_READ, device);
	}
}

static int vrings_new(struct mortise_device *device)
{
	struct lent_ring *vrings = calloc(device->queue_count, sizeof(*vrings));

	if (!vrings)
		return -ENOMEM;
	for (uint32_t i = 0; i < device->queue_count; i++)
		vrings[i].kick = vrings[i].call = -1;
	device->vrings = vrings;
	return 0;
}

void vrings_free(struct mortise_device *device)
{
	for (uint32_t i = 0; device->vrings && i < device->queue_count; i++) {
		struct lent_ring *vring = &device->vrings[i];

		if (vring->called)
			event_free(vring->called);
		if (vring->kick >= 0)
			close(vring->kick);
		if (vring->call >= 0)
			close(vring->call);
	}
	free(device->vrings);
	device->vrings = NULL;
}

static bool is_lent(const struct mortise_device *device, uint32_t queue)
{
	return queue < device->queue_count && device->queues[queue].lent;
}

void vring_kick(struct mortise_device *device, uint32_t queue)
{
	eventfd_write(device->vrings[queue].kick, 1);
}

int device_vring_lend(struct mortise_device *device, uint32_t queue, struct mortise_vring *out)
{
	struct virtqueue *vq;
	struct lent_ring *vring;
	int r = 0, call;

	if (queue >= device->queue_count || !device->active || device->held || !device->queues[queue].started)
		return -ENODEV;
	vq = &device->queues[queue];
	if (vq->lent || vq->in_flight)
		return -EBUSY;
	if (vq->broken || device->broken)
		return -EPROTO;
	if (!device->vrings)
		r = vrings_new(device);
	if (r < 0)
		return r;
	vring = &device->vrings[queue];
	if (vring->kick < 0)
		vring->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vring->kick < 0)
		return -errno;
	call = start_calls(device, vring);
	if (call < 0)
		return call;
	const struct mortise_vring full = {.struct_size = MIN(out->struct_size, (uint32_t)sizeof(full)),
					   .size = vq->size,
					   .descriptors = (void *)vq->desc,
					   .available = vq->avail,
					   .used = vq->used,
					   .next = vq->next_avail,
					   .kick = vring->kick,
					   .call = call};

	virtqueue_lend(vq);
	ram_unseen(device->transport->ram, true);
	bell_lend(device, queue, true);
	vring->direct = doorbell_tie(&device->transport->doorbell, queue, vring->kick, true);
	atomic_fetch_or(&device->lent, UINT64_C(1) << queue);
	memcpy(out, &full, full.struct_size);
	vring_kick(device, queue);
	return 0;
}

void device_vring_return(struct mortise_device *device, uint32_t queue, int32_t next)
{
	struct lent_ring *vring;
	eventfd_t count;

	if (!is_lent(device, queue)) {
		log_error("device '%s' returns queue %u, which is not lent", device->id, queue);
		return;
	}
	vring = &device->vrings[queue];
	if (vring->direct)
		doorbell_tie(&device->transport->doorbell, queue, vring->kick, false);
	bell_lend(device, queue, false);
	atomic_fetch_and(&device->lent, ~(UINT64_C(1) << queue));
	eventfd_read(vring->kick, &count); /* notify() will find out */
	end_calls(device, vring);
	virtqueue_return(&device->queues[queue], next);
	ram_unseen(device->transport->ram, false);
	if (device->popping)
		device_kick(device, queue);
}

int vrings_check(const struct mortise_device *device, struct mortise_error *err)
{
	for (uint32_t i = 0; i < device->queue_count; i++)
		if (device->queues[i].lent)
			return mortise_fail(err, -EBUSY, "Device '%s' has not taken queue %u back from its server",
					    device->id, i);
	return 0;
}

void vrings_reclaim(struct mortise_device *device)
{
	for (uint32_t i = 0; i < device->queue_count; i++) {
		if (!device->queues[i].lent)
			continue;
		log_error("device '%s' has left queue %u with its server", device->id, i);
		device_vring_return(device, i, -1);
	}
}

int device_memory_region(struct mortise_device *device, uint32_t index, struct mortise_memory_region *out)
{
	const struct ram *ram = device->ram;
	const struct ram_range *range;

	if (!ram || index >= ram->range_count)
		return -ENOENT;
	range = &ram->ranges[index];
	const struct mortise_memory_region full = {.struct_size = MIN(out->struct_size, (uint32_t)sizeof(full)),
						   .fd = ram->fd,
						   .address = range->base,
						   .size = range->size,
						   .offset = (uint64_t)(range->host - ram->host),
						   .host = range->host};

	memcpy(out, &full, full.struct_size);
	return 0;
}
