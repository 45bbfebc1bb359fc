/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/services.c - what an instance is asked for by its plugin and by others, while it lives.
 */
#include <linux/virtio_mmio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/command.h"
#include "bus/feature.h"
#include "bus/instance.h"

/* Chains that a round takes at most before the loop's other work has its turn. */
#define POPPED_MAX 4096

void *device_self(struct mortise_device *device)
{
	return device->self;
}

void *device_owner(const struct mortise_device *device)
{
	return device->owner;
}

struct ram *device_extends_ram(struct mortise_device *device)
{
	if (!device->realizing)
		return NULL;
	device->is_memory = true;
	return device->ram;
}

struct loop *device_loop(struct mortise_device *device)
{
	return device->loop;
}

const char *device_id(const struct mortise_device *device)
{
	return device->id;
}

const struct mortise_class *device_class(const struct mortise_device *device)
{
	return device->class;
}

uint64_t device_features(const struct mortise_device *device)
{
	return device->face.features;
}

struct mortise_device *device_of_face(const struct transport_face *face)
{
	return container_of(face, struct mortise_device, face);
}

void device_post(struct mortise_device *device, struct task *task)
{
	loop_post(device->loop, task);
}

void device_kick(struct mortise_device *device, uint32_t queue)
{
	if (queue >= device->queue_count)
		return;
	if (atomic_load(&device->lent) >> queue & 1)
		vring_kick(device, queue);
	else if (!atomic_fetch_or(&device->kicked, UINT64_C(1) << queue))
		loop_post(device->loop, &device->kick);
}

/* --- backends' news --- */

void device_block_changed(struct mortise_device *device, struct mortise_block *block)
{
	if (device->alive && !device_is_held(device) && device->class->block_changed)
		device->class->block_changed(device->self, block);
}

void device_net_ready(struct mortise_device *device, struct mortise_net *net, uint32_t queue, uint32_t events)
{
	if (device->alive && !device_is_held(device) && device->class->net_ready)
		device->class->net_ready(device->self, net, queue, events);
}

bool device_char_ready(struct mortise_device *device, struct mortise_chardev *chardev, uint32_t events)
{
	if (!device->alive || device_is_held(device) || !device->class->char_ready)
		return false;
	device->class->char_ready(device->self, chardev, events);
	return true;
}

/* --- what the guest sees --- */

void device_offer_features(struct mortise_device *device, uint64_t features)
{
	if (device->realizing)
		device->face.features = (device->class->features & features & FEATURES_OF_TYPE) |
					(device->face.features & ~FEATURES_OF_TYPE);
	else
		log_error("device '%s' offers features outside realize()", device->id);
}

void device_offer_ring_features(struct mortise_device *device, uint64_t features)
{
	if (device->realizing)
		device->face.features &= features | ~features_of_ring;
	else
		log_error("device '%s' offers features outside realize()", device->id);
}

void device_write_config(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size)
{
	const uint32_t room = device->face.config_size;

	if (device->transport)
		transport_write_config(device->transport, &device->face, offset, data, size, false);
	else if (offset < room)
		memcpy(device->face.config + offset, data, MIN(size, room - offset));
}

void device_read_config(struct mortise_device *device, uint32_t offset, void *data, uint32_t size)
{
	const uint32_t room = device->face.config_size;

	if (device->transport) {
		transport_read_config(device->transport, &device->face, offset, data, size);
		return;
	}
	memset(data, 0, size);
	if (offset < room)
		memcpy(data, device->face.config + offset, MIN(size, room - offset));
}

static void tell_breakage(struct task *task)
{
	struct mortise_device *device = container_of(task, struct mortise_device, breakage.notice.task);

	if (device->broke)
		device->broke(device->broke_opaque, device->breakage.why);
	notice_told(&device->breakage.notice);
}

void device_on_broken(struct mortise_device *device, void (*broke)(void *opaque, const char *why), void *opaque)
{
	device->broke = broke;
	device->broke_opaque = opaque;
}

void device_needs_reset(struct mortise_device *device, const char *why)
{
	if (device->broken || !device->active)
		return;
	device->broken = "its plugin gave up on the driver";
	device->popping = false;
	if (log_allowed(&device->log_limit, 5))
		log_warning("device '%s' needs a reset by the guest's driver: %s", device->id, why);
	transport_needs_reset(device->transport, &device->face);
	if (notice_take(&device->breakage.notice)) {
		snprintf(device->breakage.why, sizeof(device->breakage.why), "%s", why);
		notice_give(&device->breakage.notice, device->control, tell_breakage);
	}
}

/* --- virtqueues --- */

struct mortise_chain *device_queue_pop(struct mortise_device *device, uint32_t queue)
{
	struct mortise_chain *chain;

	if (!device->popping || queue >= device->queue_count)
		return NULL;
	if (device->popped >= POPPED_MAX) {
		device_kick(device, queue); /* as the driver may not */
		return NULL;
	}
	chain = virtqueue_pop(&device->queues[queue]);
	if (chain) {
		device->popped++;
		device->in_flight++;
	} else if (device->queues[queue].broken) {
		device_needs_reset(device, device->queues[queue].broken);
	}
	return chain;
}

void device_queue_push(struct mortise_device *device, struct mortise_chain *chain, uint64_t written)
{
	if (chain->queue >= device->queue_count || !virtqueue_push(&device->queues[chain->queue], chain, written)) {
		log_error("device '%s' pushes a chain that is not in flight", device->id);
		return;
	}
	device->in_flight--;
	device->pushed |= UINT64_C(1) << chain->queue;
	loop_at_end(device->loop, &device->round_end);
}

void device_queue_unpop(struct mortise_device *device, struct mortise_chain *chain)
{
	if (chain->queue >= device->queue_count || !virtqueue_unpop(&device->queues[chain->queue], chain)) {
		log_error("device '%s' puts back a chain that was not popped last", device->id);
		return;
	}
	device->in_flight--;
	if (device->drained)
		loop_at_end(device->loop, &device->round_end);
}

/* --- guest memory --- */

static bool is_ram(const struct ram *ram, const void *host, uint64_t size)
{
	const uint64_t offset = (uint64_t)((uintptr_t)host - (uintptr_t)ram->host);

	return offset < ram->size && size <= ram->size - offset;
}

int device_memory_discard(struct mortise_device *device, const struct iovec *iov, uint32_t count)
{
	const struct ram *ram = device->transport && !device->held ? device->transport->ram : NULL;
	int r = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!ram || !is_ram(ram, iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
	for (uint32_t i = 0; i < count && r == 0; i++)
		r = ram_discard(ram, iov[i].iov_base, iov[i].iov_len);
	return r;
}

int device_memory_discard_at(struct mortise_device *device, uint64_t address, uint64_t size)
{
	const struct ram *ram = device->transport && !device->held ? device->transport->ram : NULL;
	void *host = ram ? ram_at(ram, address, size) : NULL;

	return host ? ram_discard(ram, host, size) : -EFAULT;
}

/* --- rounds of the loop --- */

void device_notify(struct mortise_device *device, uint32_t queue)
{
	if (!device->popping || !device->queues[queue].started)
		return;
	if (device->queues[queue].lent)
		vring_kick(device, queue);
	else
		device->class->notify(device->self, queue);
}

void device_run_kick(struct task *task)
{
	struct mortise_device *device = container_of(task, struct mortise_device, kick);
	uint64_t kicked = atomic_exchange(&device->kicked, 0);

	device->popped = 0;
	for (uint32_t i = 0; kicked; i++, kicked >>= 1)
		if (kicked & 1)
			device_notify(device, i);
}

void device_end_round(struct end_hook *hook)
{
	struct mortise_device *device = container_of(hook, struct mortise_device, round_end);
	uint64_t pushed = device->pushed;
	bool wanted = false;

	device->popped = 0;
	device->pushed = 0;
	for (uint32_t i = 0; pushed; i++, pushed >>= 1)
		if (pushed & 1)
			wanted |= virtqueue_publish(&device->queues[i]);
	if (wanted)
		transport_interrupt(device->transport, &device->face, VIRTIO_MMIO_INT_VRING);
	if (device->drained && !device->in_flight) {
		void (*then)(struct mortise_device * device) = device->drained;

		device->drained = NULL;
		then(device);
	}
}
