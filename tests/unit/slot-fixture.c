/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/slot-fixture.c - a slot with its threads, a guest's driver and a device class.
 */
#include "slot-fixture.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "bus/empty.h"
#include "unit.h"

#define BUFFERS(queue) (RING_BUFFERS + (queue)*UINT64_C(0x100000))
#define BUFFER_STRIDE UINT64_C(0x1000)

static struct timespec deadline(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	return until;
}

bool reaches(_Atomic unsigned *counter, unsigned value)
{
	const struct timespec pause = {.tv_nsec = 200000};

	for (unsigned i = 0; i < 50000; i++) {
		if (atomic_load(counter) >= value)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* --- set-up --- */

#ifndef FIXTURE_TIES
#define FIXTURE_TIES false
#endif

static void set_line(void *controller, unsigned number, bool level)
{
	struct line *line = controller;

	pthread_mutex_lock(&line->lock);
	if (level && !line->level) {
		line->rises++;
		pthread_cond_broadcast(&line->raised);
	}
	line->level = level;
	pthread_mutex_unlock(&line->lock);
}

static void set_presence(void *controller, unsigned number, bool level)
{
	struct fixture *f = controller;

	atomic_store(&f->present, level);
}

static int tie(void *controller, unsigned number, uint32_t value, int event_fd, bool attach)
{
	struct fixture *f = controller;

	if (!atomic_load(&f->ties) || value != 0)
		return -ENOTSUP;
	atomic_store(&f->bell_of_0, attach ? event_fd : 0);
	return 0;
}

static void open_slot(struct fixture *f, uint32_t virtio_id, bool told)
{
	struct slot_config config = {.name = "test.0",
				     .virtio_id = virtio_id,
				     .irq = {.set = set_line, .controller = &f->line},
				     .doorbell = {.tie = tie, .controller = f},
				     .mac = {0x52, 0x54, 0, 1, 2, 3}};

	memset(f, 0, sizeof(*f));
	f->ties = FIXTURE_TIES;
	pthread_mutex_init(&f->line.lock, NULL);
	pthread_cond_init(&f->line.raised, NULL);
	ring_ram_new(&f->ram);
	assert_int_equal(loop_new(&f->control, NULL), 0);
	assert_int_equal(loop_start(f->control, "control", NULL), 0);
	assert_int_equal(loop_new(&f->empties, NULL), 0);
	assert_int_equal(loop_start(f->empties, "empties", NULL), 0);
	config.ram = f->ram;
	config.control = f->control;
	config.empties = f->empties;
	if (told)
		config.presence = (struct irq_line){.set = set_presence, .controller = f};
	assert_int_equal(slot_new(&f->slot, &config, NULL), 0);
}

void fixture_open(struct fixture *f, uint32_t virtio_id)
{
	open_slot(f, virtio_id, false);
}

void fixture_open_told(struct fixture *f, uint32_t virtio_id)
{
	open_slot(f, virtio_id, true);
}

void fixture_close(struct fixture *f)
{
	loop_free(f->empties);
	loop_free(f->control);
	slot_free(f->slot);
	ram_free(f->ram);
	pthread_mutex_destroy(&f->line.lock);
	pthread_cond_destroy(&f->line.raised);
}

/* --- the guest --- */

uint32_t guest_read(struct fixture *f, uint64_t offset)
{
	return (uint32_t)slot_mmio_ops.read(f->slot, offset, 4);
}

void guest_write(struct fixture *f, uint64_t offset, uint32_t value)
{
	const int bell = atomic_load(&f->bell_of_0);

	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY && value == 0 && bell)
		eventfd_write(bell, 1);
	else
		slot_mmio_ops.write(f->slot, offset, value, 4);
}

uint64_t guest_features(struct fixture *f)
{
	uint64_t features;

	guest_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)guest_read(f, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	guest_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | guest_read(f, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void add_status(struct fixture *f, uint32_t bit)
{
	guest_write(f, VIRTIO_MMIO_STATUS, guest_read(f, VIRTIO_MMIO_STATUS) | bit);
}

uint32_t guest_negotiate(struct fixture *f, uint64_t features)
{
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	add_status(f, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(f, VIRTIO_CONFIG_S_DRIVER);
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	add_status(f, VIRTIO_CONFIG_S_FEATURES_OK);
	return guest_read(f, VIRTIO_MMIO_STATUS);
}

void guest_queue(struct fixture *f, unsigned queue, bool event_idx)
{
	struct ring *ring = &f->ring[queue];

	ring_init(ring, f->ram, queue, FIXTURE_QUEUE, event_idx);
	guest_write(f, VIRTIO_MMIO_QUEUE_SEL, queue);
	guest_write(f, VIRTIO_MMIO_QUEUE_NUM, ring->place.size);
	guest_write(f, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)ring->place.desc);
	guest_write(f, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(ring->place.desc >> 32));
	guest_write(f, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)ring->place.avail);
	guest_write(f, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(ring->place.avail >> 32));
	guest_write(f, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)ring->place.used);
	guest_write(f, VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(ring->place.used >> 32));
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
}

uint32_t guest_bind(struct fixture *f, uint64_t features, unsigned queues)
{
	uint32_t status = guest_negotiate(f, features);

	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		return status;
	for (unsigned i = 0; i < queues; i++)
		guest_queue(f, i, features & EVENT_IDX);
	add_status(f, VIRTIO_CONFIG_S_DRIVER_OK);
	return guest_read(f, VIRTIO_MMIO_STATUS);
}

uint32_t guest_interrupt(struct fixture *f)
{
	const struct timespec until = deadline();
	uint32_t pending;

	pthread_mutex_lock(&f->line.lock);
	while (!f->line.level)
		if (pthread_cond_timedwait(&f->line.raised, &f->line.lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&f->line.lock);
	pending = guest_read(f, VIRTIO_MMIO_INTERRUPT_STATUS);
	guest_write(f, VIRTIO_MMIO_INTERRUPT_ACK, pending);
	return pending;
}

bool line_level(struct fixture *f)
{
	bool level;

	pthread_mutex_lock(&f->line.lock);
	level = f->line.level;
	pthread_mutex_unlock(&f->line.lock);
	return level;
}

/* Tag `n` takes descriptors 3n to 3n + 2 and a page of its own. */
void guest_submit(struct fixture *f, unsigned n, uint32_t type)
{
	const uint64_t page = BUFFERS(0) + n * BUFFER_STRIDE;
	const struct virtio_blk_outhdr header = {.type = type};
	const uint16_t head = (uint16_t)(3 * n);

	assert_true(head + 2 < FIXTURE_QUEUE);
	memcpy(ram_at(f->ram, page, sizeof(header)), &header, sizeof(header));
	*(uint8_t *)ram_at(f->ram, page + 0x800, 1) = 0xaa;
	ring_desc(&f->ring[0], head, page, sizeof(header), VRING_DESC_F_NEXT, head + 1);
	ring_desc(&f->ring[0], head + 1, page + 0x100, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, head + 2);
	ring_desc(&f->ring[0], head + 2, page + 0x800, 1, VRING_DESC_F_WRITE, 0);
	ring_offer(&f->ring[0], head);
	if (ring_must_kick(&f->ring[0]))
		guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

int guest_complete(struct fixture *f, unsigned queue, unsigned *tag)
{
	struct ring *ring = &f->ring[queue];
	struct vring_used_elem elem;

	while (!ring_take(ring, &elem)) {
		ring_want_interrupt_after(ring, ring->used_idx);
		if (ring_take(ring, &elem))
			break;
		if (!guest_interrupt(f))
			return -1;
	}
	if (tag)
		*tag = elem.id / 3;
	return *(uint8_t *)ram_at(f->ram, BUFFERS(queue) + elem.id / 3 * BUFFER_STRIDE + 0x800, 1);
}

/* --- the control thread --- */

static void on_answer(struct reply *reply, int result)
{
	struct pending *pending = container_of(reply, struct pending, reply);

	pending->reply.result = result;
	pthread_mutex_lock(&pending->lock);
	atomic_store(&pending->state, 1);
	pthread_cond_broadcast(&pending->answered);
	pthread_mutex_unlock(&pending->lock);
}

static void run_call(struct task *task)
{
	struct pending *pending = container_of(task, struct pending, task);

	pending->call(pending);
}

static void begin(struct pending *pending, struct fixture *f, void (*call)(struct pending *pending), void *opaque)
{
	*pending =
		(struct pending){.reply.done = on_answer, .task.run = run_call, .f = f, .opaque = opaque, .call = call};
	pthread_mutex_init(&pending->lock, NULL);
	pthread_cond_init(&pending->answered, NULL);
	loop_post(f->control, &pending->task);
}

bool is_pending(struct pending *pending)
{
	return !atomic_load(&pending->state);
}

int await(struct pending *pending)
{
	const struct timespec until = deadline();

	pthread_mutex_lock(&pending->lock);
	while (!atomic_load(&pending->state))
		if (pthread_cond_timedwait(&pending->answered, &pending->lock, &until) == ETIMEDOUT)
			fail_msg("the control thread does not answer");
	pthread_mutex_unlock(&pending->lock);
	pthread_mutex_destroy(&pending->lock);
	pthread_cond_destroy(&pending->answered);
	pending->f->error = pending->reply.error;
	return pending->reply.result;
}

int control_call(struct fixture *f, void (*call)(struct pending *pending), void *opaque)
{
	struct pending pending;

	begin(&pending, f, call, opaque);
	return await(&pending);
}

static void call_exchange(struct pending *pending)
{
	slot_exchange(pending->f->slot, pending->opaque, &pending->reply);
}

static void call_stop(struct pending *pending)
{
	slot_stop(pending->f->slot, &pending->reply);
}

static void call_cont(struct pending *pending)
{
	slot_cont(pending->f->slot, &pending->reply);
}

static void call_reset(struct pending *pending)
{
	slot_reset(pending->f->slot, &pending->reply);
}

static void call_accepts(struct pending *pending)
{
	reply_post(&pending->reply, pending->f->control,
		   slot_accepts(pending->f->slot, pending->opaque, &pending->reply.error));
}

static void call_realize(struct pending *pending)
{
	device_realize(pending->opaque, &pending->reply);
}

static void call_unrealize(struct pending *pending)
{
	device_unrealize(pending->opaque, &pending->reply);
}

int control_exchange(struct fixture *f, struct mortise_device *device)
{
	return control_call(f, call_exchange, device);
}

void begin_exchange(struct pending *pending, struct fixture *f, struct mortise_device *device)
{
	begin(pending, f, call_exchange, device);
}

int control_stop(struct fixture *f)
{
	return control_call(f, call_stop, NULL);
}

int control_cont(struct fixture *f)
{
	return control_call(f, call_cont, NULL);
}

int control_reset(struct fixture *f)
{
	return control_call(f, call_reset, NULL);
}

int control_accepts(struct fixture *f, struct mortise_device *device)
{
	return control_call(f, call_accepts, device);
}

int control_realize(struct fixture *f, struct mortise_device *device)
{
	return control_call(f, call_realize, device);
}

int control_unrealize(struct fixture *f, struct mortise_device *device)
{
	return control_call(f, call_unrealize, device);
}

/* --- the device --- */

struct test_request {
	uint64_t mark;
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct test_device *test = self;

	test->device = device;
	return 0;
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct test_device *test = self;
	int r = atomic_load(&test->activate_fails);

	if (r < 0)
		return mortise_fail(err, r, "the test wants activate() to fail");
	atomic_store(&test->features, features);
	atomic_fetch_add(&test->activations, 1);
	atomic_store(&test->idle, false);
	return 0;
}

static void complete(struct test_device *test, struct mortise_chain *chain)
{
	if (chain->in_count)
		*(uint8_t *)chain->in[chain->in_count - 1].iov_base = VIRTIO_BLK_S_OK;
	atomic_fetch_add(&test->requests, 1);
	device_queue_push(test->device, chain, chain->in_size);
}

static void notify(void *self, uint32_t queue)
{
	struct test_device *test = self;
	const struct timespec pause = {.tv_nsec = 100000};
	struct mortise_chain *chain;

	if (atomic_load(&test->idle))
		atomic_fetch_add(&test->errors, 1);
	while (atomic_load(&test->block)) {
		atomic_store(&test->blocked, true);
		nanosleep(&pause, NULL);
	}
	while ((chain = device_queue_pop(test->device, queue))) {
		if (atomic_load(&test->hold)) {
			unsigned n = atomic_load(&test->held);

			test->chains[n] = chain;
			atomic_store(&test->held, n + 1);
		} else {
			complete(test, chain);
		}
	}
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct test_device *test = self;
	int r = atomic_load(&test->quiesce_fails);

	atomic_fetch_add(&test->quiesces, 1);
	if (r < 0)
		return mortise_fail(err, r, "the test wants quiesce() to fail");
	atomic_store(&test->idle, true);
	if (device_queue_pop(test->device, 0))
		atomic_fetch_add(&test->errors, 1);
	return 0;
}

static void resume(void *self)
{
	struct test_device *test = self;

	atomic_store(&test->idle, false);
	atomic_fetch_add(&test->resumes, 1);
}

static void reset(void *self)
{
	struct test_device *test = self;

	if (atomic_load(&test->held))
		atomic_fetch_add(&test->errors, 1);
	atomic_fetch_add(&test->resets, 1);
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct test_device *test = self;

	atomic_fetch_add(&test->config_writes, 1);
}

#define TEST_CLASS                                                                                               \
	.size = sizeof(struct mortise_class), .instance_size = sizeof(struct test_device),                       \
	.request_size = sizeof(struct test_request), .realize = realize, .activate = activate, .notify = notify, \
	.quiesce = quiesce, .resume = resume, .reset = reset

static const struct mortise_class classes[TEST_KINDS] = {
	[TEST_BLK] = {TEST_CLASS, .driver = "test-blk", .virtio_id = 2, .queue_count = 2,
		      .features = EMPTY_BLK_FEATURES | UINT64_C(1) << VIRTIO_BLK_F_RO,
		      .config_size = sizeof(struct virtio_blk_config), .config_written = config_written},
	[TEST_RNG] = {TEST_CLASS, .driver = "test-rng", .virtio_id = 4, .queue_count = 1, .config_size = 8},
	[TEST_POOR_BLK] = {TEST_CLASS, .driver = "poor-blk", .virtio_id = 2, .queue_count = 1, .queue_size = 8,
			   .features = EMPTY_BLK_FEATURES & ~(UINT64_C(1) << VIRTIO_BLK_F_FLUSH),
			   .config_size = sizeof(struct virtio_blk_config)},
};

struct mortise_device *device_make(struct fixture *f, enum test_kind kind, uint64_t capacity)
{
	const struct device_config config = {
		.class = &classes[kind], .id = classes[kind].driver, .control = f->control};
	struct mortise_device *device;

	assert_int_equal(device_new(&device, &config, NULL), 0);
	device_write_config(device, 0, &capacity, sizeof(capacity));
	assert_int_equal(control_realize(f, device), 0);
	return device;
}

struct mortise_device *device_make_of(struct fixture *f, const struct mortise_class *class)
{
	const struct device_config config = {.class = class, .id = class->driver, .control = f->control, .ram = f->ram};
	struct mortise_device *device;

	assert_int_equal(device_new(&device, &config, NULL), 0);
	assert_int_equal(control_realize(f, device), 0);
	return device;
}

void device_end_of(struct fixture *f, struct mortise_device *device)
{
	assert_int_equal(control_unrealize(f, device), 0);
	device_free(device);
}

struct mortise_device *device_end(struct fixture *f, struct mortise_device *device)
{
	assert_int_equal(atomic_load(&test_of(device)->errors), 0);
	assert_int_equal(control_unrealize(f, device), 0);
	return device_free(device);
}

struct test_device *test_of(struct mortise_device *device)
{
	return device_self(device);
}

struct on_device {
	struct task task;
	struct mortise_device *device;
	uint64_t capacity;
	_Atomic unsigned done;
};

static void let_go(struct task *task)
{
	struct on_device *on = container_of(task, struct on_device, task);
	struct test_device *test = test_of(on->device);
	unsigned n = atomic_load(&test->held);

	atomic_store(&test->hold, false);
	atomic_store(&test->held, 0);
	for (unsigned i = n; i-- > 0;) /* in another order than they came */
		complete(test, test->chains[i]);
	atomic_store(&on->done, 1);
}

void device_let_go(struct mortise_device *device)
{
	struct on_device on = {.task.run = let_go, .device = device};

	device_post(device, &on.task);
	assert_true(reaches(&on.done, 1));
}

static void set_capacity(struct task *task)
{
	struct on_device *on = container_of(task, struct on_device, task);

	device_write_config(on->device, 0, &on->capacity, sizeof(on->capacity));
	atomic_store(&on->done, 1);
}

void device_set_capacity(struct mortise_device *device, uint64_t capacity)
{
	struct on_device on = {.task.run = set_capacity, .device = device, .capacity = capacity};

	device_post(device, &on.task);
	assert_true(reaches(&on.done, 1));
}
