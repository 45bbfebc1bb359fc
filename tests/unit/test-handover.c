/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-handover.c - a slot's place and state handed over to another instance, or not, under a bound driver.
 */
#include "unit.h"

#include "bus/handover.h"
#include "slot-fixture.h"

#define STATE_BYTES 9000 /* more than fits at the first try */

/* The instance: a disk of sorts whose state is a number. */
struct keeper {
	struct mortise_device *device;
	uint32_t number;
	_Atomic int refuses;
	_Atomic unsigned activations, quiesces, resumes, resets, requests;
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct keeper *keeper = self;

	keeper->device = device;
	return 0;
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct keeper *keeper = self;

	atomic_fetch_add(&keeper->activations, 1);
	return 0;
}

static void notify(void *self, uint32_t queue)
{
	struct keeper *keeper = self;
	struct mortise_chain *chain;

	while ((chain = device_queue_pop(keeper->device, queue))) {
		struct iovec *last = &chain->in[chain->in_count - 1];

		((uint8_t *)last->iov_base)[last->iov_len - 1] = 0;
		atomic_fetch_add(&keeper->requests, 1);
		device_queue_push(keeper->device, chain, chain->in_size);
	}
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct keeper *keeper = self;

	atomic_fetch_add(&keeper->quiesces, 1);
	return 0;
}

static void resume(void *self)
{
	struct keeper *keeper = self;

	atomic_fetch_add(&keeper->resumes, 1);
}

static void reset(void *self)
{
	struct keeper *keeper = self;

	atomic_fetch_add(&keeper->resets, 1);
}

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct keeper *keeper = self;

	if (room < STATE_BYTES)
		return -ENOSPC;
	memset(data, 0, STATE_BYTES);
	memcpy(data, &keeper->number, sizeof(keeper->number));
	return STATE_BYTES;
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct keeper *keeper = self;

	if (atomic_load(&keeper->refuses))
		return mortise_fail(err, -EINVAL, "it is not to its taste");
	assert_int_equal(size, STATE_BYTES);
	memcpy(&keeper->number, data, sizeof(keeper->number));
	return 0;
}

static const struct mortise_class class = {.size = sizeof(class),
					   .driver = "keeper",
					   .virtio_id = 2,
					   .queue_count = 1,
					   .instance_size = sizeof(struct keeper),
					   .realize = realize,
					   .activate = activate,
					   .notify = notify,
					   .quiesce = quiesce,
					   .resume = resume,
					   .reset = reset,
					   .save = save,
					   .restore = restore};

struct world {
	struct fixture fixture;
	struct mortise_device *old, *new;
	struct slot_handover handover;
	struct task task;
	bool commit;
	_Atomic unsigned ready, done;
	int ready_result, done_result;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	fixture_open(&world->fixture, 0);
	world->old = device_make_of(&world->fixture, &class);
	world->new = device_make_of(&world->fixture, &class);
	assert_int_equal(control_exchange(&world->fixture, world->old), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	assert_int_equal(control_exchange(&world->fixture, NULL), 0);
	device_end_of(&world->fixture, world->old);
	device_end_of(&world->fixture, world->new);
	fixture_close(&world->fixture);
	free(world);
	return 0;
}

static struct keeper *keeper_of(struct mortise_device *device)
{
	return device_self(device);
}

static void on_ready(struct reply *reply, int result)
{
	struct world *world = container_of(reply, struct world, handover.ready);

	world->ready_result = result;
	atomic_store(&world->ready, 1);
}

static void on_done(struct reply *reply, int result)
{
	struct world *world = container_of(reply, struct world, handover.done);

	world->done_result = result;
	atomic_store(&world->done, 1);
}

static void begin_now(struct task *task)
{
	struct world *world = container_of(task, struct world, task);

	slot_hand_over(world->fixture.slot, &world->handover);
}

static void end_now(struct task *task)
{
	struct world *world = container_of(task, struct world, task);

	slot_handover_end(&world->handover, world->commit);
}

/* What `ready` answers. */
static int begin(struct world *world)
{
	world->handover = (struct slot_handover){.device = world->new, .ready.done = on_ready, .done.done = on_done};
	world->task.run = begin_now;
	loop_post(world->fixture.control, &world->task);
	assert_true(reaches(&world->ready, 1));
	return world->ready_result;
}

/* What `done` answers. */
static int end(struct world *world, bool commit)
{
	world->commit = commit;
	world->task.run = end_now;
	loop_post(world->fixture.control, &world->task);
	assert_true(reaches(&world->done, 1));
	return world->done_result;
}

static void assert_serves(struct world *world, struct mortise_device *device, unsigned requests)
{
	unsigned tag;

	guest_submit(&world->fixture, 1, 0);
	assert_int_equal(guest_complete(&world->fixture, 0, &tag), 0);
	assert_int_equal(atomic_load(&keeper_of(device)->requests), requests);
}

static void test_moves(void **state)
{
	struct world *world = *state;
	struct keeper *old = keeper_of(world->old), *new = keeper_of(world->new);

	old->number = 42;
	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	assert_serves(world, world->old, 1);
	assert_int_equal(begin(world), 0);
	assert_int_equal(atomic_load(&old->quiesces), 1);
	assert_int_equal(new->number, 42);
	assert_int_equal(atomic_load(&new->resumes), 0); /* it keeps still */
	assert_int_equal(end(world, true), 0);
	assert_ptr_equal(slot_device(world->fixture.slot), world->new);
	assert_true(world->handover.pause_ns > 0);
	assert_serves(world, world->new, 1);
	assert_int_equal(atomic_load(&new->activations), 1);
	assert_int_equal(atomic_load(&new->resumes), 1);
	assert_int_equal(atomic_load(&old->resumes) + atomic_load(&old->resets) + atomic_load(&new->resets), 0);
	assert_int_equal(guest_read(&world->fixture, 0x70), 15); /* status */
}

static void test_refused(void **state)
{
	struct world *world = *state;
	struct keeper *old = keeper_of(world->old);

	atomic_store(&keeper_of(world->new)->refuses, 1);
	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	assert_int_equal(begin(world), -EINVAL);
	assert_names(&world->handover.ready.error, "not to its taste");
	assert_true(reaches(&world->done, 1));
	assert_int_equal(world->done_result, -EINVAL);
	assert_int_equal(end(world, false), -EINVAL); /* nothing more happens */
	assert_int_equal(atomic_load(&old->resumes), 1);
	assert_serves(world, world->old, 1);
}

static void test_taken_back(void **state)
{
	struct world *world = *state;

	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	assert_int_equal(begin(world), 0);
	assert_int_equal(end(world, false), -ECANCELED);
	assert_int_equal(atomic_load(&keeper_of(world->new)->resets), 1);
	assert_ptr_equal(slot_device(world->fixture.slot), world->old);
	assert_serves(world, world->old, 1);
}

/* No driver, no state that it could have made. */
static void test_unbound(void **state)
{
	struct world *world = *state;

	keeper_of(world->old)->number = 42;
	assert_int_equal(begin(world), 0);
	assert_int_equal(end(world, true), 0);
	assert_int_equal(keeper_of(world->new)->number, 0);
	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	assert_serves(world, world->new, 1);
}

static void test_stopped(void **state)
{
	struct world *world = *state;
	struct keeper *new = keeper_of(world->new);

	keeper_of(world->old)->number = 42;
	assert_int_equal(guest_bind(&world->fixture, VERSION_1, 1), 15);
	assert_int_equal(control_stop(&world->fixture), 0);
	assert_int_equal(begin(world), 0);
	assert_int_equal(end(world, true), 0);
	assert_int_equal(new->number, 42);
	assert_int_equal(atomic_load(&new->resumes), 0);
	assert_int_equal(control_cont(&world->fixture), 0);
	assert_int_equal(atomic_load(&new->resumes), 1);
	assert_serves(world, world->new, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_moves), TEST(test_refused), TEST(test_taken_back), TEST(test_unbound), TEST(test_stopped),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
