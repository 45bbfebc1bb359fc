/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest/plugins/echo.c - a console (virtio 1.2, 5.3) that says what it is told: a device of a type that no other test
 * plugin has.
 */
#include <mortise/plugin.h>

#define TO_DRIVER 0
#define FROM_DRIVER 1

struct echo {
	const struct mortise_host *host;
	struct mortise_device *device;
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct echo *echo = self;

	echo->host = host;
	echo->device = device;
	return 0;
}

/* What comes while the driver offers no buffer is lost. */
static void say(struct echo *echo, struct mortise_chain *heard)
{
	struct mortise_chain *answer = echo->host->queue_pop(echo->device, TO_DRIVER);
	uint64_t size = 0;

	if (!answer)
		return;
	for (; heard->out_count; heard->out++, heard->out_count--)
		size += mortise_iov_put(&answer->in, &answer->in_count, heard->out->iov_base, heard->out->iov_len);
	echo->host->queue_push(echo->device, answer, size);
}

static void notify(void *self, uint32_t queue)
{
	struct echo *echo = self;
	struct mortise_chain *heard;

	while ((heard = echo->host->queue_pop(echo->device, FROM_DRIVER))) {
		say(echo, heard);
		echo->host->queue_push(echo->device, heard, 0);
	}
}

static const struct mortise_class class = {
	.size = sizeof(class),
	.property_size = sizeof(struct mortise_property),
	.driver = "echo",
	.summary = "Console that says what it is told",
	.virtio_id = 3,
	.queue_count = 2,
	.config_size = 12,
	.instance_size = sizeof(struct echo),
	.realize = realize,
	.notify = notify,
};

static const struct mortise_class *const classes[] = {&class, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.name = "echo",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Plugin for tests",
	.classes = classes,
};
