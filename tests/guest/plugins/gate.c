/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest/plugins/gate.c - an entropy device that hangs in its callback until somebody opens the other end of a FIFO.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <mortise/plugin.h>

struct gate {
	const char *fifo;
	const struct mortise_host *host;
	struct mortise_device *device;
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct gate *gate = self;

	gate->host = host;
	gate->device = device;
	return 0;
}

static void notify(void *self, uint32_t queue)
{
	struct gate *gate = self;
	struct mortise_chain *chain;

	while ((chain = gate->host->queue_pop(gate->device, queue))) {
		close(open(gate->fifo, O_RDONLY | O_CLOEXEC));
		memset(chain->in->iov_base, 'g', chain->in->iov_len);
		gate->host->queue_push(gate->device, chain, chain->in->iov_len);
	}
}

static const struct mortise_property properties[] = {
	{.name = "fifo",
	 .type = MORTISE_PROPERTY_STRING,
	 .offset = offsetof(struct gate, fifo),
	 .max = 4095,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .help = "what it hangs on"},
	{.name = NULL},
};

static const struct mortise_class class = {
	.size = sizeof(class),
	.property_size = sizeof(struct mortise_property),
	.driver = "gate",
	.summary = "Entropy that does not come",
	.virtio_id = 4,
	.queue_count = 1,
	.instance_size = sizeof(struct gate),
	.properties = properties,
	.realize = realize,
	.notify = notify,
};

static const struct mortise_class *const classes[] = {&class, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.name = "gate",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Plugin for tests",
	.classes = classes,
};
