/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-hang.c - files whose opening hangs, here because of a lease. Skipped where there are no leases.
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void let_go(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A process that holds a lease on the file: whoever opens it waits until the lease is given back. */
static pid_t hold_lease(const char *path)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR);

		signal(SIGIO, SIG_IGN);
		byte = fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	byte = pid > 0 && read(ready[0], &byte, 1) == 1 && byte;
	close(ready[0]);
	if (byte)
		return pid;
	let_go(pid);
	return -1;
}

static void forget(struct reply *reply, int result)
{
	free(reply);
}

static void add_later(struct fixture *fixture, const char *path)
{
	struct reply *reply = calloc(1, sizeof(*reply));
	struct options *options;
	char line[512];

	assert_non_null(reply);
	reply->done = forget;
	snprintf(line, sizeof(line), "node-name=a,filename=%s", path);
	assert_int_equal(options_parse(&options, line, NULL, NULL, NULL), 0);
	block_add(fixture->nodes, options, reply);
}

/* An open that hangs holds up nobody but those who want that name. */
static void test_open_hangs(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "leased", 4096);
	pid_t pid = hold_lease(path);

	assert_true(pid > 0);
	add_later(fixture, path);
	fixture_open(fixture, 4096);
	fixture_close(fixture);
	assert_int_equal(fixture_add(fixture, "node-name=a,driver=null-co"), -EEXIST);
	assert_error(fixture, "it is still being opened");
	assert_int_equal(fixture_del(fixture, "a"), -EBUSY);
	assert_error(fixture, "it is still being opened");
	assert_null(block_find(fixture->nodes, "a"));
	let_go(pid);
	while (!block_find(fixture->nodes, "a"))
		fixture_add(fixture, "node-name=b,filename=/nowhere");
	assert_int_equal(fixture_del(fixture, "a"), 0);
}

static bool possible(void)
{
	char path[] = "/tmp/mortise-lease.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return false;
	close(fd);
	pid = hold_lease(path);
	let_go(pid);
	unlink(path);
	return pid > 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open_hangs, fixture_setup, fixture_teardown),
	};

	if (!possible())
		return fixture_skip("this file system has no leases");
	return cmocka_run_group_tests_name("block-hang", tests, NULL, NULL);
}
