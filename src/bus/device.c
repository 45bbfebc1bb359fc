/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/device.c - instances: how they are made and freed. How they live is in bus/steps.c, what they can ask for in
 * bus/services.c.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "bus/bells.h"
#include "bus/feature.h"
#include "bus/instance.h"

#define QUEUE_SIZE 256 /* where a class does not say */
#define CONFIG_MAX 4096
#define REQUEST_MAX 4096

/* --- making and freeing --- */

static int check_class(const struct mortise_class *class, struct mortise_error *err)
{
	if (!class->virtio_id != !class->queue_count || !class->virtio_id != !!class->parent ||
	    class->queue_count > TRANSPORT_QUEUES || class->queue_size > VIRTQUEUE_MAX ||
	    class->queue_size & (class->queue_size - 1) || class->config_size > CONFIG_MAX ||
	    class->request_size > REQUEST_MAX)
		return mortise_fail(err, -EINVAL, "The description of device class '%s' is out of bounds",
				    class->driver);
	return 0;
}

static void make_face(struct mortise_device *device)
{
	const struct mortise_class *class = device->class;

	device->face = (struct transport_face){.name = device->id,
					       .virtio_id = class->virtio_id,
					       .features = (class->features & FEATURES_OF_TYPE) | features_of_bus,
					       .queue_count = class->queue_count,
					       .queue_size = class->queue_size ? class->queue_size : QUEUE_SIZE,
					       .config = device->face.config,
					       .config_size = class->config_size,
					       .config_writable = class->config_written != NULL};
}

int device_new(struct mortise_device **out, const struct device_config *config, struct mortise_error *err)
{
	const struct mortise_class *class = config->class;
	_cleanup_(device_free_p) struct mortise_device *device = NULL;
	uint32_t events = 0;
	int r = check_class(class, err);

	if (r < 0)
		return r;
	while (class->monitor && class->monitor->events && class->monitor->events[events].name)
		events++;
	device = calloc(1, sizeof(*device));
	if (device) {
		device->id = strdup(config->id ? config->id : class->driver);
		device->self = calloc(1, class->instance_size ? class->instance_size : 1);
		device->queues = calloc(class->queue_count ? class->queue_count : 1, sizeof(device->queues[0]));
		device->latest = calloc(events + 1, sizeof(device->latest[0]));
		device->face.config = calloc(1, class->config_size ? class->config_size : 1);
	}
	if (!device || !device->id || !device->self || !device->queues || !device->latest || !device->face.config)
		return mortise_fail(err, -ENOMEM, "Out of memory for device '%s'",
				    config->id ? config->id : class->driver);
	device->class = class;
	device->host = config->host;
	device->owner = config->owner;
	device->parent = config->parent;
	device->ram = config->ram;
	device->control = config->control;
	device->state = DEVICE_CREATED;
	device->queue_count = class->queue_count;
	device->event_count = events;
	device->kick.run = device_run_kick;
	device->round_end.run = device_end_round;
	make_face(device);
	if (config->loop || config->parent) {
		device->loop = config->parent ? config->parent->loop : config->loop;
	} else {
		r = loop_new(&device->loop, err);
		if (r < 0)
			return r;
		device->own_loop = true;
		r = loop_start(device->loop, device->id, err);
		if (r < 0)
			return r;
	}
	device_init_wakeups(device);
	*out = steal_ptr(&device);
	return 0;
}

int device_look_like(struct mortise_device *device, const struct mortise_device *other, struct mortise_error *err)
{
	const struct transport_face *face = &other->face;
	struct virtqueue *queues = calloc(face->queue_count, sizeof(*queues));
	uint8_t *config = calloc(1, face->config_size + 1);

	if (!queues || !config) {
		free(queues);
		free(config);
		return mortise_fail(err, -ENOMEM, "Out of memory for what is to take over from device '%s'", other->id);
	}
	free(device->queues);
	free(device->face.config);
	device->queues = queues;
	device->queue_count = face->queue_count;
	device->face = (struct transport_face){.name = device->id,
					       .virtio_id = face->virtio_id,
					       .features = face->features,
					       .queue_count = face->queue_count,
					       .queue_size = face->queue_size,
					       .takes_over = true,
					       .config = config,
					       .config_size = face->config_size};
	if (other->transport)
		transport_read_config(other->transport, face, 0, config, face->config_size);
	return 0;
}

void device_take_loop(struct mortise_device *device, struct mortise_device *from)
{
	device->own_loop = from->own_loop;
	from->own_loop = false;
}

struct mortise_device *device_free(struct mortise_device *device)
{
	if (!device)
		return NULL;
	bells_leave(device); /* of an empty instance, which ends behind its slot */
	if (device->own_loop)
		loop_free(device->loop);
	for (uint32_t i = 0; device->queues && i < device->queue_count; i++)
		virtqueue_stop(&device->queues[i]);
	free(device->queues);
	free(device->latest);
	free(device->face.config);
	free(device->self);
	free(device->id);
	free(device);
	return NULL;
}
