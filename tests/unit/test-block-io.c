/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-io.c - requests on files, built once for each engine and way of caching (TEST_OPTIONS).
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/util.h"

#define DISK_SIZE (2 * MIB)

static void *aligned(size_t size)
{
	void *data = aligned_alloc(4096, ALIGN_UP(size, 4096));

	assert_non_null(data);
	memset(data, 0xee, size);
	return data;
}

static void assert_pattern(const uint8_t *data, uint64_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (data[i] != fixture_pattern(offset + i))
			fail_msg("byte %zu is %#x, not %#x", i, data[i], fixture_pattern(offset + i));
}

static void assert_zeroes(const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (data[i])
			fail_msg("byte %zu is %#x, not 0", i, data[i]);
}

/* The file as others see it. */
static uint8_t *file_contents(struct fixture *fixture, size_t size)
{
	uint8_t *data = malloc(size);
	int fd = open(fixture_path(fixture, "disk"), O_RDONLY | O_CLOEXEC);

	assert_non_null(data);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, data, size, 0), size);
	close(fd);
	return data;
}

static uint32_t block_size(struct fixture *fixture)
{
	struct mortise_block_info info = {.struct_size = sizeof(info)};

	block_info(fixture->block, &info);
	return info.logical_block_size;
}

static void test_engine(void **state)
{
	struct fixture *fixture = *state;
	struct block_description description;

	fixture_open(fixture, DISK_SIZE);
	block_describe(fixture->block, &description);
	assert_string_equal(description.aio, strstr(fixture->options, "threads") ? "threads" : "io_uring");
	assert_int_equal(description.direct, strstr(fixture->options, "cache.direct=on") != NULL);
	assert_string_equal(description.owner, "v0");
}

static void test_read_and_write(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(DISK_SIZE), *file = NULL;

	fixture_open(fixture, DISK_SIZE);
	assert_int_equal(fixture_read(fixture, 0, data, DISK_SIZE), 0);
	assert_pattern(data, 0, DISK_SIZE);
	memset(data, 0x5a, 8192);
	assert_int_equal(fixture_write(fixture, 4096, data, 8192), 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
	file = file_contents(fixture, DISK_SIZE);
	assert_pattern(file, 0, 4096);
	assert_memory_equal(file + 4096, data, 8192);
	assert_pattern(file + 12288, 12288, DISK_SIZE - 12288);
}

/* Guest memory comes in pieces of any size at any address; more of it than one bounce buffer holds. */
static void test_scattered(void **state)
{
	static const size_t sizes[] = {1, 511, 4096, 3, 70000, 0, 512, 13, 300000};
	struct fixture *fixture = *state;
	struct iovec iov[ARRAY_SIZE(sizes) + 1];
	const size_t total = MIB;
	_cleanup_free_ uint8_t *data = aligned(total + 64 * ARRAY_SIZE(iov)), *flat = malloc(total), *file = NULL;
	uint8_t *at = data + 1;
	size_t left = total;

	fixture_open(fixture, DISK_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(iov); i++) {
		iov[i] = (struct iovec){at, i < ARRAY_SIZE(sizes) ? sizes[i] : left};
		left -= iov[i].iov_len;
		at += iov[i].iov_len + 37;
	}
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_READ, 0, 8192, iov, ARRAY_SIZE(iov), total), 0);
	for (size_t i = 0, done = 0; i < ARRAY_SIZE(iov); done += iov[i++].iov_len) {
		assert_pattern(iov[i].iov_base, 8192 + done, iov[i].iov_len);
		assert_int_equal(((uint8_t *)iov[i].iov_base)[iov[i].iov_len], 0xee);
		memset(iov[i].iov_base, (int)(i + 1), iov[i].iov_len);
		memset(flat + done, (int)(i + 1), iov[i].iov_len);
	}
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_WRITE, 0, 8192, iov, ARRAY_SIZE(iov), total), 0);
	file = file_contents(fixture, DISK_SIZE);
	assert_pattern(file, 0, 8192);
	assert_memory_equal(file + 8192, flat, total);
	assert_pattern(file + 8192 + total, 8192 + total, DISK_SIZE - 8192 - total);
}

static void test_refused_requests(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(8192);
	const struct iovec iov[] = {{data, 4096}, {data + 4096, 4096}};
	struct iovec many[1025];

	fixture_open(fixture, DISK_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct iovec){data, 8};
	for (unsigned op = MORTISE_BLOCK_READ; op <= MORTISE_BLOCK_WRITE; op++) {
		assert_int_equal(fixture_request(fixture, op, 0, DISK_SIZE, iov, 1, 4096), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, DISK_SIZE - 4096, iov, 2, 8192), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, UINT64_MAX - 4095, iov, 2, 8192), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 1, iov, 1, 4096), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, iov, 1, 100), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, iov, 1, 8192), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, iov, 2, 4096), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, iov, 0, 0), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, many, 1025, 8 * 1025), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, many, 1024, 8192), 0);
	}
	for (unsigned op = MORTISE_BLOCK_DISCARD_OP; op <= MORTISE_BLOCK_WRITE_ZEROES_OP; op++) {
		assert_int_equal(fixture_request(fixture, op, 0, DISK_SIZE - 4096, NULL, 0, 8192), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, UINT64_MAX - 511, NULL, 0, 4096), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 7, NULL, 0, 4096), -EINVAL);
		assert_int_equal(fixture_request(fixture, op, 0, 0, NULL, 0, 0), 0);
	}
	assert_int_equal(fixture_request(fixture, 0, 0, 0, NULL, 0, 0), -EINVAL);
	assert_int_equal(fixture_request(fixture, 77, 0, 0, NULL, 0, 0), -EINVAL);
}

static void test_read_only(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(4096);
	const char *path = fixture_file(fixture, "disk", 8192);

	assert_int_equal(fixture_add(fixture, "node-name=d0,read-only=on,filename=%s%s", path, fixture->options), 0);
	fixture->block = block_find(fixture->nodes, "d0");
	assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
	assert_int_equal(fixture_read(fixture, 4096, data, 4096), 0);
	assert_pattern(data, 4096, 4096);
	assert_int_equal(fixture_write(fixture, 0, data, 4096), -EROFS);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_DISCARD_OP, 0, 0, NULL, 0, 4096), -EROFS);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_WRITE_ZEROES_OP, 0, 0, NULL, 0, 4096), -EROFS);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
	assert_int_equal(fixture_resize(fixture, 4096), -EROFS);
	assert_error(fixture, "Node d0 is read-only");
}

static blkcnt_t allocated(struct fixture *fixture)
{
	struct stat st;

	assert_int_equal(stat(fixture_path(fixture, "disk"), &st), 0);
	return st.st_blocks;
}

static void test_discard(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(DISK_SIZE);
	blkcnt_t before;

	fixture_open(fixture, DISK_SIZE);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
	before = allocated(fixture);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_DISCARD_OP, 0, 65536, NULL, 0, MIB), 0);
	assert_int_equal(fixture_read(fixture, 0, data, DISK_SIZE), 0);
	assert_pattern(data, 0, 65536);
	assert_pattern(data + 65536 + MIB, 65536 + MIB, DISK_SIZE - 65536 - MIB);
	if (allocated(fixture) < before)
		assert_zeroes(data + 65536, MIB);
	else
		assert_pattern(data + 65536, 65536, MIB); /* a file system without holes */
}

static void test_discard_ignored(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(DISK_SIZE);
	const char *path = fixture_file(fixture, "disk", DISK_SIZE);

	assert_int_equal(fixture_add(fixture, "node-name=d0,discard=ignore,filename=%s%s", path, fixture->options), 0);
	fixture->block = block_find(fixture->nodes, "d0");
	assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_DISCARD_OP, 0, 0, NULL, 0, DISK_SIZE), 0);
	assert_int_equal(fixture_read(fixture, 0, data, DISK_SIZE), 0);
	assert_pattern(data, 0, DISK_SIZE);
}

static void test_write_zeroes(void **state)
{
	static const unsigned flags[] = {0, MORTISE_BLOCK_UNMAP};
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(DISK_SIZE);
	const uint32_t unit = block_size((fixture_open(fixture, DISK_SIZE), fixture));

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const uint64_t at = 16384 + i * MIB;

		assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_WRITE_ZEROES_OP, flags[i], at, NULL, 0,
						 512 * KIB + unit),
				 0);
		assert_int_equal(fixture_read(fixture, 0, data, DISK_SIZE), 0);
		assert_pattern(data + at - 4096, at - 4096, 4096);
		assert_zeroes(data + at, 512 * KIB + unit);
		assert_pattern(data + at + 512 * KIB + unit, at + 512 * KIB + unit, 4096);
	}
}

/* --- the size --- */

struct watcher {
	struct fixture *fixture;
	sem_t seen;
	uint64_t size;
};

static void on_changed(void *opaque, struct mortise_block *block)
{
	struct watcher *watcher = opaque;
	struct mortise_block_info info = {.struct_size = sizeof(info)};

	assert_true(loop_inside(watcher->fixture->io));
	block_info(block, &info);
	watcher->size = info.size;
	sem_post(&watcher->seen);
}

static void test_size_changes(void **state)
{
	struct fixture *fixture = *state;
	struct watcher watcher = {.fixture = fixture};
	_cleanup_free_ uint8_t *data = aligned(4096);
	struct stat st;

	fixture_open(fixture, DISK_SIZE);
	sem_init(&watcher.seen, 0, 0);
	block_on_change(fixture->block, on_changed, &watcher);

	assert_int_equal(truncate(fixture_path(fixture, "disk"), DISK_SIZE + MIB), 0);
	assert_int_equal(fixture_read(fixture, DISK_SIZE, data, 4096), -EINVAL); /* nobody looked yet */
	assert_int_equal(fixture_refresh(fixture), 0);
	sem_wait(&watcher.seen);
	assert_int_equal(watcher.size, DISK_SIZE + MIB);
	assert_int_equal(fixture_read(fixture, DISK_SIZE, data, 4096), 0);
	assert_zeroes(data, 4096);
	assert_int_equal(fixture_refresh(fixture), 0); /* no news */

	assert_int_equal(fixture_resize(fixture, MIB), 0);
	sem_wait(&watcher.seen);
	assert_int_equal(watcher.size, MIB);
	assert_int_equal(sem_trywait(&watcher.seen), -1);
	assert_int_equal(stat(fixture_path(fixture, "disk"), &st), 0);
	assert_int_equal(st.st_size, MIB);
	assert_int_equal(fixture_read(fixture, MIB, data, 4096), -EINVAL);

	assert_int_equal(fixture_resize(fixture, 0), -EINVAL);
	assert_int_equal(fixture_resize(fixture, 1000), -EINVAL);
	assert_error(fixture, "Parameter 'size' expects a multiple of ");
	assert_int_equal(truncate(fixture_path(fixture, "disk"), MIB + 100), 0);
	assert_int_equal(fixture_refresh(fixture), -EINVAL);
	assert_error(fixture, "is not a multiple of");
	sem_destroy(&watcher.seen);
}

/* The file loses its end behind our back: errors, no signal, no hang. */
static void test_cut_off(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(DISK_SIZE);

	fixture_open(fixture, DISK_SIZE);
	assert_int_equal(truncate(fixture_path(fixture, "disk"), MIB + 700), 0);
	assert_int_equal(fixture_read(fixture, MIB - 4096, data, 4096), 0);
	assert_pattern(data, MIB - 4096, 4096);
	assert_int_equal(fixture_read(fixture, MIB, data, 4096), -EIO);
	assert_int_equal(fixture_read(fixture, 0, data, DISK_SIZE), -EIO);
	assert_int_equal(fixture_read(fixture, DISK_SIZE - 4096, data, 4096), -EIO);
	assert_int_equal(fixture_write(fixture, 0, data, 4096), 0); /* the rest still works */
}

/* --- many at once --- */

#define FLIGHT 1000
#define AGAIN 3

struct flight {
	struct fixture *fixture;
	struct task task;
	struct one {
		struct mortise_block_request request;
		struct flight *flight;
		struct iovec iov;
		unsigned rounds;
		bool under_way;
	} all[FLIGHT];
	unsigned left;
	uint8_t *data;
	sem_t over;
};

static void one_done(struct mortise_block_request *request, int result)
{
	struct one *one = container_of(request, struct one, request);
	struct flight *flight = one->flight;

	assert_int_equal(result, 0);
	assert_true(one->under_way);
	one->under_way = false;
	if (++one->rounds < AGAIN) {
		one->under_way = true;
		block_submit(flight->fixture->block, request);
	} else if (--flight->left == 0) {
		sem_post(&flight->over);
	}
}

static void take_off(struct task *task)
{
	struct flight *flight = container_of(task, struct flight, task);

	flight->left = FLIGHT;
	for (unsigned i = 0; i < FLIGHT; i++) {
		struct one *one = &flight->all[i];

		one->flight = flight;
		/* Every third one is misaligned. */
		one->iov = (struct iovec){flight->data + i * 8192 + (i % 3 == 0), 4096};
		one->request = (struct mortise_block_request){.done = one_done,
							      .op = MORTISE_BLOCK_READ,
							      .offset = (uint64_t)i % 500 * 4096,
							      .length = 4096,
							      .iov = &one->iov,
							      .iov_count = 1};
		one->under_way = true;
		block_submit(flight->fixture->block, &one->request);
	}
}

static void test_more_than_the_ring_holds(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ struct flight *flight = calloc(1, sizeof(*flight));
	struct block_description description;

	fixture_open(fixture, DISK_SIZE);
	flight->fixture = fixture;
	flight->data = aligned((size_t)FLIGHT * 8192);
	flight->task.run = take_off;
	sem_init(&flight->over, 0, 0);
	loop_post(fixture->io, &flight->task);
	block_describe(fixture->block, &description); /* counters can be read meanwhile */
	while (sem_wait(&flight->over) < 0)
		;
	for (unsigned i = 0; i < FLIGHT; i++)
		assert_pattern(flight->all[i].iov.iov_base, flight->all[i].request.offset, 4096);
	free(flight->data);
	sem_destroy(&flight->over);
}

static void test_counters(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ uint8_t *data = aligned(8192);
	struct block_description description;

	fixture_open(fixture, DISK_SIZE);
	assert_int_equal(fixture_read(fixture, 0, data, 8192), 0);
	assert_int_equal(fixture_read(fixture, 0, data, 4096), 0);
	assert_int_equal(fixture_write(fixture, 0, data, 4096), 0);
	assert_int_equal(fixture_write(fixture, 3, data, 4096), -EINVAL);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
	block_describe(fixture->block, &description);
	assert_int_equal(description.stats.operations[MORTISE_BLOCK_READ], 2);
	assert_int_equal(description.stats.bytes[MORTISE_BLOCK_READ], 12288);
	assert_int_equal(description.stats.operations[MORTISE_BLOCK_WRITE], 1);
	assert_int_equal(description.stats.bytes[MORTISE_BLOCK_WRITE], 4096);
	assert_int_equal(description.stats.failed[MORTISE_BLOCK_WRITE], 1);
	assert_int_equal(description.stats.operations[MORTISE_BLOCK_FLUSH], 1);
	assert_int_equal(description.stats.bytes[MORTISE_BLOCK_FLUSH], 0);
	assert_true(description.stats.nanoseconds[MORTISE_BLOCK_READ] > 0);
}

/* Whether this machine and its file system can do what the program is about. */
static bool possible(void)
{
	char path[] = "./mortise-direct.XXXXXX";
	struct io_uring ring;
	bool fine = true;

	if (!strstr(TEST_OPTIONS, "threads")) {
		if (io_uring_queue_init(4, &ring, 0) < 0)
			return false;
		io_uring_queue_exit(&ring);
	}
	if (strstr(TEST_OPTIONS, "cache.direct=on")) {
		int fd = mkostemp(path, O_DIRECT | O_CLOEXEC);

		fine = fd >= 0;
		if (fine)
			close(fd);
		unlink(path);
		setenv("TEST_BLOCK_DIR", ".", 1); /* /tmp is a tmpfs in many places */
	}
	return fine;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, fixture_setup, fixture_teardown, (void *)TEST_OPTIONS)
	const struct CMUnitTest tests[] = {
		TEST(test_engine),
		TEST(test_read_and_write),
		TEST(test_scattered),
		TEST(test_refused_requests),
		TEST(test_read_only),
		TEST(test_discard),
		TEST(test_discard_ignored),
		TEST(test_write_zeroes),
		TEST(test_size_changes),
		TEST(test_cut_off),
		TEST(test_more_than_the_ring_holds),
		TEST(test_counters),
	};

	if (!possible())
		return fixture_skip("no io_uring here, or no O_DIRECT in this folder");
	return cmocka_run_group_tests_name("block-io" TEST_OPTIONS, tests, NULL, NULL);
}
