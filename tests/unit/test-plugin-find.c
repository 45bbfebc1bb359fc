/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-plugin-find.c - which files are taken for a driver's name, and which are refused.
 */
#include "plugin-fixture.h"

#include "plugin/find.h"

static void assert_driver(const char *driver, const char *expected)
{
	struct mortise_error err = {0};
	char name[PLUGIN_NAME_SIZE];

	assert_int_equal(plugin_driver_name(name, driver, &err), 0);
	assert_string_equal(name, expected);
}

static void test_aliases(void **state)
{
	assert_driver("virtio-blk", "virtio-blk");
	assert_driver("virtio-blk-mmio", "virtio-blk");
	assert_driver("virtio-blk-device", "virtio-blk");
	assert_driver("virtio-blk-device-mmio", "virtio-blk-device");
	assert_driver("9p", "9p");
	assert_driver("device", "device");
}

static void test_bad_names(void **state)
{
	static const char *const names[] = {
		"",
		"-mmio",
		"-x",
		"../evil",
		"a/b",
		"/etc/passwd",
		"virtio_blk",
		"Virtio-blk",
		"virtio-blk.so",
		"virtio-blk\n",
		"caf\xc3\xa9",
		"0123456789012345678901234567890123456789012345678901234567890123", /* 64 */
	};
	char name[PLUGIN_NAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct mortise_error err = {0};

		assert_int_equal(plugin_driver_name(name, names[i], &err), -EINVAL);
		assert_names(&err, "'driver' does not accept value");
		assert_false(plugin_name_ok(names[i]) && names[i][0] != '-');
	}
	assert_true(plugin_name_ok("012345678901234567890123456789012345678901234567890123456789012"));
}

/* Looks for x.so in the fixture's directory; 0 or the error, whose message names `what`. */
static int find(struct plugin_fixture *fixture, const char *what)
{
	struct plugin_file file = {.dir = -1, .fd = -1};
	int r;

	fixture->error.message[0] = '\0';
	r = plugin_find(&file, fixture->dir, "x", &fixture->error);
	if (r == 0) {
		assert_string_equal(file.path, plugin_path(fixture, "x.so"));
		assert_true(file.fd >= 0);
		assert_true(file.dir >= 0);
	} else {
		assert_null(file.path);
		assert_names(&fixture->error, what);
	}
	plugin_file_done(&file);
	return r;
}

static void test_regular(void **state)
{
	struct plugin_fixture *fixture = *state;

	assert_int_equal(find(fixture, "'x' is not a valid device model name"), -ENOENT);
	assert_names(&fixture->error, plugin_path(fixture, "x.so"));
	plugin_put(fixture, "x.so", "", 0);
	assert_int_equal(find(fixture, ""), 0);
	chmod(plugin_path(fixture, "x.so"), 0400);
	assert_int_equal(find(fixture, ""), 0);
}

static void test_modes(void **state)
{
	struct plugin_fixture *fixture = *state;

	plugin_put(fixture, "x.so", "", 0);
	chmod(plugin_path(fixture, "x.so"), 0664);
	assert_int_equal(find(fixture, "chmod go-w"), -EPERM);
	assert_names(&fixture->error, "0664");
	chmod(plugin_path(fixture, "x.so"), 0646);
	assert_int_equal(find(fixture, "x.so"), -EPERM);
	chmod(plugin_path(fixture, "x.so"), 0644);
	chmod(fixture->dir, 0770);
	assert_int_equal(find(fixture, "Plugin directory"), -EPERM);
	chmod(fixture->dir, 01777);
	assert_int_equal(find(fixture, "Plugin directory"), -EPERM);
	chmod(fixture->dir, 0755);
	assert_int_equal(find(fixture, ""), 0);
}

static void test_owner(void **state)
{
	struct plugin_fixture *fixture = *state;

	plugin_put(fixture, "x.so", "", 0);
	if (chown(plugin_path(fixture, "x.so"), 12345, (gid_t)-1) < 0) {
		print_message("# not root: a file of root's is looked for instead\n");
		assert_int_equal(find(fixture, ""), 0);
		return;
	}
	assert_int_equal(find(fixture, "user 12345"), -EPERM);
	assert_int_equal(chown(plugin_path(fixture, "x.so"), 0, (gid_t)-1), 0);
	assert_int_equal(chown(fixture->dir, 12345, (gid_t)-1), 0);
	assert_int_equal(find(fixture, "Plugin directory"), -EPERM);

	/* As that user, both root's files and one's own will do. */
	assert_int_equal(seteuid(12345), 0);
	assert_int_equal(find(fixture, ""), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(plugin_path(fixture, "x.so"), 12346, (gid_t)-1), 0);
	assert_int_equal(seteuid(12345), 0);
	assert_int_equal(find(fixture, "user 12346"), -EPERM);
	assert_int_equal(seteuid(0), 0);
}

static void test_kinds(void **state)
{
	struct plugin_fixture *fixture = *state;
	const char *path = plugin_path(fixture, "x.so");

	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(find(fixture, "not a regular file"), -ENOEXEC);
	rmdir(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(find(fixture, "not a regular file"), -ENOEXEC);
}

static void test_links(void **state)
{
	struct plugin_fixture *fixture = *state;

	assert_int_equal(symlink("y-1.0.so", plugin_path(fixture, "x.so")), 0);
	assert_int_equal(find(fixture, "there is no plugin"), -ENOENT);
	plugin_put(fixture, "y-1.0.so", "", 0);
	assert_int_equal(find(fixture, ""), 0);
	chmod(plugin_path(fixture, "y-1.0.so"), 0666);
	assert_int_equal(find(fixture, "chmod go-w"), -EPERM);

	unlink(plugin_path(fixture, "x.so"));
	assert_int_equal(symlink("/lib/y.so", plugin_path(fixture, "x.so")), 0);
	assert_int_equal(find(fixture, "another directory"), -EPERM);
	unlink(plugin_path(fixture, "x.so"));
	assert_int_equal(symlink("../y.so", plugin_path(fixture, "x.so")), 0);
	assert_int_equal(find(fixture, "another directory"), -EPERM);
	unlink(plugin_path(fixture, "x.so"));
	assert_int_equal(symlink("x.so", plugin_path(fixture, "x.so")), 0);
	assert_int_equal(find(fixture, "x.so"), -ELOOP);
	unlink(plugin_path(fixture, "x.so"));
	assert_int_equal(symlink(".", plugin_path(fixture, "x.so")), 0);
	assert_int_equal(find(fixture, "not a regular file"), -ENOEXEC);
}

static void test_directory(void **state)
{
	struct plugin_file file;
	struct mortise_error err = {0};

	assert_int_equal(plugin_find(&file, "/nonexistent", "x", &err), -ENOENT);
	assert_names(&err, "plugin directory '/nonexistent'");
	assert_int_equal(plugin_find(&file, "/etc/passwd", "x", &err), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test_setup_teardown(test_regular, plugin_fixture_setup, plugin_fixture_teardown),
		cmocka_unit_test_setup_teardown(test_modes, plugin_fixture_setup, plugin_fixture_teardown),
		cmocka_unit_test_setup_teardown(test_owner, plugin_fixture_setup, plugin_fixture_teardown),
		cmocka_unit_test_setup_teardown(test_kinds, plugin_fixture_setup, plugin_fixture_teardown),
		cmocka_unit_test_setup_teardown(test_links, plugin_fixture_setup, plugin_fixture_teardown),
		cmocka_unit_test(test_directory),
	};

	return cmocka_run_group_tests_name("plugin-find", tests, NULL, NULL);
}
