/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/fake-host.c - a host made of arrays.
 */
#include "fake-host.h"

struct mortise_device fake;
struct mortise_host host;

MORTISE_PRINTF(3, 4)
static void host_log(struct mortise_device *device, enum mortise_log_level level, const char *format, ...)
{
}

static void host_offer_features(struct mortise_device *device, uint64_t features)
{
	device->features = features;
}

static void host_write_config(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size)
{
	assert_true(offset + size <= sizeof(device->config));
	memcpy(device->config + offset, data, size);
}

static void host_read_config(struct mortise_device *device, uint32_t offset, void *data, uint32_t size)
{
	memcpy(data, device->config + offset, size);
}

static void host_needs_reset(struct mortise_device *device, const char *why)
{
	device->broken = why;
}

static struct mortise_chain *host_pop(struct mortise_device *device, uint32_t queue)
{
	struct fake_queue *q = &device->queues[queue];
	struct fake_chain *chain = &q->chains[q->popped];

	if (q->popped == q->offered || device->broken)
		return NULL;
	q->popped++;
	memcpy(chain->iov, chain->ring, sizeof(chain->iov));
	chain->pub.out = chain->iov;
	chain->pub.out_count = chain->out_count;
	chain->pub.in = chain->iov + chain->out_count;
	chain->pub.in_count = chain->in_count;
	return &chain->pub;
}

static void host_push(struct mortise_device *device, struct mortise_chain *pub, uint64_t written)
{
	struct fake_chain *chain = container_of(pub, struct fake_chain, pub);

	assert_false(chain->pushed);
	chain->pushed = true;
	chain->written = written;
	device->queues[pub->queue].pushed++;
}

static void host_unpop(struct mortise_device *device, struct mortise_chain *pub)
{
	struct fake_queue *q = &device->queues[pub->queue];

	assert_true(q->popped > 0);
	assert_ptr_equal(&q->chains[q->popped - 1].pub, pub); /* the latest one alone */
	q->popped--;
}

static uint64_t host_clock_ns(void)
{
	return fake.now;
}

static int host_timer_set(struct mortise_device *device, uint32_t id, uint64_t deadline)
{
	assert_true(id < MORTISE_TIMERS);
	device->deadlines[id] = deadline;
	return 0;
}

static int host_watch(struct mortise_device *device, int fd, uint32_t events, void *opaque)
{
	assert_in_range(fd, 0, ARRAY_SIZE(device->watches) - 1);
	device->watches[fd] = events;
	device->opaque[fd] = opaque;
	return 0;
}

static int host_discard(struct mortise_device *device, const struct iovec *iov, uint32_t count)
{
	for (uint32_t i = 0; i < count && device->discard_result == 0; i++)
		device->discarded += iov[i].iov_len;
	return device->discard_result;
}

static int host_discard_at(struct mortise_device *device, uint64_t address, uint64_t size)
{
	if (device->discard_result == 0)
		device->discarded += size;
	return device->discard_result;
}

void fake_open(void)
{
	memset(&fake, 0, sizeof(fake));
	host = (struct mortise_host){
		.size = sizeof(host),
		.abi_major = MORTISE_ABI_MAJOR,
		.abi_minor = MORTISE_ABI_MINOR,
		.version = "test",
		.log = host_log,
		.offer_features = host_offer_features,
		.write_config = host_write_config,
		.read_config = host_read_config,
		.needs_reset = host_needs_reset,
		.queue_pop = host_pop,
		.queue_push = host_push,
		.queue_unpop = host_unpop,
		.clock_ns = host_clock_ns,
		.timer_set = host_timer_set,
		.watch = host_watch,
		.memory_discard = host_discard,
		.memory_discard_at = host_discard_at,
	};
}

void fake_close(void)
{
	for (unsigned q = 0; q < ARRAY_SIZE(fake.queues); q++)
		for (unsigned i = 0; i < fake.queues[q].offered; i++)
			free(fake.queues[q].chains[i].memory);
}

struct fake_chain *fake_offer(uint32_t queue, const void *out, size_t out_size, size_t in_size, unsigned pieces)
{
	struct fake_queue *q = &fake.queues[queue];
	struct fake_chain *chain = &q->chains[q->offered];
	const size_t size = out ? out_size : in_size;
	unsigned used = 0;

	assert_true(q->offered++ < FAKE_CHAINS);
	chain->size = out_size + in_size;
	chain->memory = calloc(1, chain->size);
	if (out)
		memcpy(chain->memory, out, out_size);
	for (size_t at = 0; at < size; used++) {
		const size_t part = used + 1 == pieces ? size - at : MIN((size + pieces - 1) / pieces, size - at);

		chain->ring[used] = (struct iovec){chain->memory + at, part};
		at += part;
	}
	chain->out_count = out ? used : 0;
	if (out && in_size)
		chain->ring[used++] = (struct iovec){chain->memory + out_size, in_size};
	chain->in_count = used - chain->out_count;
	chain->pub.queue = queue;
	chain->pub.out_size = out_size;
	chain->pub.in_size = in_size;
	return chain;
}
