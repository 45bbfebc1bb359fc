/*
 * @NAME@.c - a device of virtio type @VIRTIO_ID@ whose one queue gives back what it is sent.
 *
 * Each request has buffers that the device reads, then buffers that it writes: the first are copied into the second.
 * Configuration space holds how many bytes the device gives back at the most.
 */
#include <endian.h>
#include <errno.h>
#include <mortise/plugin.h>
#include <string.h>

/* Configuration space, little endian, as the driver sees it. */
struct config {
	uint32_t limit; /* bytes */
};

/* One instance. The host allocates it, zeroed, and stores the properties before realize(). */
struct device {
	uint32_t limit; /* property */

	const struct mortise_host *host;
	struct mortise_device *device;
	uint64_t requests; /* answered since the device was plugged, on whatever version of this plugin */
};

/* Comes to life: everything that can be refused is refused here. */
static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct device *d = self;
	const struct config config = {.limit = htole32(d->limit)};

	if (d->limit % 4)
		return mortise_fail(err, -EINVAL, "Parameter 'limit' is %u: it must be a multiple of 4", d->limit);
	d->host = host;
	d->device = device;
	host->write_config(device, 0, &config, sizeof(config));
	return 0;
}

/* Copies from buffer to buffer, at most `limit` bytes; how many it was. */
static uint64_t answer(const struct device *d, struct mortise_chain *chain)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < chain->out_count && done < d->limit; i++) {
		const uint64_t left = d->limit - done;
		const uint64_t size = chain->out[i].iov_len < left ? chain->out[i].iov_len : left;
		const uint64_t put = mortise_iov_put(&chain->in, &chain->in_count, chain->out[i].iov_base, size);

		done += put;
		if (put < size)
			break;
	}
	return done;
}

/* The driver made requests available: takes them all. */
static void notify(void *self, uint32_t queue)
{
	struct device *d = self;
	struct mortise_chain *chain;

	while ((chain = d->host->queue_pop(d->device, queue))) {
		d->host->queue_push(d->device, chain, answer(d, chain));
		d->requests++;
	}
}

/*
 * State that is in no property, queue or configuration space: it goes to the instance of a newer version of this plugin
 * when it is upgraded under a running VM. The version comes first, so that a later one can tell what it reads.
 */
#define STATE_VERSION 1

struct state {
	uint32_t version, reserved;
	uint64_t requests;
};

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct device *d = self;
	const struct state state = {.version = STATE_VERSION, .requests = d->requests};

	if (room < sizeof(state))
		return -ENOSPC;
	memcpy(data, &state, sizeof(state));
	return sizeof(state);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct device *d = self;
	struct state state;

	if (size != sizeof(state))
		return mortise_fail(err, -EINVAL, "The saved state has %llu bytes, expected %zu",
				    (unsigned long long)size, sizeof(state));
	memcpy(&state, data, sizeof(state));
	if (state.version != STATE_VERSION)
		return mortise_fail(err, -EINVAL, "The saved state has version %u, expected %u", state.version,
				    STATE_VERSION);
	d->requests = state.requests;
	return 0;
}

static const struct mortise_property properties[] = {
	{.name = "limit",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct device, limit),
	 .fallback = "65536",
	 .min = 4,
	 .max = 1 << 20,
	 .help = "most bytes in one answer, a multiple of 4"},
	{.name = NULL},
};

static const struct mortise_class class_@IDENTIFIER@ = {
	.size = sizeof(class_@IDENTIFIER@),
	.property_size = sizeof(struct mortise_property),
	.driver = "@NAME@",
	.summary = "A device that gives back what it is sent",
	.virtio_id = @VIRTIO_ID@,
	.queue_count = 1,
	.config_size = sizeof(struct config),
	.instance_size = sizeof(struct device),
	.properties = properties,
	.realize = realize,
	.notify = notify,
	.save = save,
	.restore = restore,
};

static const struct mortise_class *const classes[] = {&class_@IDENTIFIER@, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "@NAME@",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "A device of virtio type @VIRTIO_ID@",
	.classes = classes,
};
