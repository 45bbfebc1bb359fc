/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-plugin-load.c - loading real shared objects through the registry, sound and broken ones.
 */
#include "plugin-fixture.h"

#include <elf.h>

#include "plugin/plugin.h"

static struct plugins *open_plugins(struct plugin_fixture *fixture)
{
	struct plugins *plugins;

	assert_int_equal(plugins_new(&plugins, fixture->dir, NULL), 0);
	return plugins;
}

/* Asks a registry of its own for a driver that must be refused, with a message that names `what`. */
static void assert_refused(struct plugin_fixture *fixture, const char *driver, int code, const char *what)
{
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class = NULL;

	fixture->error.message[0] = '\0';
	assert_int_equal(plugins_class(plugins, driver, &class, &fixture->error), code);
	assert_null(class);
	assert_names(&fixture->error, what);
	assert_null(plugins_next(plugins, NULL));
	plugins_free(plugins);
}

static unsigned count(struct plugins *plugins)
{
	unsigned n = 0;

	for (const struct plugin *plugin = NULL; (plugin = plugins_next(plugins, plugin));)
		n++;
	return n;
}

static void test_good(void **state)
{
	struct plugin_fixture *fixture = *state;
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class, *again;
	const struct plugin *plugin;

	assert_int_equal(plugins_class(plugins, "specimen-mmio", &class, &fixture->error), -ENOENT);

	/* It appears while the program runs. */
	plugin_copy(fixture, "specimen", "specimen.so");
	unsetenv("SPECIMEN_CALLS");
	if (plugins_class(plugins, "specimen-mmio", &class, &fixture->error) < 0)
		fail_msg("%s", fixture->error.message);
	assert_string_equal(class->driver, "specimen");
	assert_string_equal(getenv("SPECIMEN_CALLS"), "1");
	plugin = plugins_next(plugins, NULL);
	assert_string_equal(plugin->file, plugin_path(fixture, "specimen.so"));
	assert_string_equal(plugin->description->version, "1.2.3");
	assert_ptr_equal(plugin->classes[0], class);
	assert_int_equal(plugin->instances, 0);

	/* What is loaded stays in use, whatever becomes of its file. */
	plugin_put(fixture, "specimen.so", "junk", 4);
	assert_int_equal(plugins_class(plugins, "specimen", &again, &fixture->error), 0);
	assert_ptr_equal(class, again);
	assert_int_equal(plugins_class(plugins, "specimen-two-device", &again, &fixture->error), 0);
	assert_string_equal(again->driver, "specimen-two");
	assert_ptr_equal(again->properties->name, NULL);
	assert_string_equal(getenv("SPECIMEN_CALLS"), "1");
	assert_int_equal(count(plugins), 1);
	plugins_free(plugins);
}

static void test_load_ahead(void **state)
{
	struct plugin_fixture *fixture = *state;
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class;
	const struct plugin *plugin, *again;

	assert_int_equal(plugins_load(plugins, "../specimen", &plugin, &fixture->error), -EINVAL);
	assert_names(&fixture->error, "'../specimen'");
	assert_int_equal(plugins_load(plugins, "specimen", &plugin, &fixture->error), -ENOENT);
	plugin_copy(fixture, "specimen", "specimen.so");
	assert_int_equal(plugins_load(plugins, "specimen", &plugin, &fixture->error), 0);
	assert_int_equal(strlen(plugin->sha256), 64);
	assert_int_equal(plugins_load(plugins, "specimen-two", &again, &fixture->error), 0);
	assert_ptr_equal(plugin, again);
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), 0);
	assert_ptr_equal(plugin->classes[0], class);
	plugins_free(plugins);
}

/* A plugin with several drivers is found by each of their names. */
static void test_link(void **state)
{
	struct plugin_fixture *fixture = *state;
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class;

	plugin_copy(fixture, "specimen", "specimen.so");
	assert_int_equal(symlink("specimen.so", plugin_path(fixture, "specimen-two.so")), 0);
	assert_int_equal(symlink("specimen.so", plugin_path(fixture, "specimen-three.so")), 0);
	assert_int_equal(plugins_class(plugins, "specimen-two", &class, &fixture->error), 0);
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), 0);
	assert_int_equal(count(plugins), 1);
	assert_true(plugins_class(plugins, "specimen-three", &class, &fixture->error) < 0);
	assert_int_equal(count(plugins), 1);
	plugins_free(plugins);
}

static void test_two_plugins_one_driver(void **state)
{
	struct plugin_fixture *fixture = *state;
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class;

	plugin_copy(fixture, "specimen", "specimen.so");
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), 0);
	plugin_copy(fixture, "specimen", "copy.so");
	assert_int_equal(symlink("copy.so", plugin_path(fixture, "other.so")), 0);
	assert_int_equal(plugins_class(plugins, "other", &class, &fixture->error), -EEXIST);
	assert_names(&fixture->error, "specimen.so' has already");
	plugins_free(plugins);
}

static void test_init_fails(void **state)
{
	struct plugin_fixture *fixture = *state;
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class;

	plugin_copy(fixture, "specimen", "specimen.so");
	setenv("SPECIMEN_FAILS", "1", 1);
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), -ENODEV);
	assert_names(&fixture->error, "could not start: the specimen is out of order");
	assert_int_equal(count(plugins), 0);

	/* The cause may go away. */
	unsetenv("SPECIMEN_FAILS");
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), 0);
	assert_int_equal(count(plugins), 1);
	plugins_free(plugins);
}

/* What init() does to its process it does to another one first. */
static void test_tried(void **state)
{
	static const struct {
		const char *does, *told;
	} starts[] = {
		{"crash", "crashed (Aborted)"}, {"exit", "status 0"}, {"hang", "did not return within 3 seconds"}};
	struct plugin_fixture *fixture = *state;
	struct plugins *plugins = open_plugins(fixture);
	const struct mortise_class *class;
	const char *top = getenv("MORTISE_BUILD");
	char program[512];

	plugin_copy(fixture, "specimen", "specimen.so");
	unsetenv("SPECIMEN_CALLS");
	snprintf(program, sizeof(program), "%s/mortise-plugin-try", top ? top : ".");
	plugins_try_first(plugins, program);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		setenv("SPECIMEN_DOES", starts[i].does, 1);
		assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), -ENOEXEC);
		assert_names(&fixture->error, starts[i].told);
		assert_names(&fixture->error, "specimen.so");
		assert_int_equal(count(plugins), 0);
	}
	unsetenv("SPECIMEN_DOES");
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), 0);
	assert_string_equal(getenv("SPECIMEN_CALLS"), "1");
	plugins_free(plugins);
}

/* Where the bytes end that are mapped. */
static size_t mapped_end(const uint8_t *bytes)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(bytes + header->e_phoff);
	size_t end = 0;

	for (unsigned i = 0; i < header->e_phnum; i++)
		end = MAX(end, segments[i].p_offset + segments[i].p_filesz);
	return end;
}

static void test_not_objects(void **state)
{
	struct plugin_fixture *fixture = *state;
	char text[4096];
	size_t size;
	uint8_t *bytes = plugin_bytes("specimen", &size);

	plugin_put(fixture, "specimen.so", "", 0);
	assert_refused(fixture, "specimen", -ENOEXEC, "is not an ELF shared object");
	memset(text, 'x', sizeof(text));
	plugin_put(fixture, "specimen.so", text, sizeof(text));
	assert_refused(fixture, "specimen", -ENOEXEC, "is not an ELF shared object");
	assert_int_equal(chmod(plugin_path(fixture, "specimen.so"), 0666), 0);
	assert_refused(fixture, "specimen", -EPERM, "chmod go-w");

	/* Cut anywhere, it is an error and not a crash. */
	for (size_t cut = 16; cut < mapped_end(bytes); cut += 16 + cut / 8) {
		plugin_put(fixture, "specimen.so", bytes, cut);
		assert_refused(fixture, "specimen", -ENOEXEC, cut < sizeof(Elf64_Ehdr) ? "bytes" : "truncated");
	}
	free(bytes);
}

static void test_broken_headers(void **state)
{
	struct plugin_fixture *fixture = *state;
	size_t size;
	uint8_t *bytes = plugin_bytes("specimen", &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	const Elf64_Ehdr saved = *header;

	header->e_machine = EM_68K;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_refused(fixture, "specimen", -ENOEXEC, "another machine");
	*header = saved;
	header->e_type = ET_REL;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_refused(fixture, "specimen", -ENOEXEC, "is not an ELF shared object");
	*header = saved;
	header->e_phoff = UINT64_MAX - 4;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_refused(fixture, "specimen", -ENOEXEC, "truncated");
	*header = saved;
	header->e_phnum = UINT16_MAX;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_refused(fixture, "specimen", -ENOEXEC, "program headers");
	free(bytes);
}

static void test_objects_that_are_no_plugins(void **state)
{
	struct plugin_fixture *fixture = *state;

	plugin_copy(fixture, "undefined", "undefined.so");
	assert_refused(fixture, "undefined", -ENOEXEC, "undefined symbol: nowhere_to_be_found");
	assert_null(strstr(fixture->error.message, "/proc/"));
	plugin_copy(fixture, "nothing", "nothing.so");
	assert_refused(fixture, "nothing", -ENOEXEC, "exports no symbol 'mortise_plugin_v1'");
	plugin_copy(fixture, "lazy", "lazy.so");
	assert_refused(fixture, "lazy", -ENOEXEC, "-z,now");
	plugin_copy(fixture, "stack", "stack.so");
	assert_refused(fixture, "stack", -ENOEXEC, "executable stack");
	plugin_copy(fixture, "specimen", "wrong-name.so");
	assert_refused(fixture, "wrong-name", -ENOEXEC, "calls itself 'specimen'");
}

/* Finds the description in a copy of the plugin's file by what it must begin with. */
static struct mortise_plugin *find_description(uint8_t *bytes, size_t size)
{
	const uint32_t start[2] = {MORTISE_PLUGIN_MAGIC, sizeof(struct mortise_plugin)};
	void *found = memmem(bytes, size, start, sizeof(start));

	assert_non_null(found);
	return found;
}

static void test_other_abi(void **state)
{
	struct plugin_fixture *fixture = *state;
	size_t size;
	uint8_t *bytes = plugin_bytes("specimen", &size);
	struct mortise_plugin *description = find_description(bytes, size);
	const struct mortise_plugin saved = *description;
	const struct mortise_class *class;
	struct plugins *plugins = open_plugins(fixture);

	description->abi_major = 2;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_refused(fixture, "specimen", -ENOEXEC, "plugin ABI 2, this is ABI 1");
	assert_names(&fixture->error, plugin_path(fixture, "specimen.so"));

	/* A file that was refused and has been replaced since is looked at anew. */
	*description = saved;
	description->abi_minor = 99;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_refused(fixture, "specimen", -ENOEXEC, "needs plugin ABI 1.99");
	*description = saved;
	plugin_put(fixture, "specimen.so", bytes, size);
	assert_int_equal(plugins_class(plugins, "specimen", &class, &fixture->error), 0);
	plugins_free(plugins);
	free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plugin_fixture_setup, plugin_fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_tried), /* the first: its plugin must not be loaded yet */
		TEST(test_good),	   TEST(test_load_ahead),

		TEST(test_link),	   TEST(test_two_plugins_one_driver),
		TEST(test_init_fails),	   TEST(test_not_objects),
		TEST(test_broken_headers), TEST(test_objects_that_are_no_plugins),
		TEST(test_other_abi),
	};

	return cmocka_run_group_tests_name("plugin-load", tests, NULL, NULL);
}
