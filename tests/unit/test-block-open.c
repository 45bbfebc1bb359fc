/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-open.c - options, names, refusals and locks of block nodes.
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/util.h"

/* --- options --- */

static void test_both_spellings(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	struct block_description description;

	assert_int_equal(fixture_add(fixture, "node-name=a,filename=%s,read-only=on", path), 0);
	assert_int_equal(fixture_add(fixture,
				     "node-name=b,driver=raw,file.driver=file,file.filename=%s,file.aio=native,"
				     "read-only=on,file.locking=off,file.logical_block_size=4096,cache.no-flush=on",
				     path),
			 0);
	block_describe(block_find(fixture->nodes, "b"), &description);
	assert_string_equal(description.node_name, "b");
	assert_string_equal(description.driver, "file");
	assert_string_equal(description.filename, path);
	assert_string_equal(description.aio, "io_uring");
	assert_null(description.owner);
	assert_true(description.read_only);
	assert_true(description.no_flush);
	assert_false(description.direct);
	assert_int_equal(description.info.size, 4096);
	assert_int_equal(description.info.logical_block_size, 4096);
	assert_int_equal(description.info.flags, MORTISE_BLOCK_READ_ONLY);
}

/* The seed's JSON, flattened. */
static void test_seed(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 1024);
	struct options *options = options_new();
	struct mortise_block_info info = {.struct_size = sizeof(info)};

	options_add(options, "node-name", "drive-0", OPTION_STRING, NULL);
	options_add(options, "file.driver", "file", OPTION_STRING, NULL);
	options_add(options, "file.filename", path, OPTION_STRING, NULL);
	options_add(options, "cache.direct", "off", OPTION_BOOL, NULL);
	options_add(options, "read-only", "off", OPTION_BOOL, NULL);
	assert_int_equal(fixture_add_options(fixture, options), 0);
	block_info(block_find(fixture->nodes, "drive-0"), &info);
	assert_int_equal(info.size, 1024);
	assert_int_equal(info.logical_block_size, 512);
	assert_int_equal(info.flags, MORTISE_BLOCK_DISCARD | MORTISE_BLOCK_WRITE_ZEROES);
}

static void test_older_plugin_sees_its_part_of_info(void **state)
{
	struct fixture *fixture = *state;
	struct mortise_block_info info;

	assert_int_equal(fixture_add(fixture, "node-name=a,driver=null-co,size=1M"), 0);
	memset(&info, 0xaa, sizeof(info));
	info.struct_size = offsetof(struct mortise_block_info, logical_block_size);
	block_info(block_find(fixture->nodes, "a"), &info);
	assert_int_equal(info.size, MIB);
	assert_int_equal(info.logical_block_size, 0xaaaaaaaa);
	assert_int_equal(info.struct_size, offsetof(struct mortise_block_info, logical_block_size));
}

static void test_wrong_options(void **state)
{
	static const struct {
		const char *options, *error;
	} cases[] = {
		{"bogus=1", "Parameter 'bogus' is unexpected"},
		{"file.bogus=1", "Parameter 'file.bogus' is unexpected"},
		{"driver=file,file.aio=threads", "Parameter 'file.aio' is unexpected"},
		{"driver=qcow2", "Parameter 'driver' does not accept value 'qcow2'"},
		{"file.driver=nbd", "Parameter 'file.driver' does not accept value 'nbd'"},
		{"file=other", "Parameter 'file' must hold"},
		{"file.filename=/elsewhere", "contradict each other"},
		{"aio=threads,file.aio=io_uring", "'aio' (threads) and 'file.aio' (io_uring) contradict each other"},
		{"aio=sync", "Parameter 'aio' does not accept value 'sync'"},
		{"locking=maybe", "Parameter 'locking' does not accept value 'maybe'"},
		{"discard=never", "Parameter 'discard' does not accept value 'never'"},
		{"detect-zeroes=on", "Parameter 'detect-zeroes' does not accept value 'on'"},
		{"read-only=perhaps", "Parameter 'read-only' expects"},
		{"logical_block_size=256", "Parameter 'logical_block_size' expects a power of two"},
		{"logical_block_size=1000", "Parameter 'logical_block_size' expects a power of two"},
		{"logical_block_size=64K", "Parameter 'logical_block_size' expects a power of two"},
		{"logical_block_size=big", "Parameter 'logical_block_size' expects"},
	};
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(fixture_add(fixture, "node-name=a,filename=%s,%s", path, cases[i].options), -EINVAL);
		assert_error(fixture, cases[i].error);
		assert_null(block_find(fixture->nodes, "a"));
	}
	assert_int_equal(fixture_add(fixture, "node-name=a"), -EINVAL);
	assert_error(fixture, "Parameter 'filename' is missing");
	assert_int_equal(fixture_add(fixture, "node-name=a,filename="), -EINVAL);
	assert_error(fixture, "Parameter 'filename' is empty");
	assert_int_equal(fixture_add(fixture, "filename=%s", path), -EINVAL);
	assert_error(fixture, "Parameter 'node-name' is missing");
	assert_int_equal(fixture_add(fixture, "node-name=a,filename=%s", path), 0); /* nothing stayed behind */
}

static void test_wrong_type(void **state)
{
	struct fixture *fixture = *state;
	struct options *options = options_new();

	options_add(options, "node-name", "a", OPTION_STRING, NULL);
	options_add(options, "file.filename", "7", OPTION_NUMBER, NULL);
	assert_int_equal(fixture_add_options(fixture, options), -EINVAL);
	assert_error(fixture, "Invalid parameter type for 'file.filename', expected: string");
}

static void test_names(void **state)
{
	static const char *const wrong[] = {"-a", ".a", "_a", "#block12", "a b", "a/b", "a,,b", "\xc3\xa4", "a\n"};
	static const char *const right[] = {"a", "7", "drive-0", "A_b.c-9"};
	struct fixture *fixture = *state;
	char name[BUFSIZ];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(fixture_add(fixture, "node-name=%s,driver=null-co", wrong[i]), -EINVAL);
		assert_error(fixture, "Invalid node-name");
	}
	assert_int_equal(fixture_add(fixture, "node-name=,driver=null-co"), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		assert_int_equal(fixture_add(fixture, "node-name=%s,driver=null-co", right[i]), 0);
	memset(name, 'n', sizeof(name));
	name[127] = '\0';
	assert_int_equal(fixture_add(fixture, "node-name=%s,driver=null-co", name), 0);
	name[127] = 'n';
	name[128] = '\0';
	assert_int_equal(fixture_add(fixture, "node-name=%s,driver=null-co", name), -EINVAL);
	assert_error(fixture, "longer than 127");
}

static void forget(struct reply *reply, int result)
{
	free(reply);
}

/* The name is taken from the moment that the command is accepted. */
static void test_duplicate_names(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	struct reply *reply = calloc(1, sizeof(*reply));
	struct options *options;
	char line[512];

	reply->done = forget;
	snprintf(line, sizeof(line), "node-name=a,filename=%s", path);
	assert_int_equal(options_parse(&options, line, NULL, NULL, NULL), 0);
	block_add(fixture->nodes, options, reply);
	assert_null(block_find(fixture->nodes, "a")); /* not open yet */
	assert_int_equal(fixture_add(fixture, "node-name=a,filename=/nowhere"), -EEXIST);
	assert_error(fixture, "Duplicate nodes with node-name='a'");
	while (!block_find(fixture->nodes, "a"))
		fixture_add(fixture, "node-name=b,filename=/nowhere");
	assert_int_equal(fixture_add(fixture, "node-name=a,driver=null-co"), -EEXIST);
	assert_string_equal(fixture->error.message, "Duplicate nodes with node-name='a'");
}

/* --- refusals --- */

static int open_at(struct fixture *fixture, const char *name)
{
	return fixture_add(fixture, "node-name=a,filename=%s", fixture_path(fixture, name));
}

static void test_not_there(void **state)
{
	struct fixture *fixture = *state;
	char message[512];

	assert_int_equal(open_at(fixture, "nothing"), -ENOENT);
	snprintf(message, sizeof(message), "Could not open '%s': No such file or directory",
		 fixture_path(fixture, "nothing"));
	assert_string_equal(fixture->error.message, message);
}

static void test_not_a_disk(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(mkdir(fixture_path(fixture, "subdir"), 0700), 0);
	assert_int_equal(open_at(fixture, "subdir"), -EISDIR);
	assert_error(fixture, "subdir': Is a directory");

	assert_int_equal(mkfifo(fixture_path(fixture, "fifo"), 0600), 0);
	assert_int_equal(open_at(fixture, "fifo"), -EINVAL);
	assert_error(fixture, "it is a FIFO, not a regular file or a block device");

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture_path(fixture, "socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(open_at(fixture, "socket"), -EINVAL);
	assert_error(fixture, "it is a socket");

	assert_int_equal(fixture_add(fixture, "node-name=a,filename=/dev/zero"), -EINVAL);
	assert_error(fixture, "it is a character device");

	assert_int_equal(
		fixture_add(fixture, "node-name=a,driver=host_device,filename=%s", fixture_file(fixture, "disk", 4096)),
		-EINVAL);
	assert_error(fixture, "'host_device' driver requires");
}

static void test_odd_sizes(void **state)
{
	struct fixture *fixture = *state;

	fixture_file(fixture, "odd", 1000);
	assert_int_equal(open_at(fixture, "odd"), -EINVAL);
	assert_error(fixture, "its size of 1000 bytes is not a multiple of 512; round it up with truncate -s %512");
	fixture_file(fixture, "empty", 0);
	assert_int_equal(open_at(fixture, "empty"), -EINVAL);
	assert_error(fixture, "its size is 0");
	assert_int_equal(fixture_add(fixture, "node-name=a,logical_block_size=4096,filename=%s",
				     fixture_file(fixture, "disk", 4096 + 512)),
			 -EINVAL);
	assert_error(fixture, "not a multiple of 4096");
}

/* --- what another process sees, as another user when the tests are run by root --- */

static int try_forbidden(struct fixture *fixture)
{
	if (open_at(fixture, "disk") != -EACCES || !strstr(fixture->error.message, "disk': Permission denied"))
		return 1;
	return 0;
}

static int try_read_only(struct fixture *fixture)
{
	struct block_description description;

	if (open_at(fixture, "disk") != -EACCES)
		return 1;
	if (fixture_add(fixture, "node-name=a,auto-read-only=on,filename=%s", fixture_path(fixture, "disk")))
		return 2;
	block_describe(block_find(fixture->nodes, "a"), &description);
	return description.read_only ? 0 : 3;
}

static int try_locked(struct fixture *fixture)
{
	return open_at(fixture, "disk") == -EBUSY ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(struct fixture *fixture);
} elsewhere[] = {{"forbidden", try_forbidden}, {"read-only", try_read_only}, {"locked", try_locked}};

/* The other process: this program again, with the case's name and the folder. */
static int run_here(const char *name, const char *dir)
{
	struct fixture fixture = {.options = ""};

	snprintf(fixture.dir, sizeof(fixture.dir), "%s", dir);
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 99;
	if (loop_new(&fixture.control, NULL) < 0 || block_nodes_new(&fixture.nodes, fixture.control, NULL) < 0)
		return 98;
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		if (streq(elsewhere[i].name, name)) {
			int r = elsewhere[i].run(&fixture);

			block_nodes_free(fixture.nodes);
			loop_free(fixture.control);
			return r;
		}
	}
	return 97;
}

static int run_elsewhere(struct fixture *fixture, const char *name)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "test-block-open", name, fixture->dir, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_permissions(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);

	chmod(fixture->dir, 0755);
	chmod(path, 0000);
	assert_int_equal(run_elsewhere(fixture, "forbidden"), 0);
	chmod(path, 0444);
	assert_int_equal(run_elsewhere(fixture, "read-only"), 0);
}

/* --- locks --- */

static void test_locked_by_this_process(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);
	char message[512];

	assert_int_equal(fixture_add(fixture, "node-name=a,filename=%s", path), 0);
	assert_int_equal(fixture_add(fixture, "node-name=b,filename=%s", path), -EBUSY);
	snprintf(message, sizeof(message), "Failed to get \"write\" lock. Is another process using the image [%s]?",
		 path);
	assert_string_equal(fixture->error.message, message);
	assert_int_equal(fixture_add(fixture, "node-name=b,read-only=on,filename=%s", path), -EBUSY);
	assert_error(fixture, "Failed to get shared \"write\" lock");
	assert_int_equal(fixture_add(fixture, "node-name=b,locking=off,filename=%s", path), 0);
	assert_int_equal(fixture_del(fixture, "b"), 0);
	assert_int_equal(fixture_del(fixture, "a"), 0);
	assert_int_equal(fixture_add(fixture, "node-name=b,locking=on,filename=%s", path), 0);
}

static void test_readers_share(void **state)
{
	struct fixture *fixture = *state;
	const char *path = fixture_file(fixture, "disk", 4096);

	assert_int_equal(fixture_add(fixture, "node-name=a,read-only=on,filename=%s", path), 0);
	assert_int_equal(fixture_add(fixture, "node-name=b,read-only=on,filename=%s", path), 0);
	assert_int_equal(fixture_add(fixture, "node-name=c,filename=%s", path), -EBUSY);
	assert_error(fixture, "Failed to get \"write\" lock");
	assert_int_equal(fixture_del(fixture, "a"), 0);
	assert_int_equal(fixture_del(fixture, "b"), 0);
	assert_int_equal(fixture_add(fixture, "node-name=c,filename=%s", path), 0);
}

static void test_locked_by_another_process(void **state)
{
	struct fixture *fixture = *state;

	chmod(fixture->dir, 0755);
	chmod(fixture_file(fixture, "disk", 4096), 0666);
	assert_int_equal(open_at(fixture, "disk"), 0);
	assert_int_equal(run_elsewhere(fixture, "locked"), 0);
	assert_int_equal(fixture_del(fixture, "a"), 0);
	assert_int_equal(run_elsewhere(fixture, "locked"), 1);
}

/* --- life --- */

static void test_delete(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_del(fixture, "d0"), -ENOENT);
	assert_string_equal(fixture->error.message, "Failed to find node with node-name='d0'");
	fixture_open(fixture, 4096);
	assert_int_equal(fixture_del(fixture, "d0"), -EBUSY);
	assert_string_equal(fixture->error.message, "Node d0 is in use by device 'v0'");
	assert_int_equal(block_claim(fixture->block, "v1", fixture->io, &fixture->error), -EBUSY);
	assert_string_equal(fixture->error.message, "Node d0 is in use by device 'v0'");
	block_release(fixture->block);
	assert_int_equal(block_claim(fixture->block, "v1", fixture->io, &fixture->error), 0); /* at once */
	fixture_close(fixture);
	assert_null(block_find(fixture->nodes, "d0"));
}

static void test_listing(void **state)
{
	struct fixture *fixture = *state;
	struct mortise_block *block = NULL;

	for (char name = 'a'; name <= 'c'; name++)
		assert_int_equal(fixture_add(fixture, "node-name=%c,driver=null-co", name), 0);
	assert_int_equal(fixture_del(fixture, "c"), 0);
	assert_int_equal(fixture_add(fixture, "node-name=d,driver=null-co"), 0);
	for (const char *name = "abd"; *name; name++) {
		block = block_next(fixture->nodes, block);
		assert_non_null(block);
		assert_int_equal(block_name(block)[0], *name);
	}
	assert_null(block_next(fixture->nodes, block));
}

static void test_thousand_cycles(void **state)
{
	struct fixture *fixture = *state;
	unsigned before = 0;
	char data[SECTOR];

	for (int i = 0; i < 1000; i++) {
		if (i == 10)
			before = fixture_descriptors();
		fixture_open(fixture, 4096);
		assert_int_equal(fixture_read(fixture, 0, data, sizeof(data)), 0);
		fixture_close(fixture);
		assert_int_equal(open_at(fixture, "nothing"), -ENOENT);
	}
	assert_int_equal(fixture_descriptors(), before);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_both_spellings),
		TEST(test_seed),
		TEST(test_older_plugin_sees_its_part_of_info),
		TEST(test_wrong_options),
		TEST(test_wrong_type),
		TEST(test_names),
		TEST(test_duplicate_names),
		TEST(test_not_there),
		TEST(test_not_a_disk),
		TEST(test_odd_sizes),
		TEST(test_permissions),
		TEST(test_locked_by_this_process),
		TEST(test_readers_share),
		TEST(test_locked_by_another_process),
		TEST(test_delete),
		TEST(test_listing),
		TEST(test_thousand_cycles),
	};

	if (argc == 3)
		return run_here(argv[1], argv[2]);
	return cmocka_run_group_tests_name("block-open", tests, NULL, NULL);
}
