/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-step.c - requests as system calls, with answers that a healthy disk does not give.
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>

#include "backend/block-step.h"

struct script {
	struct block_file file;
	struct bounce_pool pool;
	struct mortise_block_request request;
	struct step step;
	int result;
};

static int setup(void **state)
{
	struct script *script = calloc(1, sizeof(*script));

	assert_non_null(script);
	script->file = (struct block_file){
		.path = (char *)"disk", .fd = -1, .may_punch = true, .memory_align = 1, .length_align = 1};
	bounce_init(&script->pool);
	*state = script;
	return 0;
}

static int teardown(void **state)
{
	struct script *script = *state;

	/* Every buffer was given back. */
	assert_int_equal(script->pool.idle_count, script->pool.total);
	bounce_destroy(&script->pool);
	free(script);
	return 0;
}

static void begin(struct script *script, unsigned op, unsigned flags, uint64_t length, struct iovec *iov,
		  unsigned count)
{
	script->request = (struct mortise_block_request){
		.op = op, .flags = flags, .offset = MIB, .length = length, .iov = iov, .iov_count = count};
}

static enum step_answer next(struct script *script)
{
	return step_next(&script->file, &script->pool, &script->request, &script->step, &script->result);
}

static bool answer(struct script *script, long value)
{
	return step_done(&script->file, &script->pool, &script->request, value, &script->result);
}

static void test_short_reads_go_on(void **state)
{
	struct script *script = *state;
	char memory[3][100];
	struct iovec iov[] = {{memory[0], 100}, {memory[1], 100}, {memory[2], 100}};

	begin(script, MORTISE_BLOCK_READ, 0, 300, iov, 3);
	assert_int_equal(next(script), STEP_READY);
	assert_ptr_equal(script->step.iov, iov);
	assert_int_equal(script->step.count, 3);
	assert_true(answer(script, 130));

	assert_int_equal(next(script), STEP_READY); /* the rest of the piece, then the pieces after it */
	assert_null(script->step.iov);
	assert_ptr_equal(script->step.one.iov_base, memory[1] + 30);
	assert_int_equal(script->step.one.iov_len, 70);
	assert_int_equal(script->step.offset, MIB + 130);
	assert_true(answer(script, 70));

	assert_int_equal(next(script), STEP_READY);
	assert_ptr_equal(script->step.one.iov_base, memory[2]);
	assert_int_equal(script->step.offset, MIB + 200);
	assert_false(answer(script, 100));
	assert_int_equal(script->result, 0);
}

static void test_end_of_file(void **state)
{
	struct script *script = *state;
	char memory[100];
	struct iovec iov[] = {{memory, 100}};

	begin(script, MORTISE_BLOCK_READ, 0, 100, iov, 1);
	assert_int_equal(next(script), STEP_READY);
	assert_true(answer(script, 60));
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, 0));
	assert_int_equal(script->result, -EIO);
}

static void test_interruptions_are_bounded(void **state)
{
	struct script *script = *state;
	char memory[100];
	struct iovec iov[] = {{memory, 100}};
	unsigned tries = 0;

	begin(script, MORTISE_BLOCK_WRITE, 0, 100, iov, 1);
	do {
		assert_int_equal(next(script), STEP_READY);
		assert_int_equal(script->step.offset, MIB);
	} while (answer(script, ++tries % 2 ? -EINTR : -EAGAIN));
	assert_in_range(tries, 10, 1000);
	assert_true(script->result == -EINTR || script->result == -EAGAIN);
}

static void test_errors_end_it(void **state)
{
	static const int errors[] = {-EIO, -ENOSPC, -EDQUOT, -EROFS, -EBADF, -ENODEV, -EOPNOTSUPP};
	struct script *script = *state;
	char memory[100];
	struct iovec iov[] = {{memory, 100}};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		begin(script, MORTISE_BLOCK_WRITE, 0, 100, iov, 1);
		assert_int_equal(next(script), STEP_READY);
		assert_false(answer(script, errors[i]));
		assert_int_equal(script->result, errors[i]);
	}
}

static void test_lost_data_is_not_forgotten(void **state)
{
	struct script *script = *state;

	begin(script, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal(script->step.call, STEP_SYNC);
	assert_false(answer(script, -EIO));
	assert_int_equal(script->result, -EIO);
	begin(script, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0);
	assert_int_equal(next(script), STEP_OVER);
	assert_int_equal(script->result, -EIO);
}

static void test_direct_flush_may_succeed_again(void **state)
{
	struct script *script = *state;

	script->file.memory_align = script->file.length_align = 512;
	begin(script, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, -EIO));
	begin(script, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, 0));
	assert_int_equal(script->result, 0);
}

static void test_large_discard_is_split(void **state)
{
	struct script *script = *state;
	uint64_t done = 0;

	begin(script, MORTISE_BLOCK_DISCARD_OP, 0, GIB + 4096, NULL, 0);
	do {
		assert_int_equal(next(script), STEP_READY);
		assert_int_equal(script->step.call, STEP_ALLOCATE);
		assert_int_equal(script->step.mode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		assert_int_equal(script->step.offset, MIB + done);
		assert_in_range(script->step.length, 1, 256 * MIB);
		done += script->step.length;
	} while (answer(script, 0));
	assert_int_equal(done, GIB + 4096);
	assert_int_equal(script->result, 0);
}

static void test_discard_is_only_a_hint(void **state)
{
	struct script *script = *state;

	begin(script, MORTISE_BLOCK_DISCARD_OP, 0, 4096, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, -EOPNOTSUPP));
	assert_int_equal(script->result, 0);
	begin(script, MORTISE_BLOCK_DISCARD_OP, 0, 4096, NULL, 0);
	assert_int_equal(next(script), STEP_OVER); /* not tried again */
	assert_int_equal(script->result, 0);
	begin(script, MORTISE_BLOCK_DISCARD_OP, 0, 4096, NULL, 0);
	atomic_store(&script->file.no_punch, false);
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, -EIO)); /* but a broken disk is one */
	assert_int_equal(script->result, -EIO);
}

static uint64_t write_zeroes_by_hand(struct script *script)
{
	uint64_t done = 0;

	do {
		uint64_t length = 0;

		assert_int_equal(next(script), STEP_READY);
		assert_int_equal(script->step.call, STEP_WRITE);
		assert_int_equal(script->step.offset, MIB + done);
		for (unsigned i = 0; i < (script->step.iov ? script->step.count : 1); i++) {
			const struct iovec *iov = script->step.iov ? &script->step.iov[i] : &script->step.one;

			for (size_t j = 0; j < iov->iov_len; j++)
				assert_int_equal(((char *)iov->iov_base)[j], 0);
			length += iov->iov_len;
		}
		assert_in_range(length, 1, MIB);
		done += length;
		script->step.length = length;
	} while (answer(script, (long)script->step.length));
	assert_int_equal(script->result, 0);
	return done;
}

static void test_zeroes_fall_back_to_writing(void **state)
{
	const uint64_t length = 3 * MIB + 66048;
	struct script *script = *state;

	begin(script, MORTISE_BLOCK_WRITE_ZEROES_OP, MORTISE_BLOCK_UNMAP, length, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal(script->step.mode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	assert_true(answer(script, -EOPNOTSUPP));
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal(script->step.mode, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	assert_true(answer(script, -EOPNOTSUPP));
	assert_int_equal(write_zeroes_by_hand(script), length);

	begin(script, MORTISE_BLOCK_WRITE_ZEROES_OP, MORTISE_BLOCK_UNMAP, 512, NULL, 0);
	assert_int_equal(write_zeroes_by_hand(script), 512); /* what was learnt holds */
}

static void test_zeroes_keep_space_unless_asked(void **state)
{
	struct script *script = *state;

	begin(script, MORTISE_BLOCK_WRITE_ZEROES_OP, 0, 4096, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal(script->step.mode, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	script->file.may_punch = false; /* discard=ignore */
	begin(script, MORTISE_BLOCK_WRITE_ZEROES_OP, MORTISE_BLOCK_UNMAP, 4096, NULL, 0);
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal(script->step.mode, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}

/* --- memory that O_DIRECT refuses --- */

static void test_bounce(void **state)
{
	struct script *script = *state;
	const size_t length = BOUNCE_SIZE + 4096;
	_cleanup_free_ char *memory = malloc(length + 1);
	struct iovec iov[] = {{memory + 1, 1000}, {memory + 1001, length - 1000}};

	script->file.memory_align = script->file.length_align = 512;
	begin(script, MORTISE_BLOCK_READ, 0, length, iov, 2);
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal((uintptr_t)script->step.one.iov_base % 4096, 0);
	assert_int_equal(script->step.one.iov_len, BOUNCE_SIZE);
	memset(script->step.one.iov_base, 'a', BOUNCE_SIZE);
	assert_true(answer(script, BOUNCE_SIZE - 512)); /* short, yet a multiple */
	assert_int_equal(next(script), STEP_READY);
	assert_int_equal(script->step.offset, MIB + BOUNCE_SIZE - 512);
	assert_int_equal(script->step.one.iov_len, 4096 + 512);
	memset(script->step.one.iov_base, 'b', 4096 + 512);
	assert_false(answer(script, 4096 + 512));
	assert_int_equal(script->result, 0);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(memory[1 + i], i < BOUNCE_SIZE - 512 ? 'a' : 'b');
}

static void test_bounce_of_an_odd_end(void **state)
{
	struct script *script = *state;
	_cleanup_free_ char *memory = malloc(4097);
	struct iovec iov[] = {{memory + 1, 4096}};

	script->file.memory_align = script->file.length_align = 512;
	begin(script, MORTISE_BLOCK_READ, 0, 4096, iov, 1);
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, 700));
	assert_int_equal(script->result, -EIO);
}

static void test_bounce_buffers_run_out(void **state)
{
	struct script *script = *state;
	struct mortise_block_request requests[BOUNCE_MAX];
	char memory[4097];
	struct iovec iov[] = {{(char *)(((uintptr_t)memory + 1) | 1), 512}};

	script->file.memory_align = script->file.length_align = 512;
	for (unsigned i = 0; i < BOUNCE_MAX; i++) {
		begin(script, MORTISE_BLOCK_READ, 0, 512, iov, 1);
		assert_int_equal(next(script), STEP_READY);
		requests[i] = script->request;
	}
	begin(script, MORTISE_BLOCK_READ, 0, 512, iov, 1);
	assert_int_equal(next(script), STEP_WAIT);
	assert_false(step_done(&script->file, &script->pool, &requests[0], -EIO, &script->result));
	assert_int_equal(next(script), STEP_READY);
	assert_false(answer(script, 512));
	for (unsigned i = 1; i < BOUNCE_MAX; i++)
		assert_false(step_done(&script->file, &script->pool, &requests[i], 512, &script->result));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_short_reads_go_on),
		TEST(test_end_of_file),
		TEST(test_interruptions_are_bounded),
		TEST(test_errors_end_it),
		TEST(test_lost_data_is_not_forgotten),
		TEST(test_direct_flush_may_succeed_again),
		TEST(test_large_discard_is_split),
		TEST(test_discard_is_only_a_hint),
		TEST(test_zeroes_fall_back_to_writing),
		TEST(test_zeroes_keep_space_unless_asked),
		TEST(test_bounce),
		TEST(test_bounce_of_an_odd_end),
		TEST(test_bounce_buffers_run_out),
	};

	return cmocka_run_group_tests_name("block-step", tests, NULL, NULL);
}
