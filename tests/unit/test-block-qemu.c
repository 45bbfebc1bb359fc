/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-qemu.c - image locks against QEMU's tools, both ways. Skipped where qemu-io is not installed.
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* A qemu-io that has the image open until its input ends. */
struct qemu_io {
	pid_t pid;
	FILE *in, *out;
};

static struct qemu_io qemu_io_start(const char *path, bool read_only)
{
	struct qemu_io qemu;
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	qemu.pid = fork();
	assert_true(qemu.pid >= 0);
	if (qemu.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		if (read_only)
			execlp("qemu-io", "qemu-io", "-r", "-f", "raw", path, NULL);
		else
			execlp("qemu-io", "qemu-io", "-f", "raw", path, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	qemu.in = fdopen(in[1], "w");
	qemu.out = fdopen(out[0], "r");
	return qemu;
}

/* Sends a command and looks for `text` in what comes back until then, or until the end. */
static bool qemu_io_says(struct qemu_io *qemu, const char *command, const char *text)
{
	char line[512];
	bool found = false;

	fprintf(qemu->in, "%s\n", command);
	fflush(qemu->in);
	while (!found && fgets(line, sizeof(line), qemu->out))
		found = strstr(line, text);
	return found;
}

static int qemu_io_stop(struct qemu_io *qemu)
{
	int status;

	fclose(qemu->in);
	fclose(qemu->out);
	assert_int_equal(waitpid(qemu->pid, &status, 0), qemu->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int add(struct fixture *fixture, const char *path, const char *options)
{
	return fixture_add(fixture, "node-name=a,filename=%s%s", path, options);
}

static void test_qemu_writes(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	struct qemu_io qemu = qemu_io_start(path, false);

	assert_true(qemu_io_says(&qemu, "length", "4 KiB"));
	assert_int_equal(add(fixture, path, ",read-only=on"), -EBUSY);
	assert_error(fixture, "Failed to get shared \"write\" lock");
	assert_int_equal(add(fixture, path, ""), -EBUSY);
	qemu_io_stop(&qemu);
	assert_int_equal(add(fixture, path, ""), 0);
}

static void test_qemu_reads(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	struct qemu_io qemu = qemu_io_start(path, true);

	assert_true(qemu_io_says(&qemu, "length", "4 KiB"));
	assert_int_equal(add(fixture, path, ",read-only=on"), 0);
	qemu_io_stop(&qemu);
}

static void test_mortise_writes(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	struct qemu_io qemu;

	assert_int_equal(add(fixture, path, ""), 0);
	qemu = qemu_io_start(path, false);
	assert_true(qemu_io_says(&qemu, "length", "Failed to get \"write\" lock"));
	qemu_io_stop(&qemu);
}

static void test_mortise_reads(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	struct qemu_io qemu;

	assert_int_equal(add(fixture, path, ",read-only=on"), 0);
	qemu = qemu_io_start(path, false);
	assert_true(qemu_io_says(&qemu, "length", "Failed to get \"write\" lock"));
	qemu_io_stop(&qemu);
	qemu = qemu_io_start(path, true);
	assert_true(qemu_io_says(&qemu, "length", "4 KiB"));
	qemu_io_stop(&qemu);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_qemu_writes),
		TEST(test_qemu_reads),
		TEST(test_mortise_writes),
		TEST(test_mortise_reads),
	};

	if (system("qemu-io --version >/dev/null 2>&1") != 0)
		return fixture_skip("qemu-io is not installed");
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("block-qemu", tests, NULL, NULL);
}
