/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-slot.c - a slot's life: plugging and unplugging behind a running driver, resets, stop and cont, failures.
 */
#include "unit.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>

#include "bus/command.h"
#include "bus/empty.h"
#include "slot-fixture.h"

#define ALL (EMPTY_BLK_FEATURES | VERSION_1 | EVENT_IDX | UINT64_C(1) << 28)

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	fixture_open(*state, 2);
	return 0;
}

static int tear_down(void **state)
{
	fixture_close(*state);
	free(*state);
	return 0;
}

static int set_up_any(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	fixture_open(*state, 0);
	return 0;
}

static uint64_t capacity(struct fixture *f)
{
	return slot_mmio_ops.read(f->slot, VIRTIO_MMIO_CONFIG, 8);
}

static int io(struct fixture *f)
{
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	return guest_complete(f, 0, NULL);
}

/* One byte to write, on any queue. */
static int io_on(struct fixture *f, unsigned queue)
{
	ring_desc(&f->ring[queue], 0, RING_BUFFERS + queue * 0x100000 + 0x800, 1, VRING_DESC_F_WRITE, 0);
	ring_offer(&f->ring[queue], 0);
	guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	return guest_complete(f, queue, NULL);
}

static void await_config_interrupt(struct fixture *f)
{
	uint32_t pending;

	do {
		pending = guest_interrupt(f);
		assert_int_not_equal(pending, 0);
	} while (!(pending & VIRTIO_MMIO_INT_CONFIG));
}

/* --- plugging --- */

static void empty_disk(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(capacity(f), 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
}

static void plug_and_unplug(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
	for (unsigned i = 1; i <= 200; i++) {
		struct mortise_device *device = device_make(f, TEST_BLK, i);

		assert_int_equal(control_exchange(f, device), 0);
		assert_ptr_equal(slot_device(f->slot), device);
		await_config_interrupt(f);
		assert_int_equal(capacity(f), i);
		assert_int_equal(atomic_load(&test_of(device)->features), ALL);
		assert_int_equal(io(f), VIRTIO_BLK_S_OK);
		assert_int_equal(control_exchange(f, NULL), 0);
		assert_null(slot_device(f->slot));
		await_config_interrupt(f);
		assert_int_equal(capacity(f), 0);
		assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
		assert_int_equal(atomic_load(&test_of(device)->requests), 1);
		device_end(f, device);
	}
}

static void plug_before_the_driver(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 9);

	assert_int_equal(control_exchange(f, device), 0);
	assert_true(guest_features(f) >> VIRTIO_BLK_F_RO & 1); /* freshly offered */
	assert_int_equal(guest_bind(f, ALL | UINT64_C(1) << VIRTIO_BLK_F_RO, 2), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	/* The driver has what the empty instance does not offer, and two queues: it takes over all the same. */
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
	for (unsigned i = 0; i < 2; i++) {
		guest_write(f, VIRTIO_MMIO_QUEUE_SEL, i);
		assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	}
	assert_int_equal(io_on(f, 1), VIRTIO_BLK_S_IOERR);
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_false(guest_features(f) >> VIRTIO_BLK_F_RO & 1);
	device_end(f, device);
}

/* A driver that has read the capacity, but cannot be interrupted yet, still learns of the new one. */
static void plug_during_the_probe(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 9);

	assert_int_equal(guest_negotiate(f, ALL), 11);
	guest_queue(f, 0, true);
	assert_int_equal(capacity(f), 0);
	assert_int_equal(control_exchange(f, device), 0);
	assert_false(line_level(f));
	guest_write(f, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(guest_interrupt(f), VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

static void misfits(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *rng = device_make(f, TEST_RNG, 0), *poor = device_make(f, TEST_POOR_BLK, 1);

	assert_int_equal(control_accepts(f, rng), -EINVAL);
	assert_names(&f->error, "test-rng");
	assert_int_equal(control_exchange(f, rng), -EINVAL);
	assert_int_equal(control_accepts(f, poor), 0);
	assert_int_equal(guest_bind(f, VERSION_1 | UINT64_C(1) << VIRTIO_BLK_F_FLUSH, 0), 15);
	assert_int_equal(control_accepts(f, poor), -ENOTSUP);
	assert_names(&f->error, "VIRTIO_BLK_F_FLUSH (9)");
	assert_int_equal(control_exchange(f, poor), -ENOTSUP);
	assert_null(slot_device(f->slot));
	assert_int_equal(guest_bind(f, VERSION_1, 1), 15); /* 16 entries; the poor one has 8 */
	assert_int_equal(control_exchange(f, poor), -ENOTSUP);
	assert_names(&f->error, "queue 0");
	assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
	device_end(f, rng);
	device_end(f, poor);
}

/* The driver goes on believing in the cache mode that it has chosen, so it holds for what is plugged later. */
static void cache_mode_stays(void **state)
{
	const uint64_t wce = VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, wce);
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	const uint8_t on = 1;

	device_write_config(device, offsetof(struct virtio_blk_config, wce), &on, 1);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(slot_mmio_ops.read(f->slot, wce, 1), 1);
	slot_mmio_ops.write(f->slot, wce, 0, 1);
	assert_int_equal(slot_mmio_ops.read(f->slot, wce, 1), 0);
	assert_int_equal(control_exchange(f, device), 0);
	assert_int_equal(slot_mmio_ops.read(f->slot, wce, 1), 0);
	assert_int_equal(atomic_load(&test_of(device)->config_writes), 1);
	assert_int_equal(capacity(f), 1);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);

	/* Another driver may choose again. */
	device = device_make(f, TEST_BLK, 1);
	device_write_config(device, offsetof(struct virtio_blk_config, wce), &on, 1);
	slot_mmio_ops.write(f->slot, wce, 0, 1);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(slot_mmio_ops.read(f->slot, wce, 1), 1);
	assert_int_equal(control_exchange(f, device), 0);
	assert_int_equal(slot_mmio_ops.read(f->slot, wce, 1), 1);
	assert_int_equal(atomic_load(&test_of(device)->config_writes), 0);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

/* --- what is in flight --- */

static void unplug_drains(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct test_device *test = test_of(device);
	struct pending unplug;
	bool seen[3] = {false};

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(control_exchange(f, device), 0);
	atomic_store(&test->hold, true);
	for (unsigned i = 0; i < 3; i++)
		guest_submit(f, i, VIRTIO_BLK_T_IN);
	assert_true(reaches(&test->held, 3));
	begin_exchange(&unplug, f, NULL);
	assert_true(reaches(&test->quiesces, 1));
	guest_submit(f, 3, VIRTIO_BLK_T_IN); /* too late for this device */
	assert_true(is_pending(&unplug));
	device_let_go(device);
	assert_int_equal(await(&unplug), 0);
	for (unsigned i = 0; i < 4; i++) {
		unsigned tag;
		int status = guest_complete(f, 0, &tag);

		assert_int_equal(status, tag == 3 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
		if (tag < 3) {
			assert_false(seen[tag]);
			seen[tag] = true;
		}
	}
	assert_int_equal(atomic_load(&test->requests), 3);
	device_end(f, device);
}

static void *write_status_0(void *opaque)
{
	guest_write(opaque, VIRTIO_MMIO_STATUS, 0);
	return NULL;
}

/* The guest uses its memory for something else once it has reset the device: it is held until nothing is in flight. */
static void reset_waits(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct test_device *test = test_of(device);
	pthread_t vcpu;

	assert_int_equal(control_exchange(f, device), 0);
	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(guest_bind(f, ALL, 1), 15);
		atomic_store(&test->hold, true);
		guest_submit(f, 0, VIRTIO_BLK_T_IN);
		assert_true(reaches(&test->held, 1));
		assert_int_equal(pthread_create(&vcpu, NULL, write_status_0, f), 0);
		assert_true(reaches(&test->quiesces, i));
		assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 15);
		assert_int_equal(atomic_load(&test->resets), i - 1);
		device_let_go(device);
		pthread_join(vcpu, NULL);
		assert_int_equal(atomic_load(&test->resets), i);
		assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
		assert_false(line_level(f));
	}
	/* Even if it would rather not quiesce. */
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	atomic_store(&test->quiesce_fails, -EBUSY);
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(atomic_load(&test->resets), 21);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

struct load {
	struct fixture *f;
	_Atomic bool stop;
	_Atomic unsigned done;
	unsigned failed, lost;
};

static void *keep_busy(void *opaque)
{
	struct load *load = opaque;
	unsigned in_flight = 0, next = 0;
	bool busy[5] = {false};

	while (!atomic_load(&load->stop) || in_flight) {
		unsigned tag;
		int status;

		while (in_flight < 5 && !atomic_load(&load->stop)) {
			while (busy[next])
				next = (next + 1) % 5;
			busy[next] = true;
			guest_submit(load->f, next, VIRTIO_BLK_T_IN);
			in_flight++;
		}
		if (!in_flight)
			break;
		status = guest_complete(load->f, 0, &tag);
		if (status < 0 || tag >= 5 || !busy[tag]) {
			load->lost++;
			break;
		}
		load->failed += status == VIRTIO_BLK_S_IOERR;
		busy[tag] = false;
		in_flight--;
		atomic_fetch_add(&load->done, 1);
	}
	return NULL;
}

/* Every request is answered exactly once, by this instance, that one, or the empty one in between. */
static void exchange_under_load(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *devices[2] = {device_make(f, TEST_BLK, 1), device_make(f, TEST_BLK, 2)};
	struct load load = {.f = f};
	unsigned served = 0;
	pthread_t vcpu;

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(pthread_create(&vcpu, NULL, keep_busy, &load), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct mortise_device *old = devices[i % 2];

		assert_true(reaches(&load.done, 50 * i));
		assert_int_equal(control_exchange(f, i % 3 ? devices[(i + 1) % 2] : NULL), 0);
		if (i % 5 == 0) {
			assert_int_equal(control_stop(f), 0);
			assert_int_equal(control_cont(f), 0);
		}
		/* What was taken out has its end; a new one takes its place. */
		if (slot_device(f->slot) != old) {
			served += atomic_load(&test_of(old)->requests);
			device_end(f, old);
			devices[i % 2] = device_make(f, TEST_BLK, 1 + i % 2);
		}
	}
	atomic_store(&load.stop, true);
	pthread_join(vcpu, NULL);
	assert_int_equal(load.lost, 0);
	assert_int_equal(control_exchange(f, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		served += atomic_load(&test_of(devices[i])->requests);
		device_end(f, devices[i]);
	}
	assert_int_equal(served + load.failed, atomic_load(&load.done));
	assert_true(served > 0);
	assert_true(load.failed > 0);
}

static void *bind_over_and_over(void *opaque)
{
	struct load *load = opaque;

	while (!atomic_load(&load->stop)) {
		if (guest_bind(load->f, ALL, 1) != 15 || io(load->f) < 0)
			load->lost++;
		atomic_fetch_add(&load->done, 1);
	}
	return NULL;
}

/* The driver resets and starts while devices come and go. */
static void exchange_against_resets(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct load load = {.f = f};
	pthread_t vcpu;

	assert_int_equal(pthread_create(&vcpu, NULL, bind_over_and_over, &load), 0);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(control_exchange(f, device), 0);
		assert_int_equal(control_exchange(f, NULL), 0);
		device_end(f, device);
		device = device_make(f, TEST_BLK, 1);
		assert_true(reaches(&load.done, i));
	}
	atomic_store(&load.stop, true);
	pthread_join(vcpu, NULL);
	assert_int_equal(load.lost, 0);
	device_end(f, device);
}

/* --- failures --- */

static void activation_fails(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct test_device *test = test_of(device);

	/* With the driver's DRIVER_OK: it has to reset. */
	assert_int_equal(control_exchange(f, device), 0);
	atomic_store(&test->activate_fails, -ENOMEM);
	assert_int_equal(guest_bind(f, ALL, 1), 15 | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(guest_interrupt(f), VIRTIO_MMIO_INT_CONFIG);
	guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	atomic_store(&test->activate_fails, 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);

	/* In an exchange: the instance that was there goes on. */
	device = device_make(f, TEST_BLK, 1);
	atomic_store(&test_of(device)->activate_fails, -ENXIO);
	assert_int_equal(control_exchange(f, device), -ENXIO);
	assert_names(&f->error, "the test wants");
	assert_null(slot_device(f->slot));
	assert_int_equal(capacity(f), 0);
	assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
	device_end(f, device);
}

static void quiesce_fails(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct test_device *test = test_of(device);

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(control_exchange(f, device), 0);
	atomic_store(&test->quiesce_fails, -EBUSY);
	assert_int_equal(control_exchange(f, NULL), -EBUSY);
	assert_names(&f->error, "the test wants");
	assert_ptr_equal(slot_device(f->slot), device);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_stop(f), -EBUSY);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	atomic_store(&test->quiesce_fails, 0);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

static void break_ring(struct fixture *f)
{
	ring_desc(&f->ring[0], 15, 0, 1, 0, 0);
	ring_offer(&f->ring[0], 15);
	guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	await_config_interrupt(f);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 15 | VIRTIO_CONFIG_S_NEEDS_RESET);
}

static atomic_uint breakages;

static void on_broken(void *opaque, const char *why)
{
	assert_non_null(strstr(why, "outside memory"));
	atomic_fetch_add(&breakages, 1);
}

static void broken_ring(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	const time_t started = time(NULL);

	device_on_broken(device, on_broken, NULL);
	assert_int_equal(control_exchange(f, device), 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	for (int i = 0; i < 20; i++) {
		break_ring(f);
		assert_int_equal(guest_bind(f, ALL, 1), 15);
	}
	break_ring(f);
	guest_write(f, VIRTIO_MMIO_STATUS, 15 | VIRTIO_CONFIG_S_NEEDS_RESET); /* to no avail */
	guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);

	/* Unplugging and plugging goes on behind a driver that has lost its way; it still has to reset. */
	break_ring(f);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
	assert_in_range(atomic_load(&breakages), 1, time(NULL) - started + 1);
	device = device_make(f, TEST_BLK, 2);
	assert_int_equal(control_exchange(f, device), 0);
	assert_int_equal(atomic_load(&test_of(device)->activations), 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

struct answered {
	struct task task;
	_Atomic unsigned done;
};

static void answer(struct task *task)
{
	atomic_store(&container_of(task, struct answered, task)->done, 1);
}

/* A plugin that does not return from a callback holds up its own instance alone. */
static void stuck_plugin(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct answered answered = {.task.run = answer};
	struct test_device *test = test_of(device);
	struct pending unplug;

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(control_exchange(f, device), 0);
	atomic_store(&test->block, true);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	while (!atomic_load(&test->blocked))
		;
	begin_exchange(&unplug, f, NULL);
	loop_post(f->control, &answered.task);
	assert_true(reaches(&answered.done, 1));
	await_config_interrupt(f); /* of the plugging: registers are served */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 15);
	assert_true(is_pending(&unplug));
	atomic_store(&test->block, false);
	assert_int_equal(await(&unplug), 0);
	device_end(f, device);
}

/* --- stop, cont, reset of the machine --- */

static void stop_and_cont(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1), *other = device_make(f, TEST_BLK, 2);
	struct test_device *test = test_of(device);

	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(control_exchange(f, device), 0);
	guest_interrupt(f);
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_stop(f), 0);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	device_set_capacity(device, 5);
	assert_false(line_level(f));
	assert_int_equal(atomic_load(&test->requests), 0);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(atomic_load(&test->resumes), 1);

	/* Exchanged while stopped: activated, but not let loose before cont. */
	assert_int_equal(control_stop(f), 0);
	guest_interrupt(f);
	guest_submit(f, 1, VIRTIO_BLK_T_IN);
	assert_int_equal(control_exchange(f, other), 0);
	assert_false(line_level(f));
	assert_int_equal(atomic_load(&test_of(other)->activations), 1);
	assert_int_equal(atomic_load(&test_of(other)->requests), 0);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(atomic_load(&test_of(other)->requests), 1);
	assert_int_equal(capacity(f), 2);
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
	device_end(f, device);
	device_end(f, other);
}

static void machine_reset(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);
	struct test_device *test = test_of(device);

	assert_int_equal(control_reset(f), 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(control_reset(f), 0); /* with the empty disk */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(control_exchange(f, device), 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_reset(f), 0);
	assert_int_equal(atomic_load(&test->resets), 1);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(capacity(f), 1);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_reset(f), 0); /* while stopped */
	assert_int_equal(atomic_load(&test->resets), 2);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(guest_bind(f, ALL, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

/* --- slots for any type --- */

static void any_type(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *rng = device_make(f, TEST_RNG, 0x1234), *blk = device_make(f, TEST_BLK, 1);

	/* Never bound: comes and goes without a trace. */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	assert_int_equal(control_exchange(f, blk), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	assert_int_equal(control_exchange(f, rng), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 4);

	/* Bound: something keeps still in its place, and only the same type may follow. */
	assert_int_equal(guest_bind(f, VERSION_1 | EVENT_IDX, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_null(slot_device(f->slot));
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 4);
	assert_int_equal(capacity(f), 0x1234);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	assert_int_equal(control_accepts(f, blk), -EBUSY);
	assert_names(&f->error, "unbind");
	assert_int_equal(control_exchange(f, blk), -EBUSY);
	device_end(f, rng);
	rng = device_make(f, TEST_RNG, 0x1234);
	assert_int_equal(control_exchange(f, rng), 0);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_OK); /* what was left lying */

	/* Bound, unplugged, let go: any type again. */
	assert_int_equal(control_exchange(f, NULL), 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 1);
	assert_int_equal(control_exchange(f, blk), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(control_exchange(f, NULL), 0);

	/* The same when the driver had not got far. */
	assert_int_equal(control_exchange(f, blk), 0);
	assert_int_equal(guest_negotiate(f, VERSION_1), 11);
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(control_reset(f), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	device_end(f, rng);
	device_end(f, blk);
}

/* --- slots whose guest is told to look --- */

static void told(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct mortise_device *blk;

	fixture_open_told(f, 2);
	blk = device_make(f, TEST_BLK, 0x1234);

	/* Truly empty at first, and again once a device that nobody bound is out. */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	assert_false(f->present);
	assert_int_equal(control_exchange(f, blk), 0);
	assert_true(f->present);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_false(f->present);

	/* Bound: an empty disk stays behind, and a disk may follow. */
	assert_int_equal(control_exchange(f, blk), 0);
	assert_int_equal(guest_bind(f, VERSION_1 | EVENT_IDX, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_null(slot_device(f->slot));
	assert_true(f->present);
	assert_int_equal(capacity(f), 0);
	assert_int_equal(io(f), VIRTIO_BLK_S_IOERR);
	assert_int_equal(control_exchange(f, blk), 0);
	assert_int_equal(capacity(f), 0x1234);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);

	/* Let go: empty again, with whatever the next driver negotiates. */
	assert_int_equal(control_exchange(f, NULL), 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	assert_false(f->present);
	assert_int_equal(control_exchange(f, blk), 0);
	assert_int_equal(guest_bind(f, VERSION_1 | EVENT_IDX, 1), 15);
	assert_int_equal(io(f), VIRTIO_BLK_S_OK);

	/* A reset of the machine lets go too. */
	assert_int_equal(control_exchange(f, NULL), 0);
	assert_int_equal(control_reset(f), 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 0);
	assert_false(f->present);
	device_end(f, blk);
	fixture_close(f);
}

/* --- the empty NIC --- */

/* A command of `size` bytes, and the answer. */
static int command(struct fixture *f, const void *data, uint32_t size)
{
	const uint64_t out = RING_BUFFERS + 0x200000;

	memcpy(ram_at(f->ram, out, size), data, size);
	*(uint8_t *)ram_at(f->ram, out + 0x800, 1) = 0xaa;
	ring_desc(&f->ring[2], 0, out, size, VRING_DESC_F_NEXT, 1);
	ring_desc(&f->ring[2], 1, out + 0x800, 1, VRING_DESC_F_WRITE, 0);
	ring_offer(&f->ring[2], 0);
	guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 2);
	return guest_complete(f, 2, NULL);
}

static void empty_nic(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	struct vring_used_elem elem;
	struct fixture f;

	fixture_open(&f, 1);
	assert_int_equal(guest_bind(&f, EMPTY_NET_FEATURES | VERSION_1 | EVENT_IDX, 3), 15);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(slot_mmio_ops.read(f.slot, VIRTIO_MMIO_CONFIG + i, 1), mac[i]);
	assert_int_equal(slot_mmio_ops.read(f.slot, VIRTIO_MMIO_CONFIG + 6, 2), 0); /* link down */

	assert_int_equal(command(&f, "\x00\x00\x01", 3), VIRTIO_NET_OK);
	assert_int_equal(command(&f, "\x01\x01\x52\x54\x00\x09\x09\x09", 8), VIRTIO_NET_OK);
	assert_int_equal(slot_mmio_ops.read(f.slot, VIRTIO_MMIO_CONFIG + 5, 1), 9);
	assert_int_equal(command(&f, "\x01\x01\x52", 3), VIRTIO_NET_ERR);
	assert_int_equal(command(&f, "\x02\x00\x01\x00", 4), VIRTIO_NET_OK);
	assert_int_equal(command(&f, "\x03\x00", 2), VIRTIO_NET_OK);
	assert_int_equal(command(&f, "\x04\x00\x01\x00", 4), VIRTIO_NET_ERR);
	assert_int_equal(command(&f, "\x00", 1), VIRTIO_NET_ERR);

	/* What is sent goes nowhere, what could be received stays. */
	for (unsigned queue = 0; queue < 2; queue++) {
		ring_desc(&f.ring[queue], 0, RING_BUFFERS, 64, queue ? 0 : VRING_DESC_F_WRITE, 0);
		ring_offer(&f.ring[queue], 0);
		guest_write(&f, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	}
	assert_true(guest_complete(&f, 1, NULL) >= 0);
	assert_false(ring_take(&f.ring[0], &elem));
	guest_write(&f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(slot_mmio_ops.read(f.slot, VIRTIO_MMIO_CONFIG + 5, 1), 3);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(plug_and_unplug, set_up, tear_down),
		cmocka_unit_test_setup_teardown(plug_before_the_driver, set_up, tear_down),
		cmocka_unit_test_setup_teardown(plug_during_the_probe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(misfits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cache_mode_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unplug_drains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reset_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exchange_under_load, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exchange_against_resets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(activation_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(quiesce_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_ring, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stuck_plugin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stop_and_cont, set_up, tear_down),
		cmocka_unit_test_setup_teardown(machine_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_type, set_up_any, tear_down),
		cmocka_unit_test(told),
		cmocka_unit_test(empty_nic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
