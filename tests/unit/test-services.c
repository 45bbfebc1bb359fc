/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-services.c - what an instance asks of the host by itself: timers, watched descriptors, discarding memory.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "slot-fixture.h"

#define SOON UINT64_C(2000000) /* ns */

/* The instance: does what the test told it to, and counts. */
struct busy {
	struct mortise_device *device;
	int pipe[2];
	_Atomic unsigned timers[MORTISE_TIMERS], reads, writes, discards;
	_Atomic unsigned early, refused;
	uint64_t deadline;
	_Atomic int result;
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct busy *busy = self;

	busy->device = device;
	assert_int_equal(pipe2(busy->pipe, O_NONBLOCK | O_CLOEXEC), 0);
	return 0;
}

static void unrealize(void *self)
{
	struct busy *busy = self;

	close(busy->pipe[0]);
	close(busy->pipe[1]);
}

static void notify(void *self, uint32_t queue)
{
	struct busy *busy = self;
	struct mortise_chain *chain;

	while ((chain = device_queue_pop(busy->device, queue))) {
		atomic_store(&busy->result, device_memory_discard(busy->device, chain->in, chain->in_count));
		atomic_fetch_add(&busy->discards, 1);
		device_queue_push(busy->device, chain, 0);
	}
}

static void on_timer(void *self, uint32_t id)
{
	struct busy *busy = self;

	if (device_clock_ns() < busy->deadline)
		atomic_fetch_add(&busy->early, 1);
	atomic_fetch_add(&busy->timers[id], 1);
}

/* The first read ends the watch from inside its own callback. */
static void on_fd(void *self, int fd, uint32_t events, void *opaque)
{
	struct busy *busy = self;

	assert_ptr_equal(opaque, busy);
	if (events & MORTISE_WATCH_READ) {
		atomic_fetch_add(&busy->reads, 1);
		device_watch(busy->device, fd, 0, NULL);
	}
	if (events & MORTISE_WATCH_WRITE) {
		atomic_fetch_add(&busy->writes, 1);
		device_watch(busy->device, fd, 0, NULL);
	}
}

static const struct mortise_class class = {.size = sizeof(class),
					   .driver = "busy",
					   .virtio_id = 5,
					   .queue_count = 1,
					   .instance_size = sizeof(struct busy),
					   .realize = realize,
					   .unrealize = unrealize,
					   .notify = notify,
					   .timer = on_timer,
					   .fd_ready = on_fd};

struct world {
	struct fixture fixture;
	struct mortise_device *device;
	struct busy *busy;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	fixture_open(&world->fixture, 0);
	world->device = device_make_of(&world->fixture, &class);
	world->busy = device_self(world->device);
	assert_int_equal(control_exchange(&world->fixture, world->device), 0);
	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	assert_int_equal(atomic_load(&world->busy->early), 0);
	assert_int_equal(control_exchange(&world->fixture, NULL), 0);
	device_end_of(&world->fixture, world->device);
	fixture_close(&world->fixture);
	free(world);
	return 0;
}

/* Runs a call on the instance's thread, as a callback would, and waits for its result. */
struct call {
	struct task task;
	struct busy *busy;
	int (*run)(struct busy *busy);
	int result;
	_Atomic unsigned done;
};

static void run_call(struct task *task)
{
	struct call *call = container_of(task, struct call, task);

	call->result = call->run(call->busy);
	atomic_store(&call->done, 1);
}

static int inside(struct world *world, int (*run)(struct busy *busy))
{
	struct call call = {.task.run = run_call, .busy = world->busy, .run = run};

	device_post(world->device, &call.task);
	assert_true(reaches(&call.done, 1));
	return call.result;
}

/* --- timers --- */

static int set_timer(struct busy *busy)
{
	busy->deadline = device_clock_ns() + SOON;
	return device_timer_set(busy->device, 0, busy->deadline);
}

static int set_and_cancel(struct busy *busy)
{
	device_timer_set(busy->device, 1, device_clock_ns() + 1);
	return device_timer_set(busy->device, 1, 0);
}

static int set_late_then_past(struct busy *busy)
{
	busy->deadline = 0;
	device_timer_set(busy->device, 15, device_clock_ns() + 3600 * UINT64_C(1000000000));
	return device_timer_set(busy->device, 15, 1);
}

static int set_wrong(struct busy *busy)
{
	return device_timer_set(busy->device, MORTISE_TIMERS, 1);
}

static void test_timers(void **state)
{
	struct world *world = *state;
	struct busy *busy = world->busy;

	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(inside(world, set_timer), 0);
		assert_true(reaches(&busy->timers[0], i));
	}
	assert_int_equal(inside(world, set_and_cancel), 0);
	assert_int_equal(inside(world, set_late_then_past), 0);
	assert_true(reaches(&busy->timers[15], 1));
	assert_int_equal(inside(world, set_wrong), -EINVAL);
	assert_int_equal(atomic_load(&busy->timers[0]), 20);
	assert_int_equal(atomic_load(&busy->timers[1]), 0);
}

/* --- watches --- */

static int watch_read(struct busy *busy)
{
	return device_watch(busy->device, busy->pipe[0], MORTISE_WATCH_READ, busy);
}

static int watch_write(struct busy *busy)
{
	return device_watch(busy->device, busy->pipe[1], MORTISE_WATCH_WRITE, busy);
}

static int watch_wrong(struct busy *busy)
{
	int fd = memfd_create("not to be waited for", MFD_CLOEXEC), r;

	if (device_watch(busy->device, -1, MORTISE_WATCH_READ, busy) != -EINVAL ||
	    device_watch(busy->device, busy->pipe[0], 4, busy) != -EINVAL ||
	    device_watch(busy->device, 60000, 0, busy) != 0)
		return 0;
	r = device_watch(busy->device, fd, MORTISE_WATCH_READ, busy);
	close(fd);
	return r;
}

static void test_watches(void **state)
{
	struct world *world = *state;
	struct busy *busy = world->busy;

	assert_int_equal(inside(world, watch_wrong), -EPERM);
	for (unsigned i = 1; i <= 10; i++) {
		char byte;

		assert_int_equal(inside(world, watch_read), 0);
		assert_int_equal(write(busy->pipe[1], "x", 1), 1);
		assert_true(reaches(&busy->reads, i));
		assert_int_equal(inside(world, watch_write), 0);
		assert_true(reaches(&busy->writes, i));
		assert_int_equal(read(busy->pipe[0], &byte, 1), 1);
	}
}

/* --- quiesced --- */

static int nothing(struct busy *busy)
{
	return 0;
}

/* What comes due between stop and cont waits, and costs no turn of the loop; then it is made up for. */
static void test_quiesced(void **state)
{
	struct world *world = *state;
	struct busy *busy = world->busy;

	assert_int_equal(inside(world, watch_read), 0);
	assert_int_equal(inside(world, set_timer), 0);
	assert_int_equal(control_stop(&world->fixture), 0);
	unsigned timers = atomic_load(&busy->timers[0]); /* the machine may have been slow */
	assert_int_equal(write(busy->pipe[1], "x", 1), 1);
	while (device_clock_ns() < busy->deadline + SOON)
		usleep(1000);
	for (unsigned i = 0; i < 10; i++)
		inside(world, nothing); /* rounds of the loop */
	assert_int_equal(atomic_load(&busy->timers[0]), timers);
	assert_int_equal(atomic_load(&busy->reads), 0);
	assert_int_equal(control_cont(&world->fixture), 0);
	assert_true(reaches(&busy->timers[0], 1));
	assert_true(reaches(&busy->reads, 1));

	/* A reset counts as well: what is still wanted then is told. */
	assert_int_equal(inside(world, watch_read), 0);
	assert_true(reaches(&busy->reads, 2));
	assert_int_equal(inside(world, set_timer), 0);
	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	assert_true(reaches(&busy->timers[0], 2));
}

/* --- memory --- */

static int discard_at_end(struct busy *busy)
{
	return device_memory_discard_at(busy->device, RING_BUFFERS, UINT64_MAX);
}

static int discard_outside(struct busy *busy)
{
	struct iovec own = {.iov_base = busy, .iov_len = sizeof(*busy)};

	return device_memory_discard(busy->device, &own, 1);
}

static int discard_page(struct busy *busy)
{
	return device_memory_discard_at(busy->device, RING_BUFFERS + 0x8000, 4096);
}

static void test_discard(void **state)
{
	struct world *world = *state;
	struct fixture *f = &world->fixture;
	uint8_t *bytes = ram_at(f->ram, RING_BUFFERS, 0x9000);

	memset(bytes, 0x5a, 0x9000);
	ring_desc(&f->ring[0], 0, RING_BUFFERS + 0x100, 0x3f00, VRING_DESC_F_WRITE, 0);
	ring_offer(&f->ring[0], 0);
	guest_write(f, 0x50, 0);
	assert_true(reaches(&world->busy->discards, 1));
	assert_int_equal(atomic_load(&world->busy->result), 0);
	assert_int_equal(bytes[0xfff], 0x5a); /* the first page is not wholly inside */
	for (unsigned i = 0x1000; i < 0x4000; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(bytes[0x4000], 0x5a);
	assert_int_equal(inside(world, discard_page), 0);
	assert_int_equal(bytes[0x8000], 0);
	assert_int_equal(inside(world, discard_at_end), -EFAULT);
	assert_int_equal(inside(world, discard_outside), -EFAULT);
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(inside(world, discard_page), -EFAULT); /* no guest memory is touched */
	assert_int_equal(control_cont(f), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_timers),
		TEST(test_watches),
		TEST(test_quiesced),
		TEST(test_discard),
	};

	return cmocka_run_group_tests_name("services", tests, NULL, NULL);
}
