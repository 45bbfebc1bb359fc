/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-driver.c - mortise/block-driver.h from the driver's side:
 * good ones, late ones, and ones that lie.
 */
#include "block-fixture.h"
#include "unit.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <mortise/block-driver.h>

#define SIZE UINT64_C(65536)
#define TIMER 3
#define TIMER_NS UINT64_C(20000000)

/* How the driver under test behaves; set before a node is added. */
enum manner { AT_ONCE, FROM_THREAD, BY_TIMER, BY_WATCH, BY_WORK, TWICE, NEVER };

static struct {
	struct mortise_block_info info; /* what open() says, where it is not 0 */
	int open_result, attach_result, result;
	bool silent; /* open() fails without a message */
	enum manner manner;

	/* What the driver saw. */
	unsigned opened, closed, attached, detached, cancelled, submitted, worked, used;
	uint64_t longest, segments, measured;
} probe;

struct node {
	struct mortise_medium *medium;
	const struct mortise_block_services *services;
	struct mortise_block_request *held;
	uint64_t option;
	int fd;
	pthread_t thread;
};

static int node_open(void *self, struct mortise_medium *medium, const struct mortise_block_services *services,
		     struct mortise_block_info *info, struct mortise_error *err)
{
	struct node *node = self;

	if (probe.open_result < 0)
		return probe.silent ? probe.open_result : mortise_fail(err, probe.open_result, "the store is shut");
	assert_string_equal(services->name(medium), "d0");
	assert_int_equal(node->option, 7);
	probe.opened++;
	node->medium = medium;
	node->services = services;
	node->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	services->describe(medium, "probe:");
	info->size = probe.info.size;
	info->logical_block_size = probe.info.logical_block_size;
	info->max_segments = probe.info.max_segments;
	info->max_transfer = probe.info.max_transfer;
	info->max_discard = probe.info.max_discard;
	return 0;
}

static void node_close(void *self)
{
	struct node *node = self;

	close(node->fd);
	probe.closed++;
}

static int node_measure(void *self, uint64_t wanted, uint64_t *size, struct mortise_error *err)
{
	probe.measured = wanted ? wanted : probe.measured;
	*size = probe.measured + 100; /* not a whole block */
	return 0;
}

static int node_attach(void *self)
{
	probe.attached++;
	return probe.attach_result;
}

static void node_detach(void *self)
{
	assert_null(((struct node *)self)->held);
	probe.detached++;
}

static void finish(struct node *node)
{
	struct mortise_block_request *request = node->held;

	node->held = NULL;
	if (request)
		node->services->complete(node->medium, request, probe.result);
}

static void *finish_thread(void *opaque)
{
	usleep(20000);
	finish(opaque);
	return NULL;
}

static void node_submit(void *self, struct mortise_block_request *request)
{
	struct node *node = self;

	memset(mortise_block_scratch(request), 0xa5, 32);
	probe.longest = MAX(probe.longest, request->length);
	probe.segments = MAX(probe.segments, request->iov_count);
	assert_null(node->held);
	node->held = request;
	switch (probe.manner) {
	case AT_ONCE:
		finish(node);
		break;
	case TWICE:
		finish(node);
		node->services->complete(node->medium, request, -EIO);
		break;
	case FROM_THREAD:
		assert_int_equal(pthread_create(&node->thread, NULL, finish_thread, node), 0);
		pthread_detach(node->thread);
		break;
	case BY_TIMER:
		assert_int_equal(node->services->timer_set(node->medium, MORTISE_TIMERS, 1), -EINVAL);
		node->services->timer_set(node->medium, TIMER, node->services->clock_ns() + TIMER_NS);
		break;
	case BY_WATCH:
		node->services->watch(node->medium, node->fd, MORTISE_WATCH_READ, node);
		eventfd_write(node->fd, 1);
		break;
	case BY_WORK:
		node->services->start_work(node->medium);
		break;
	case NEVER:
		break;
	}
}

static void node_submitted(void *self)
{
	probe.submitted++;
}

static void node_cancel(void *self)
{
	probe.cancelled++;
	probe.result = -EIO;
	finish(self);
}

static void node_timer(void *self, uint32_t id)
{
	assert_int_equal(id, TIMER);
	finish(self);
}

static void node_ready(void *self, int fd, uint32_t events, void *opaque)
{
	struct node *node = self;

	assert_ptr_equal(opaque, node);
	assert_int_equal(events, MORTISE_WATCH_READ);
	node->services->watch(node->medium, fd, 0, NULL);
	finish(node);
}

static int node_work(void *self)
{
	probe.worked++;
	return -EXDEV;
}

static void node_work_done(void *self, int result)
{
	assert_int_equal(result, -EXDEV);
	finish(self);
}

static const struct mortise_property options[] = {
	{.name = "option",
	 .type = MORTISE_PROPERTY_U64,
	 .offset = offsetof(struct node, option),
	 .fallback = "7",
	 .help = "for tests"},
	{.name = NULL},
};

static const struct mortise_block_driver driver = {
	.size = sizeof(driver),
	.property_size = sizeof(struct mortise_property),
	.driver = "probe",
	.summary = "For tests",
	.node_size = sizeof(struct node),
	.properties = options,
	.open = node_open,
	.close = node_close,
	.measure = node_measure,
	.attach = node_attach,
	.detach = node_detach,
	.submit = node_submit,
	.submitted = node_submitted,
	.cancel = node_cancel,
	.timer = node_timer,
	.fd_ready = node_ready,
	.work = node_work,
	.work_done = node_work_done,
};

static int find_driver(void *opaque, const char *name, const struct mortise_block_driver **out,
		       struct mortise_error *err)
{
	*out = &driver;
	return strcmp(name, "probe") == 0 ? 0 : mortise_fail(err, -ENOENT, "there is no '%s'", name);
}

static void use_driver(void *opaque, const struct mortise_block_driver *of, int change)
{
	assert_ptr_equal(of, &driver);
	probe.used += (unsigned)change;
}

static const struct block_source source = {find_driver, use_driver, NULL};

static int setup(void **state)
{
	memset(&probe, 0, sizeof(probe));
	probe.info = (struct mortise_block_info){.size = SIZE,
						 .logical_block_size = SECTOR,
						 .max_segments = 4,
						 .max_transfer = SIZE,
						 .max_discard = SIZE};
	fixture_setup(state);
	block_nodes_set_source(((struct fixture *)*state)->nodes, &source);
	return 0;
}

static int teardown(void **state)
{
	fixture_teardown(state);
	assert_int_equal(probe.opened, probe.closed);
	assert_int_equal(probe.attached, probe.detached + (probe.attach_result < 0));
	assert_int_equal(probe.used, 0);
	return 0;
}

static int add(struct fixture *fixture)
{
	return fixture_add(fixture, "node-name=d0,driver=probe");
}

static void plug(struct fixture *fixture)
{
	if (add(fixture) < 0)
		fail_msg("%s", fixture->error.message);
	fixture->block = block_find(fixture->nodes, "d0");
	assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
}

/* --- opening --- */

static void test_open_fails(void **state)
{
	probe.open_result = -ENODEV;
	assert_int_equal(add(*state), -ENODEV);
	assert_error(*state, "the store is shut");
	probe.silent = true;
	assert_int_equal(add(*state), -ENODEV);
	assert_error(*state, strerror(ENODEV));
	assert_true(fixture_add(*state, "node-name=d0,driver=probe,option=x") < 0);
	assert_error(*state, "option");
	assert_true(fixture_add(*state, "node-name=d0,driver=other") < 0);
	assert_error(*state, "other");
	assert_int_equal(probe.opened, 0);
	assert_int_equal(probe.used, 0);
}

/* What a store cannot be is refused, and it is closed again. */
static void test_garbage(void **state)
{
	static const struct mortise_block_info good = {.size = SIZE,
						       .logical_block_size = SECTOR,
						       .max_segments = 1,
						       .max_transfer = SIZE,
						       .max_discard = SIZE};
	static const uint32_t blocks[] = {0, 1, 511, 513, 1000, 65536, UINT32_MAX};
	static const uint64_t sizes[] = {0, 511, UINT64_MAX, UINT64_C(1) << 63};

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		probe.info = good;
		probe.info.logical_block_size = blocks[i];
		assert_int_equal(add(*state), -EPROTO);
		assert_error(*state, "block size");
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		probe.info = good;
		probe.info.size = sizes[i];
		assert_int_equal(add(*state), -EPROTO);
		assert_error(*state, "size");
	}
	probe.info = good;
	probe.info.max_segments = 0;
	assert_int_equal(add(*state), -EPROTO);
	probe.info = good;
	probe.info.max_transfer = 100;
	assert_int_equal(add(*state), -EPROTO);
	probe.info = good;
	probe.info.max_discard = 0;
	assert_int_equal(add(*state), -EPROTO);
	assert_int_equal(probe.opened, ARRAY_SIZE(blocks) + ARRAY_SIZE(sizes) + 3);
	assert_int_equal(probe.closed, probe.opened);
}

/* --- requests --- */

static void test_manners(void **state)
{
	static const int results[][2] = {{0, 0}, {-EIO, -EIO}, {-ENOSPC, -ENOSPC}, {5, 0}};
	uint8_t data[SECTOR] = {0};

	plug(*state);
	for (unsigned manner = AT_ONCE; manner <= TWICE; manner++) {
		probe.manner = manner;
		for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
			probe.result = results[i][0];
			assert_int_equal(fixture_write(*state, SECTOR, data, sizeof(data)), results[i][1]);
			assert_int_equal(fixture_request(*state, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), results[i][1]);
		}
	}
	assert_int_equal(probe.worked, 2 * ARRAY_SIZE(results));
	assert_true(probe.submitted > 0);
	assert_int_equal(probe.attached, 1);
}

/* The driver gets no more at a time than it said, in no more pieces. */
static void test_limits(void **state)
{
	static uint8_t data[16 * SECTOR];
	struct iovec pieces[16];

	probe.info.max_segments = 2;
	probe.info.max_transfer = 4 * SECTOR;
	plug(*state);
	for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++)
		pieces[i] = (struct iovec){data + i * SECTOR, SECTOR};
	assert_int_equal(fixture_request(*state, MORTISE_BLOCK_WRITE, 0, 0, pieces, 16, sizeof(data)), 0);
	assert_int_equal(fixture_request(*state, MORTISE_BLOCK_READ, 0, 0, pieces, 16, sizeof(data)), 0);
	assert_true(probe.longest > 0 && probe.longest <= 4 * SECTOR);
	assert_in_range(probe.segments, 1, 2);
	assert_true(fixture_write(*state, SIZE, data, SECTOR) < 0); /* past the end: the driver hears nothing of it */
}

static void test_attach_fails(void **state)
{
	uint8_t data[SECTOR];

	probe.attach_result = -EACCES;
	plug(*state);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fixture_read(*state, 0, data, sizeof(data)), -EACCES);
	assert_int_equal(probe.submitted, 0);
	fixture_close(*state);
	assert_int_equal(probe.detached, 0);
}

/* A read on a thread of its own, while the control thread turns until it is over. */
struct reading {
	struct fixture *fixture;
	struct task over;
	int result;
};

static void on_read(struct task *task)
{
	loop_quit(container_of(task, struct reading, over)->fixture->control);
}

static void *read_thread(void *opaque)
{
	struct reading *reading = opaque;
	uint8_t data[SECTOR];

	reading->result = fixture_read(reading->fixture, 0, data, sizeof(data));
	loop_post(reading->fixture->control, &reading->over);
	return NULL;
}

static int read_and_turn(struct fixture *fixture)
{
	struct reading reading = {.fixture = fixture, .over.run = on_read};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, read_thread, &reading), 0);
	loop_run(fixture->control);
	pthread_join(thread, NULL);
	return reading.result;
}

/* A request that is in flight for ever is cancelled when its device is to go.
 */
static void test_cancel(void **state)
{
	struct fixture *fixture = *state;

	probe.manner = NEVER;
	plug(fixture);
	block_hurry(fixture->block, true);
	assert_int_equal(read_and_turn(fixture), -EIO);
	assert_int_equal(probe.cancelled, 1);
}

/* A node comes and goes with its device, and is opened once. */
static void test_claims(void **state)
{
	struct fixture *fixture = *state;

	plug(fixture);
	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(read_and_turn(fixture), 0);
		assert_int_equal(probe.attached, i);
		block_release(fixture->block);
		assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
	}
	assert_int_equal(read_and_turn(fixture), 0);
	assert_int_equal(probe.opened, 1);
	assert_int_equal(probe.detached, 20);
}

static void test_size(void **state)
{
	struct fixture *fixture = *state;
	struct mortise_block_info info = {.struct_size = sizeof(info)};

	plug(fixture);
	assert_int_equal(fixture_resize(fixture, 4 * SECTOR), 0);
	block_info(fixture->block, &info);
	assert_int_equal(info.size, 4 * SECTOR); /* the part of a block is cut off */
	probe.measured = 10 * SECTOR;
	assert_int_equal(fixture_refresh(fixture), 0);
	block_info(fixture->block, &info);
	assert_int_equal(info.size, 10 * SECTOR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_fails),	 TEST(test_garbage), TEST(test_manners), TEST(test_limits),
		TEST(test_attach_fails), TEST(test_cancel),  TEST(test_claims),	 TEST(test_size),
	};

	return cmocka_run_group_tests_name("block-driver", tests, NULL, NULL);
}
