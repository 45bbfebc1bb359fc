/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-refused.c - a host that forbids io_uring, as containers do: threads take over by themselves.
 */
#include "block-fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/util.h"

static void test_threads_take_over(void **state)
{
	struct fixture *fixture = *state;
	struct block_description description;
	char data[4096];

	fixture_open(fixture, 8192);
	block_describe(fixture->block, &description);
	assert_string_equal(description.aio, "threads");
	assert_int_equal(fixture_read(fixture, 4096, data, sizeof(data)), 0);
	assert_int_equal((uint8_t)data[1], fixture_pattern(4097));
	assert_int_equal(fixture_write(fixture, 0, data, sizeof(data)), 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
}

static bool forbid_io_uring(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_SIZE(code), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(test_threads_take_over, fixture_setup, fixture_teardown,
							 (void *)",aio=io_uring"),
		cmocka_unit_test_prestate_setup_teardown(test_threads_take_over, fixture_setup, fixture_teardown,
							 (void *)",aio=native"),
		cmocka_unit_test_setup_teardown(test_threads_take_over, fixture_setup, fixture_teardown),
	};

	if (!forbid_io_uring(EPERM))
		return fixture_skip("seccomp filters are refused");
	return cmocka_run_group_tests_name("block-refused", tests, NULL, NULL);
}
