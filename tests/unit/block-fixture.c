/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/block-fixture.c - what the tests of block nodes share.
 */
#include "block-fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>

#include "base/options.h"
#include "base/util.h"

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *base = getenv("TEST_BLOCK_DIR");

	assert_non_null(fixture);
	fixture->options = *state ? *state : "";
	snprintf(fixture->dir, sizeof(fixture->dir), "%s/mortise-block.XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(fixture->dir));
	assert_int_equal(loop_new(&fixture->control, NULL), 0);
	assert_int_equal(loop_new(&fixture->io, NULL), 0);
	assert_int_equal(loop_start(fixture->io, "device", NULL), 0);
	assert_int_equal(block_nodes_new(&fixture->nodes, fixture->control, NULL), 0);
	*state = fixture;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	struct dirent *entry;
	DIR *dir;

	fixture_close(fixture);
	loop_free(fixture->io);
	block_nodes_free(fixture->nodes);
	loop_free(fixture->control);
	dir = opendir(fixture->dir);
	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, streq(entry->d_name, "subdir") ? AT_REMOVEDIR : 0);
	if (dir)
		closedir(dir);
	rmdir(fixture->dir);
	free(fixture);
	return 0;
}

const char *fixture_path(struct fixture *fixture, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
	return path;
}

uint8_t fixture_pattern(uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / SECTOR * 13 + 1);
}

const char *fixture_file(struct fixture *fixture, const char *name, uint64_t size)
{
	const char *path = fixture_path(fixture, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (uint64_t i = 0; i < size; i++)
		putc(fixture_pattern(i), file);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* --- waiting for replies --- */

struct answer {
	struct reply reply;
	struct fixture *fixture;
	bool answered;
};

static void on_answer(struct reply *reply, int result)
{
	struct answer *answer = container_of(reply, struct answer, reply);

	answer->answered = true;
	loop_quit(answer->fixture->control);
}

static struct answer ask(struct fixture *fixture)
{
	return (struct answer){.reply.done = on_answer, .fixture = fixture};
}

static int wait_answer(struct answer *answer)
{
	assert_false(answer->answered); /* never from inside the call that asked */
	loop_run(answer->fixture->control);
	assert_true(answer->answered);
	if (answer->reply.result < 0)
		assert_string_not_equal(answer->reply.error.message, "");
	answer->fixture->error = answer->reply.error;
	return answer->reply.result;
}

int fixture_add_options(struct fixture *fixture, struct options *options)
{
	struct answer answer = ask(fixture);

	block_add(fixture->nodes, options, &answer.reply);
	return wait_answer(&answer);
}

int fixture_add(struct fixture *fixture, const char *text, ...)
{
	struct options *options;
	char line[1024];
	va_list args;

	va_start(args, text);
	vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	assert_int_equal(options_parse(&options, line, NULL, NULL, NULL), 0);
	return fixture_add_options(fixture, options);
}

int fixture_del(struct fixture *fixture, const char *name)
{
	struct answer answer = ask(fixture);

	block_del(fixture->nodes, name, &answer.reply);
	return wait_answer(&answer);
}

int fixture_reopen(struct fixture *fixture, const char *const *texts)
{
	struct answer answer = ask(fixture);
	struct options *lists[4];
	unsigned count = 0;

	for (; texts[count]; count++)
		assert_int_equal(options_parse(&lists[count], texts[count], NULL, NULL, NULL), 0);
	block_reopen(fixture->nodes, lists, count, &answer.reply);
	return wait_answer(&answer);
}

int fixture_change_medium(struct fixture *fixture, const char *filename, const char *read_only)
{
	struct answer answer = ask(fixture);

	block_change_medium(fixture->block, filename, read_only, &answer.reply);
	return wait_answer(&answer);
}

int fixture_refresh(struct fixture *fixture)
{
	struct answer answer = ask(fixture);

	block_refresh(fixture->block, &answer.reply);
	return wait_answer(&answer);
}

int fixture_resize(struct fixture *fixture, uint64_t size)
{
	struct answer answer = ask(fixture);

	block_resize(fixture->block, size, &answer.reply);
	return wait_answer(&answer);
}

void fixture_open(struct fixture *fixture, uint64_t size)
{
	const char *path = fixture_file(fixture, "disk", size);

	if (fixture_add(fixture, "node-name=d0,filename=%s%s", path, fixture->options))
		fail_msg("%s", fixture->error.message);
	fixture->block = block_find(fixture->nodes, "d0");
	assert_non_null(fixture->block);
	assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
}

void fixture_close(struct fixture *fixture)
{
	if (!fixture->block)
		return;
	block_release(fixture->block);
	fixture->block = NULL;
	assert_int_equal(fixture_del(fixture, "d0"), 0);
}

/* --- requests --- */

struct io {
	struct mortise_block_request request;
	struct task task;
	struct fixture *fixture;
	sem_t over;
	bool submitting;
	int result;
};

static void on_done(struct mortise_block_request *request, int result)
{
	struct io *io = container_of(request, struct io, request);

	assert_true(loop_inside(io->fixture->io));
	assert_false(io->submitting);
	io->result = result;
	sem_post(&io->over);
}

static void submit(struct task *task)
{
	struct io *io = container_of(task, struct io, task);

	io->submitting = true;
	block_submit(io->fixture->block, &io->request);
	io->submitting = false;
}

int fixture_request(struct fixture *fixture, unsigned op, unsigned flags, uint64_t offset, const struct iovec *iov,
		    unsigned count, uint64_t length)
{
	struct io io = {
		.request = {.done = on_done,
			    .op = op,
			    .flags = flags,
			    .offset = offset,
			    .length = length,
			    .iov = iov,
			    .iov_count = count},
		.task.run = submit,
		.fixture = fixture,
		.result = 1,
	};

	sem_init(&io.over, 0, 0);
	loop_post(fixture->io, &io.task);
	while (sem_wait(&io.over) < 0)
		assert_int_equal(errno, EINTR);
	sem_destroy(&io.over);
	return io.result;
}

int fixture_read(struct fixture *fixture, uint64_t offset, void *data, size_t length)
{
	const struct iovec iov = {data, length};

	return fixture_request(fixture, MORTISE_BLOCK_READ, 0, offset, &iov, 1, length);
}

int fixture_write(struct fixture *fixture, uint64_t offset, const void *data, size_t length)
{
	const struct iovec iov = {(void *)data, length};

	return fixture_request(fixture, MORTISE_BLOCK_WRITE, 0, offset, &iov, 1, length);
}

unsigned fixture_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int fixture_skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

void assert_error(const struct fixture *fixture, const char *text)
{
	if (!strstr(fixture->error.message, text))
		fail_msg("\"%s\" does not hold \"%s\"", fixture->error.message, text);
}
