/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-reopen.c - nodes that get another medium, used and unused, under load, and not at all.
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "backend/block-lock.h"
#include "base/options.h"
#include "base/util.h"

#define SIZE (64 * KIB)

/* Options of a node on a file of the fixture's folder; to be freed. */
static char *on_file(struct fixture *fixture, const char *node, const char *name, const char *more)
{
	char *text;

	assert_true(asprintf(&text, "node-name=%s,filename=%s%s", node, fixture_path(fixture, name), more) > 0);
	return text;
}

static int reopen(struct fixture *fixture, const char *name, const char *more)
{
	_cleanup_free_ char *text = on_file(fixture, "d0", name, more);

	return fixture_reopen(fixture, (const char *[]){text, NULL});
}

static void fill(struct fixture *fixture, const char *name, int byte, size_t size)
{
	FILE *file = fopen(fixture_path(fixture, name), "we");

	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		putc(byte, file);
	assert_int_equal(fclose(file), 0);
}

static int byte_at(struct fixture *fixture, const char *name, long offset)
{
	FILE *file = fopen(fixture_path(fixture, name), "re");
	int byte;

	assert_non_null(file);
	fseek(file, offset, SEEK_SET);
	byte = fgetc(file);
	fclose(file);
	return byte;
}

static int first_byte(struct fixture *fixture)
{
	uint8_t sector[SECTOR];

	return fixture_read(fixture, 0, sector, SECTOR) == 0 ? sector[0] : -1;
}

static uint64_t size_of(struct mortise_block *block)
{
	struct mortise_block_info info = {.struct_size = sizeof(info)};

	block_info(block, &info);
	return info.size;
}

/* Whether somebody in this process holds the file's lock. */
static bool is_locked(struct fixture *fixture, const char *name)
{
	_cleanup_close_ int fd = open(fixture_path(fixture, name), O_RDWR | O_CLOEXEC);
	int r = block_lock(fd, name, true, NULL);

	if (r == 0)
		block_unlock(fd);
	return r == -EBUSY;
}

static void count_change(void *opaque, struct mortise_block *block)
{
	atomic_fetch_add((atomic_uint *)opaque, 1);
}

static void test_another_file(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t sector[SECTOR] = {'w'};
	atomic_uint changes = 0;
	unsigned before;

	fixture_open(fixture, SIZE);
	block_on_change(fixture->block, count_change, &changes);
	fill(fixture, "other", 'o', 2 * SIZE);
	before = fixture_descriptors();
	assert_int_equal(reopen(fixture, "other", ",locking=on"), 0);
	assert_int_equal(first_byte(fixture), 'o');
	assert_int_equal(atomic_load(&changes), 1);
	assert_int_equal(size_of(fixture->block), 2 * SIZE);
	assert_int_equal(fixture_descriptors(), before);
	assert_false(is_locked(fixture, "disk"));
	assert_true(is_locked(fixture, "other"));
	assert_int_equal(fixture_write(fixture, 2 * SIZE - SECTOR, sector, SECTOR), 0);
	assert_int_equal(byte_at(fixture, "other", 2 * SIZE - SECTOR), 'w');
	assert_int_equal(reopen(fixture, "disk", ",read-only=on,aio=threads"), 0);
	assert_int_equal(first_byte(fixture), fixture_pattern(0));
	assert_int_equal(fixture_write(fixture, 0, sector, SECTOR), -EROFS);
	assert_int_equal(fixture_read(fixture, SIZE, (uint8_t[SECTOR]){0}, SECTOR), -EINVAL);
	assert_int_equal(reopen(fixture, "disk", ""), 0); /* the same file; what is not said is not kept */
	assert_int_equal(fixture_write(fixture, 0, sector, SECTOR), 0);
}

static void test_other_driver(void **state)
{
	struct fixture *fixture = *state;

	fixture_open(fixture, SIZE);
	assert_int_equal(fixture_reopen(fixture, (const char *[]){"node-name=d0,driver=null-co,size=1M", NULL}), 0);
	assert_int_equal(first_byte(fixture), 0);
	assert_int_equal(size_of(fixture->block), MIB);
	assert_int_equal(reopen(fixture, "disk", ""), 0);
	assert_int_equal(first_byte(fixture), fixture_pattern(0));
}

/* Nobody uses the nodes; in one call they exchange their files, whose locks pass from one to the other. */
static void test_crosswise(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *a = on_file(fixture, "a", "one", ""), *b = on_file(fixture, "b", "two", "");
	_cleanup_free_ char *new_a = on_file(fixture, "a", "two", ""), *new_b = on_file(fixture, "b", "one", "");

	fill(fixture, "one", '1', SIZE);
	fill(fixture, "two", '2', 2 * SIZE);
	assert_int_equal(fixture_add(fixture, "%s", a), 0);
	assert_int_equal(fixture_add(fixture, "%s", b), 0);
	assert_int_equal(fixture_reopen(fixture, (const char *[]){new_a, NULL}), -EBUSY);
	assert_error(fixture, "lock");
	assert_int_equal(fixture_reopen(fixture, (const char *[]){new_a, new_b, NULL}), 0);
	assert_int_equal(size_of(block_find(fixture->nodes, "a")), 2 * SIZE);
	assert_int_equal(size_of(block_find(fixture->nodes, "b")), SIZE);
	assert_true(is_locked(fixture, "one") && is_locked(fixture, "two"));
	assert_int_equal(fixture_del(fixture, "a"), 0);
	assert_int_equal(fixture_del(fixture, "b"), 0);
	assert_false(is_locked(fixture, "one") || is_locked(fixture, "two"));
}

/* One of two fails: the other, which could have been reopened, is as it was. */
static void test_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *idle = on_file(fixture, "idle", "one", ""), *fine = on_file(fixture, "d0", "two", "");
	_cleanup_free_ char *missing = on_file(fixture, "idle", "nothing", "");
	_cleanup_free_ char *taken = on_file(fixture, "idle", "taken", "");
	_cleanup_close_ int fd = -1;
	unsigned before;

	fill(fixture, "one", '1', SIZE);
	fill(fixture, "two", '2', SIZE);
	fill(fixture, "taken", 't', SIZE);
	fixture_open(fixture, SIZE);
	assert_int_equal(fixture_add(fixture, "%s", idle), 0);
	fd = open(fixture_path(fixture, "taken"), O_RDWR | O_CLOEXEC);
	assert_int_equal(block_lock(fd, "taken", true, NULL), 0);
	before = fixture_descriptors();
	for (unsigned i = 0; i < 2; i++) {
		const char *bad = i ? taken : missing;

		assert_int_equal(fixture_reopen(fixture, (const char *[]){fine, bad, NULL}), i ? -EBUSY : -ENOENT);
		assert_error(fixture, i ? "taken" : "nothing");
		assert_int_equal(fixture_reopen(fixture, (const char *[]){bad, fine, NULL}), i ? -EBUSY : -ENOENT);
		assert_int_equal(first_byte(fixture), fixture_pattern(0));
		assert_int_equal(fixture_descriptors(), before);
		assert_true(is_locked(fixture, "disk") && is_locked(fixture, "one"));
		assert_false(is_locked(fixture, "two"));
	}
	assert_int_equal(fixture_del(fixture, "idle"), 0);
}

static void test_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *again = on_file(fixture, "d0", "disk", "");

	fixture_open(fixture, SIZE);
	assert_int_equal(reopen(fixture, "disk", ",bogus=1"), -EINVAL);
	assert_error(fixture, "'bogus' is unexpected");
	assert_int_equal(fixture_reopen(fixture, (const char *[]){again, again, NULL}), -EINVAL);
	assert_error(fixture, "named twice");
	assert_int_equal(fixture_reopen(fixture, (const char *[]){"filename=/x", NULL}), -EINVAL);
	assert_error(fixture, "'node-name' is missing");
	assert_int_equal(fixture_reopen(fixture, (const char *[]){"node-name=d1,filename=/x", NULL}), -ENOENT);
	assert_error(fixture, "node-name='d1'");
	assert_int_equal(fixture_reopen(fixture, (const char *[]){"node-name=d0,driver=qcow2,file=x", NULL}), -EINVAL);
	assert_error(fixture, "qcow2");
	assert_int_equal(fixture_reopen(fixture, (const char *[]){NULL}), 0);
	assert_int_equal(first_byte(fixture), fixture_pattern(0));
}

/* The device goes on in sectors, as its driver does not ask again. */
static void test_larger_blocks(void **state)
{
	struct fixture *fixture = *state;
	uint8_t data[SECTOR];

	fixture_open(fixture, SIZE);
	assert_int_equal(reopen(fixture, "disk", ",logical_block_size=4096"), 0);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(fixture_write(fixture, 3 * SECTOR, data, sizeof(data)), 0);
	assert_int_equal(first_byte(fixture), fixture_pattern(0));
	assert_int_equal(reopen(fixture, "disk", ""), 0);
	assert_int_equal(fixture_read(fixture, 3 * SECTOR, data, sizeof(data)), 0);
	assert_int_equal(data[0], 0x5a);
	assert_int_equal(fixture_read(fixture, 4 * SECTOR, data, sizeof(data)), 0);
	assert_int_equal(data[0], fixture_pattern(4 * SECTOR));
}

/* --- under load --- */

#define WRITES 4096
#define DEPTH 16

/* Writes one sector after another, some at a time, as a device would. */
struct load {
	struct fixture *fixture;
	struct task task;
	struct {
		struct mortise_block_request request;
		struct load *load;
		struct iovec iov;
		bool busy;
	} slots[DEPTH];
	uint8_t data[SECTOR];
	unsigned next, done, failed;
	atomic_bool over;
};

static void go_on(struct load *load);

static void on_written(struct mortise_block_request *request, int result)
{
	__typeof__(((struct load *)0)->slots[0]) *slot = (void *)request;

	slot->busy = false;
	slot->load->done++;
	slot->load->failed += result < 0;
	go_on(slot->load);
}

static void go_on(struct load *load)
{
	for (unsigned i = 0; i < DEPTH && load->next < WRITES; i++) {
		if (load->slots[i].busy)
			continue;
		load->slots[i].busy = true;
		load->slots[i].load = load;
		load->slots[i].iov = (struct iovec){load->data, SECTOR};
		load->slots[i].request = (struct mortise_block_request){
			.done = on_written,
			.op = MORTISE_BLOCK_WRITE,
			.offset = (uint64_t)load->next++ * SECTOR,
			.length = SECTOR,
			.iov = &load->slots[i].iov,
			.iov_count = 1,
		};
		block_submit(load->fixture->block, &load->slots[i].request);
	}
	atomic_store(&load->over, load->done == WRITES);
}

static void start_load(struct task *task)
{
	go_on(container_of(task, struct load, task));
}

/* Each write is in one of the two files, and each was answered once. */
static void run_load(struct fixture *fixture, const char *more)
{
	struct load load = {.fixture = fixture, .task.run = start_load, .data = {'w'}};
	unsigned reopened = 0, lost = 0;
	_cleanup_fclose_ FILE *a = NULL, *b = NULL;

	fill(fixture, "disk", 0, WRITES * SECTOR);
	fill(fixture, "other", 0, WRITES * SECTOR);
	loop_post(fixture->io, &load.task);
	do {
		assert_int_equal(reopen(fixture, reopened++ % 2 ? "disk" : "other", more), 0);
	} while (!atomic_load(&load.over));
	assert_int_equal(first_byte(fixture) < 0, 0); /* the load's last callback has returned */
	assert_int_equal(load.failed, 0);
	a = fopen(fixture_path(fixture, "disk"), "re");
	b = fopen(fixture_path(fixture, "other"), "re");
	for (long i = 0; i < WRITES; i++) {
		fseek(a, i * SECTOR, SEEK_SET);
		fseek(b, i * SECTOR, SEEK_SET);
		lost += fgetc(a) + fgetc(b) != 'w';
	}
	assert_int_equal(lost, 0);
}

static void test_under_load(void **state)
{
	struct fixture *fixture = *state;

	fixture_open(fixture, WRITES * SECTOR);
	run_load(fixture, ",aio=io_uring");
	run_load(fixture, ",aio=threads");
}

/* --- what comes between --- */

static void on_reopened(struct reply *reply, int result)
{
}

static void begin(struct fixture *fixture, const char *name, struct reply *reply)
{
	_cleanup_free_ char *text = on_file(fixture, "d0", name, "");
	struct options *options;

	assert_int_equal(options_parse(&options, text, NULL, NULL, NULL), 0);
	reply->done = on_reopened;
	reply->result = 1;
	block_reopen(fixture->nodes, &options, 1, reply);
}

/* The device goes, and the node after it, while the new medium is being opened: both wait, and nothing is left. */
static void test_leaving(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = {0};
	unsigned before;

	fill(fixture, "other", 'o', SIZE);
	before = fixture_descriptors();
	fixture_open(fixture, SIZE);
	begin(fixture, "other", &reply);
	assert_int_equal(fixture_resize(fixture, SIZE / 2), -EBUSY);
	assert_error(fixture, "it is being reopened");
	assert_int_equal(reopen(fixture, "other", ""), -EBUSY);
	block_release(fixture->block);
	assert_int_equal(block_claim(fixture->block, "v1", fixture->io, &fixture->error), -EBUSY);
	assert_error(fixture, "it is being reopened");
	fixture->block = NULL;
	assert_int_equal(fixture_del(fixture, "d0"), 0);
	assert_int_equal(reply.result, 0);
	assert_false(is_locked(fixture, "disk") || is_locked(fixture, "other"));
	assert_int_equal(fixture_descriptors(), before);
}

/* The program ends in the middle of it: fixture_teardown() must find nothing in its way. */
static void test_end(void **state)
{
	struct fixture *fixture = *state;
	static struct reply reply;

	fill(fixture, "other", 'o', SIZE);
	fixture_open(fixture, SIZE);
	block_release(fixture->block);
	fixture->block = NULL;
	begin(fixture, "other", &reply);
}

static void test_medium(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t sector[SECTOR] = {'w'};

	fixture_open(fixture, SIZE);
	fill(fixture, "other", 'o', SIZE);
	assert_int_equal(fixture_change_medium(fixture, fixture_path(fixture, "other"), "on"), 0);
	assert_int_equal(first_byte(fixture), 'o');
	assert_int_equal(fixture_write(fixture, 0, sector, SECTOR), -EROFS);
	assert_int_equal(fixture_change_medium(fixture, fixture_path(fixture, "disk"), NULL), 0);
	assert_int_equal(first_byte(fixture), fixture_pattern(0));
	assert_int_equal(fixture_write(fixture, 0, sector, SECTOR), -EROFS);
	assert_int_equal(fixture_change_medium(fixture, fixture_path(fixture, "nothing"), "off"), -ENOENT);
	assert_int_equal(fixture_change_medium(fixture, fixture_path(fixture, "disk"), "off"), 0);
	assert_int_equal(fixture_write(fixture, 0, sector, SECTOR), 0);
	assert_int_equal(fixture_reopen(fixture, (const char *[]){"node-name=d0,driver=null-co", NULL}), 0);
	assert_int_equal(fixture_change_medium(fixture, fixture_path(fixture, "disk"), NULL), -ENOTSUP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_another_file), TEST(test_other_driver),  TEST(test_crosswise),  TEST(test_all_or_nothing),
		TEST(test_refused),	 TEST(test_larger_blocks), TEST(test_under_load), TEST(test_leaving),
		TEST(test_end),		 TEST(test_medium),
	};

	return cmocka_run_group_tests_name("block-reopen", tests, NULL, NULL);
}
