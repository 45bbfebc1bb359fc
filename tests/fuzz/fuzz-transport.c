/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-transport.c - a hostile guest in front of a slot: register accesses, rings and descriptors as the input says,
 * while devices come and go behind it.
 *
 * Whatever it does: the device is handed only memory that is the guest's, every wait ends, and a reset leaves a slot as
 * it was at first.
 */
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "bus/empty.h"
#include "bus/slot.h"

#define BASE UINT64_C(0x80000000)
#define QUEUE_STRIDE 0x4000
#define QUEUES 3
#define AVAIL 0x2000
#define USED 0x3000
#define RINGS (QUEUES * QUEUE_STRIDE) /* and room for buffers and tables up to 64 KiB */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool held)
{
	if (!held)
		abort();
}

/* --- the machine: made once --- */

static struct machine {
	struct ram *ram;
	struct loop *control, *io, *empties;
	struct slot *slot;
	bool line;
	uint16_t avail[QUEUES];

	pthread_mutex_t lock;
	pthread_cond_t answered;
	int result;
	bool waiting;
} m = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};

static void set_line(void *controller, unsigned number, bool level)
{
	m.line = level; /* under the slot's lock */
}

static void start(void)
{
	demand(ram_new(&m.ram, RAM_MIN, false, NULL) == 0);
	demand(ram_map(m.ram, BASE, RAM_MIN / 2, NULL) == 0);
	demand(ram_map(m.ram, 2 * BASE, RAM_MIN / 2, NULL) == 0);
	demand(loop_new(&m.control, NULL) == 0 && loop_start(m.control, "control", NULL) == 0);
	demand(loop_new(&m.io, NULL) == 0 && loop_start(m.io, "io", NULL) == 0);
	demand(loop_new(&m.empties, NULL) == 0 && loop_start(m.empties, "empties", NULL) == 0);
	log_set_level((enum mortise_log_level) - 1);
}

/* --- the device: touches all that it is handed --- */

struct gadget {
	struct mortise_device *device;
	uint64_t sum;
};

static void check_buffers(const struct iovec *iov, uint32_t count, uint64_t size)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *at = iov[i].iov_base;

		demand(iov[i].iov_len > 0);
		demand(at >= m.ram->host && iov[i].iov_len <= m.ram->size - (uint64_t)(at - m.ram->host));
		sum += iov[i].iov_len;
	}
	demand(sum == size);
}

static int gadget_realize(void *self, struct mortise_device *device, const struct mortise_host *host,
			  struct mortise_error *err)
{
	struct gadget *gadget = self;

	gadget->device = device;
	return 0;
}

static void gadget_notify(void *self, uint32_t queue)
{
	struct gadget *gadget = self;
	struct mortise_chain *chain;
	uint8_t first[16];

	while ((chain = device_queue_pop(gadget->device, queue))) {
		check_buffers(chain->out, chain->out_count, chain->out_size);
		check_buffers(chain->in, chain->in_count, chain->in_size);
		demand(chain->in_size + chain->out_size > 0);
		gadget->sum += mortise_iov_take(&chain->out, &chain->out_count, first, sizeof(first));
		mortise_iov_put(&chain->in, &chain->in_count, "gadget", 6);
		device_queue_push(gadget->device, chain, gadget->sum);
	}
}

static void gadget_config_written(void *self, uint32_t offset, uint32_t size)
{
	struct gadget *gadget = self;
	uint8_t data[256];

	demand(size <= sizeof(data));
	device_read_config(gadget->device, offset, data, size);
	data[0] ^= 1;
	device_write_config(gadget->device, offset, data, size);
}

static const struct mortise_class gadget_class = {
	.size = sizeof(gadget_class),
	.driver = "gadget",
	.virtio_id = 2,
	.queue_count = QUEUES,
	.features = EMPTY_BLK_FEATURES | EMPTY_NET_FEATURES,
	.config_size = 80,
	.instance_size = sizeof(struct gadget),
	.realize = gadget_realize,
	.notify = gadget_notify,
	.config_written = gadget_config_written,
};

/* --- the control thread --- */

struct call {
	void (*call)(struct call *call);
	struct mortise_device *device;
	struct task task;
	struct reply reply;
};

static void answered(struct reply *reply, int result)
{
	pthread_mutex_lock(&m.lock);
	m.result = result;
	m.waiting = false;
	pthread_cond_broadcast(&m.answered);
	pthread_mutex_unlock(&m.lock);
}

static void run_call(struct task *task)
{
	struct call *call = container_of(task, struct call, task);

	call->call(call);
}

static int control(void (*run)(struct call *call), struct mortise_device *device)
{
	struct call call = {.call = run, .device = device, .task.run = run_call, .reply.done = answered};

	m.waiting = true;
	loop_post(m.control, &call.task);
	pthread_mutex_lock(&m.lock);
	while (m.waiting)
		pthread_cond_wait(&m.answered, &m.lock);
	pthread_mutex_unlock(&m.lock);
	return m.result;
}

static void exchange(struct call *call)
{
	slot_exchange(m.slot, call->device, &call->reply);
}

static void stop(struct call *call)
{
	slot_stop(m.slot, &call->reply);
}

static void cont(struct call *call)
{
	slot_cont(m.slot, &call->reply);
}

static void reset(struct call *call)
{
	slot_reset(m.slot, &call->reply);
}

static void realize(struct call *call)
{
	device_realize(call->device, &call->reply);
}

static void unrealize(struct call *call)
{
	device_unrealize(call->device, &call->reply);
}

/* Plugs a new gadget, if there is none, or unplugs the one that is there. */
static void plug_or_unplug(void)
{
	const struct device_config config = {
		.class = &gadget_class, .id = "gadget", .control = m.control, .loop = m.io};
	struct mortise_device *device = slot_device(m.slot);

	if (device) {
		demand(control(exchange, NULL) == 0);
	} else {
		demand(device_new(&device, &config, NULL) == 0);
		demand(control(realize, device) == 0);
		if (control(exchange, device) == 0)
			return;
	}
	demand(control(unrealize, device) == 0);
	device_free(device);
}

/* --- the guest --- */

/* A guest's stores are no business of a race detector: a hostile one races with the device, whatever we do. */
__attribute__((no_sanitize("thread"))) static void store(uint64_t gpa, const void *from, size_t size)
{
	volatile uint8_t *to = ram_at(m.ram, gpa, size);

	for (size_t i = 0; i < size; i++)
		to[i] = from ? ((const volatile uint8_t *)from)[i] : 0;
}

static uint32_t read32(uint64_t offset)
{
	return (uint32_t)slot_mmio_ops.read(m.slot, offset, 4);
}

static void write32(uint64_t offset, uint64_t value)
{
	slot_mmio_ops.write(m.slot, offset, (uint32_t)value, 4);
}

static void bind_driver(uint8_t flags, uint8_t size, uint8_t queues)
{
	uint64_t features = flags & 1 ? EMPTY_NET_FEATURES | EMPTY_BLK_FEATURES : 0;

	for (uint32_t i = 0; i < 2; i++) {
		write32(VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		write32(VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		if (i == 0)
			features &= read32(VIRTIO_MMIO_DEVICE_FEATURES);
		else
			features |= UINT64_C(1) << 32;
		features |= flags & 2 ? UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC : 0;
		features |= flags & 4 ? UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX : 0;
	}
	write32(VIRTIO_MMIO_STATUS, 0);
	for (uint32_t i = 0; i < 2; i++) {
		write32(VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		write32(VIRTIO_MMIO_DRIVER_FEATURES, features >> 32 * i);
	}
	write32(VIRTIO_MMIO_STATUS, 11);
	for (uint32_t i = 0; i < queues % (QUEUES + 1); i++) {
		m.avail[i] = 0;
		store(BASE + i * QUEUE_STRIDE, NULL, QUEUE_STRIDE);
		write32(VIRTIO_MMIO_QUEUE_SEL, i);
		write32(VIRTIO_MMIO_QUEUE_NUM, UINT32_C(1) << size % 10);
		write32(VIRTIO_MMIO_QUEUE_DESC_LOW, BASE + i * QUEUE_STRIDE);
		write32(VIRTIO_MMIO_QUEUE_AVAIL_LOW, BASE + i * QUEUE_STRIDE + AVAIL);
		write32(VIRTIO_MMIO_QUEUE_USED_LOW, BASE + i * QUEUE_STRIDE + USED);
		write32(VIRTIO_MMIO_QUEUE_READY, 1);
	}
	write32(VIRTIO_MMIO_STATUS, 15);
}

/* Assumes a ring of eight; at another size the index goes to some other place. */
static void offer(uint8_t queue, uint8_t head)
{
	const uint64_t ring = BASE + queue % QUEUES * QUEUE_STRIDE + AVAIL;
	uint16_t *index = &m.avail[queue % QUEUES];

	store(ring + 4 + *index % 8 * 2u, &(uint16_t){head}, 2);
	++*index;
	store(ring + 2, index, 2);
	write32(VIRTIO_MMIO_QUEUE_NOTIFY, queue % QUEUES);
}

/* --- the input --- */

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *input, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && input->at < input->end; i++)
		value |= (uint64_t)*input->at++ << 8 * i;
	return value;
}

static void poke(struct input *input)
{
	const uint64_t offset = take(input, 2);
	const uint64_t length = MIN(take(input, 1), (uint64_t)(input->end - input->at));

	for (uint64_t i = 0; i < length; i++)
		store(BASE + offset + i, &(uint8_t){(uint8_t)take(input, 1)}, 1);
}

static void describe(struct input *input)
{
	const uint64_t queue = take(input, 1) % QUEUES, index = take(input, 1);
	const uint64_t where = take(input, 4);
	struct vring_desc desc;

	/* Mostly near the rings, where the tables are; at times somewhere else altogether. */
	desc.addr = where >> 31 ? where << 4 : BASE + where;
	desc.len = (uint32_t)take(input, 2);
	desc.flags = (uint16_t)take(input, 1);
	desc.next = (uint16_t)take(input, 1);
	store(BASE + queue * QUEUE_STRIDE + index * sizeof(desc), &desc, sizeof(desc));
}

static void step(struct input *input)
{
	uint64_t a, b, c;

	switch (take(input, 1) % 12) {
	case 0:
		a = take(input, 1);
		write32(a * 4 % SLOT_MMIO_SIZE, take(input, 4));
		break;
	case 1:
		a = take(input, 2);
		b = UINT64_C(1) << a / SLOT_MMIO_SIZE % 4;
		a = a % SLOT_MMIO_SIZE & ~(b - 1);
		demand(b == 8 || slot_mmio_ops.read(m.slot, a, (unsigned)b) >> 8 * b == 0);
		break;
	case 2:
		poke(input);
		break;
	case 3:
		a = take(input, 1);
		b = take(input, 1);
		bind_driver((uint8_t)a, (uint8_t)b, (uint8_t)take(input, 1));
		break;
	case 4:
		write32(VIRTIO_MMIO_QUEUE_NOTIFY, take(input, 1));
		break;
	case 5:
		plug_or_unplug();
		break;
	case 6:
		demand(control(stop, NULL) == 0);
		break;
	case 7:
		demand(control(cont, NULL) == 0);
		break;
	case 8:
		describe(input);
		break;
	case 9:
		a = take(input, 1);
		offer((uint8_t)a, (uint8_t)take(input, 1));
		break;
	case 10:
		demand(control(reset, NULL) == 0);
		break;
	case 11:
		a = take(input, 2);
		b = UINT64_C(1) << a / SLOT_MMIO_SIZE % 4;
		c = take(input, (unsigned)b);
		slot_mmio_ops.write(m.slot, a % SLOT_MMIO_SIZE & ~(b - 1), c, (unsigned)b);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slot_config config = {.name = "fuzz.0", .irq = {.set = set_line}};
	struct input input = {.at = data, .end = data + size};
	struct slot_info info;

	if (!m.ram)
		start();
	demand(ram_clear(m.ram, NULL) == 0);
	memset(m.avail, 0, sizeof(m.avail));
	config.virtio_id = (uint32_t)take(&input, 1) % 3;
	config.ram = m.ram;
	config.control = m.control;
	config.empties = m.empties;
	demand(slot_new(&m.slot, &config, NULL) == 0);
	while (input.at < input.end)
		step(&input);

	demand(control(cont, NULL) == 0);
	if (slot_device(m.slot))
		plug_or_unplug();
	demand(control(reset, NULL) == 0);
	slot_info(m.slot, &info);
	demand(!info.status && !info.features && !m.line);
	demand(read32(VIRTIO_MMIO_DEVICE_ID) == config.virtio_id);
	slot_free(m.slot);
	return 0;
}
