/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/empty.c - making empty instances, and the stand-in that keeps a bound driver company in a slot for any type.
 */
#include "bus/empty.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "base/util.h"
#include "bus/instance.h"

/* `shown`: queues that a driver finds; there are more for one that has found a device with more. */
static int make(struct mortise_device **out, const struct mortise_class *class, uint32_t shown, const uint8_t mac[6],
		struct loop *control, struct loop *loop, struct mortise_error *err)
{
	const struct device_config config = {.class = class, .control = control, .loop = loop};
	_cleanup_(device_free_p) struct mortise_device *device = NULL;
	struct empty *empty;
	int r = device_new(&device, &config, err);

	if (r < 0)
		return r;
	device->face.queue_count = shown;
	device->face.takes_over = true;
	empty = device_self(device);
	if (mac)
		memcpy(empty->mac, mac, sizeof(empty->mac));
	r = device_realize_now(device, err);
	if (r < 0)
		return r;
	*out = steal_ptr(&device);
	return 0;
}

int empty_new(struct mortise_device **out, uint32_t virtio_id, const uint8_t mac[6], struct loop *control,
	      struct loop *loop, struct mortise_error *err)
{
	switch (virtio_id) {
	case VIRTIO_ID_BLOCK:
		return make(out, &empty_blk_class, 1, NULL, control, loop, err);
	case VIRTIO_ID_NET:
		return make(out, &empty_net_class, 3, mac, control, loop, err);
	default:
		return mortise_fail(err, -EINVAL, "A slot cannot be reserved for virtio type %u: only for 1 and 2",
				    virtio_id);
	}
}

/* --- the stand-in --- */

static int stand_in_realize(void *self, struct mortise_device *device, const struct mortise_host *host,
			    struct mortise_error *err)
{
	struct empty *empty = self;

	empty->device = device;
	return 0;
}

/*
 * Nobody can tell what the requests of an unknown type ask for, so they are left where they are until the driver goes
 * or another device of the type is plugged.
 */
static void stand_in_notify(void *self, uint32_t queue)
{
}

static const struct mortise_class stand_in_class = {
	.size = sizeof(stand_in_class),
	.driver = "empty",
	.summary = "What is left where a device was taken out",
	.virtio_id = UINT32_MAX,
	.queue_count = 1,
	.instance_size = sizeof(struct empty),
	.realize = stand_in_realize,
	.notify = stand_in_notify,
};

int empty_stand_in_new(struct mortise_device **out, struct mortise_device *from, struct loop *control,
		       struct loop *loop, struct mortise_error *err)
{
	_cleanup_(device_free_p) struct mortise_device *device = NULL;
	int r = make(&device, &stand_in_class, 1, NULL, control, loop, err);

	if (r < 0)
		return r;
	r = device_look_like(device, from, err);
	if (r < 0)
		return r;
	*out = steal_ptr(&device);
	return 0;
}
