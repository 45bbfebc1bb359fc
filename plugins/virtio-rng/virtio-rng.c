/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-rng.c - an entropy device (virtio 1.2, 5.4) on the host kernel's random number generator, or a file; limited
 * in how much it gives in a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <mortise/plugin.h>

#define QUEUE_SIZE 64
#define ANSWER_MAX 65536 /* bytes: what one answer may hold, about 0.2 ms of work */
#define REQUEST_SIZE 64	 /* bytes: what Linux's driver asks for */
#define NS_PER_MS UINT64_C(1000000)

/* The instance. */
struct rng {
	uint64_t max_bytes;   /* property: in one period */
	uint32_t period;      /* property: ms */
	const char *filename; /* property; NULL: the kernel's generator */
	int fd;		      /* of the file; -1: none */
	uint64_t left;	      /* bytes in this period */
	bool running;	      /* a period is: its end is set as timer 0 */

	const struct mortise_host *host;
	struct mortise_device *device;
};

/* The host's generator never waits once it has been seeded, which is before this program is looked at: so say so. */
static int open_source(struct rng *rng, struct mortise_error *err)
{
	uint8_t byte;

	rng->fd = -1;
	if (rng->filename) {
		rng->fd = open(rng->filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		return rng->fd >= 0
			       ? 0
			       : mortise_fail(err, -errno, "Could not open '%s': %s", rng->filename, strerror(errno));
	}
	if (getrandom(&byte, sizeof(byte), GRND_NONBLOCK) == sizeof(byte))
		return 0;
	return mortise_fail(err, -errno,
			    "The host's random number generator is not ready: plug the device again when it is");
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct rng *rng = self;

	rng->host = host;
	rng->device = device;
	rng->left = rng->max_bytes;
	return open_source(rng, err);
}

static void unrealize(void *self)
{
	struct rng *rng = self;

	if (rng->fd >= 0)
		close(rng->fd);
}

/* Fills buffers from their start, at most `max` bytes; how many it was. Short when the host will not give more. */
static uint64_t fill(const struct rng *rng, const struct iovec *iov, uint32_t count, uint64_t max)
{
	uint64_t done = 0;

	for (; count && done < max; iov++, count--) {
		uint64_t want = iov->iov_len < max - done ? iov->iov_len : max - done;
		ssize_t got = rng->fd >= 0 ? read(rng->fd, iov->iov_base, want)
					   : getrandom(iov->iov_base, want, GRND_NONBLOCK);

		done += got > 0 ? (uint64_t)got : 0;
		if (got != (ssize_t)want)
			break;
	}
	return done;
}

/* A period begins with the first byte, so that a guest that asks for none costs no wake-up. */
static void spend(struct rng *rng, uint64_t bytes)
{
	rng->left -= bytes;
	if (!rng->running)
		rng->running =
			rng->host->timer_set(rng->device, 0, rng->host->clock_ns() + rng->period * NS_PER_MS) == 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * What exceeds the limit lies in the ring until the next period, rather than being answered in part: Linux's driver
 * (6.12) asks no more once it has got less than it asked for. What the driver lets the device read (5.4.6.1: nothing)
 * is passed over.
 */
static void notify(void *self, uint32_t queue)
{
	struct rng *rng = self;
	struct mortise_chain *chain;

	while ((chain = rng->host->queue_pop(rng->device, queue))) {
		uint64_t size = least(least(chain->in_size, ANSWER_MAX), rng->max_bytes);

		if (size > rng->left) {
			rng->host->queue_unpop(rng->device, chain);
			break;
		}
		size = fill(rng, chain->in, chain->in_count, size);
		spend(rng, size);
		rng->host->queue_push(rng->device, chain, size);
	}
}

static void timer(void *self, uint32_t id)
{
	struct rng *rng = self;

	rng->running = false;
	rng->left = rng->max_bytes;
	notify(self, 0);
}

static const struct mortise_property properties[] = {
	{.name = "filename",
	 .type = MORTISE_PROPERTY_STRING,
	 .offset = offsetof(struct rng, filename),
	 .max = 4095,
	 .help = "character device to read from, in place of the kernel's generator"},
	{.name = "max-bytes",
	 .type = MORTISE_PROPERTY_U64,
	 .offset = offsetof(struct rng, max_bytes),
	 .fallback = "9223372036854775807",
	 .min = REQUEST_SIZE,
	 .max = INT64_MAX,
	 .help = "most bytes that the guest gets in a period"},
	{.name = "period",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct rng, period),
	 .fallback = "65536",
	 .min = 1,
	 .max = UINT32_MAX,
	 .help = "length of a period in milliseconds"},
	{.name = NULL},
};

static const struct mortise_class virtio_rng = {
	.size = sizeof(virtio_rng),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-rng",
	.summary = "Entropy from the host's kernel",
	.virtio_id = 4,
	.queue_count = 1,
	.instance_size = sizeof(struct rng),
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.unrealize = unrealize,
	.notify = notify,
	.timer = timer,
};

static const struct mortise_class *const classes[] = {&virtio_rng, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "virtio-rng",
	.version = "1.1.0",
	.license = "Apache-2.0",
	.summary = "Entropy for the guest (virtio 1.2, 5.4)",
	.classes = classes,
};
