/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-plugin-instance.c - instances with their properties set and their backends claimed.
 */
#include "block-fixture.h"
#include "plugin-fixture.h"

#include "plugin/plugin.h"
#include "plugins/specimen.h"

struct world {
	struct fixture *blocks;
	struct plugin_fixture *files;
	struct plugins *plugins;
	const struct mortise_class *class;
	struct nets *nets;
	struct chars *chars;
	struct mortise_error error;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	void *part = NULL;

	fixture_setup(&part);
	world->blocks = part;
	plugin_fixture_setup(&part);
	world->files = part;
	plugin_copy(world->files, "specimen", "specimen.so");
	assert_int_equal(plugins_new(&world->plugins, world->files->dir, NULL), 0);
	assert_int_equal(plugins_class(world->plugins, "specimen", &world->class, NULL), 0);
	assert_int_equal(nets_new(&world->nets, world->blocks->control, NULL), 0);
	assert_int_equal(chars_new(&world->chars, NULL), 0);
	assert_int_equal(fixture_add(world->blocks, "node-name=d0,driver=null-co"), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	void *part = world->files;

	assert_int_equal(plugins_next(world->plugins, NULL)->instances, 0);
	assert_int_equal(fixture_del(world->blocks, "d0"), 0); /* it is claimed no more */
	nets_free(world->nets);
	chars_free(world->chars);
	plugins_free(world->plugins);
	plugin_fixture_teardown(&part);
	part = world->blocks;
	fixture_teardown(&part);
	free(world);
	return 0;
}

/* An instance of the words of a command line; NULL and world->error, or what is left over in `options`. */
static struct mortise_device *make(struct world *world, const char *id, const char *text)
{
	const struct backends backends = {.blocks = world->blocks->nodes, .nets = world->nets, .chars = world->chars};
	_cleanup_(options_free_p) struct options *options = NULL;
	struct mortise_device *device = NULL;
	int r;

	memset(&world->error, 0, sizeof(world->error));
	assert_int_equal(options_parse(&options, text, NULL, NULL, NULL), 0);
	r = plugin_instance_new(&device, world->plugins, world->class, id, options, &backends, world->blocks->control,
				&world->error);
	if (r < 0)
		assert_null(device);
	else
		assert_int_equal(options_done(options, NULL), 0);
	return device;
}

static void assert_refused(struct world *world, const char *id, const char *text, const char *what)
{
	const unsigned descriptors = fixture_descriptors();
	struct block_description description;

	assert_null(make(world, id, text));
	assert_names(&world->error, what);
	block_describe(block_find(world->blocks->nodes, "d0"), &description);
	assert_null(description.owner);
	assert_int_equal(fixture_descriptors(), descriptors);
	assert_int_equal(plugins_next(world->plugins, NULL)->instances, 0);
}

static void test_defaults(void **state)
{
	struct world *world = *state;
	struct mortise_device *device = make(world, "v0", "drive=d0");
	const struct specimen *self;
	struct block_description description;

	assert_non_null(device);
	self = device_self(device);
	assert_int_equal(self->flag, 1);
	assert_int_equal(self->small, 0);
	assert_int_equal(self->medium, 16);
	assert_int_equal(self->large, 0);
	assert_int_equal(self->size, MIB);
	assert_string_equal(self->text, "none");
	assert_int_equal(self->word, 1);
	assert_ptr_equal(self->block, block_find(world->blocks->nodes, "d0"));
	assert_ptr_equal(plugin_instance_block(device), self->block);
	assert_null(plugin_instance_net(device));
	block_describe(self->block, &description);
	assert_string_equal(description.owner, "v0");
	assert_int_equal(plugins_next(world->plugins, NULL)->instances, 1);
	assert_int_equal(device_class(device) == world->class, 1);
	assert_null(plugin_instance_free(device));
}

static void test_all_set(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	struct world *world = *state;
	struct mortise_device *device = make(world, "v0",
					     "flag=off,small=7,medium=64,large=0x100000000,size=2G,text=eightchr,"
					     "word=high,mac=52:54:00:01:02:03,drive=d0");
	const struct specimen *self;

	if (!device)
		fail_msg("%s", world->error.message);
	self = device_self(device);
	assert_int_equal(self->flag, 0);
	assert_int_equal(self->small, 7);
	assert_int_equal(self->medium, 64);
	assert_int_equal(self->large, UINT64_C(1) << 32);
	assert_int_equal(self->size, 2 * GIB);
	assert_string_equal(self->text, "eightchr");
	assert_int_equal(self->word, 2);
	assert_memory_equal(self->mac, mac, 6);
	plugin_instance_free(device);
}

static void test_namesake(void **state)
{
	struct world *world = *state;
	struct mortise_device *device = make(world, "d0", "");

	assert_non_null(device);
	assert_ptr_equal(plugin_instance_block(device), block_find(world->blocks->nodes, "d0"));
	plugin_instance_free(device);
	assert_refused(world, "d1", "", "Parameter 'drive' is missing, and there is no block node with node-name='d1'");
	assert_refused(world, "d0", "drive=d1", "Failed to find node with node-name='d1'");
}

static void test_refused(void **state)
{
	struct world *world = *state;
	struct mortise_device *device;

	assert_refused(world, "v0", "drive=d0,medium=65", "from 2 to 64");
	assert_refused(world, "v0", "drive=d0,text=ninechars", "at most 8 bytes");
	assert_refused(world, "v0", "drive=d0,word=extreme", "'low', 'medium', 'high'");

	device = make(world, "v0", "drive=d0");
	assert_null(make(world, "v1", "drive=d0"));
	assert_names(&world->error, "Node d0 is in use");
	assert_null(make(world, "d0", ""));
	assert_names(&world->error, "Node d0 is in use");
	plugin_instance_free(device);
	assert_null(plugin_instance_free(NULL));
}

static void test_chardev(void **state)
{
	struct world *world = *state;
	struct options *options;
	struct mortise_device *device;
	const struct specimen *self;

	assert_int_equal(options_parse(&options, "backend=null,id=c0", NULL, NULL, NULL), 0);
	assert_int_equal(char_add(world->chars, options, &world->error), 0);
	assert_refused(world, "v0", "drive=d0,port=c1", "Failed to find chardev with id='c1'");
	assert_refused(world, "v0", "drive=d0,port=", "it must name a chardev");
	for (unsigned i = 0; i < 3; i++) {
		device = make(world, "v0", "drive=d0,port=c0");
		assert_non_null(device);
		self = device_self(device);
		assert_ptr_equal(self->chardev, char_find(world->chars, "c0"));
		assert_int_equal(char_del(world->chars, "c0", &world->error), -EBUSY);
		assert_names(&world->error, "device 'v0'");
		plugin_instance_free(device);
	}
	assert_int_equal(char_del(world->chars, "c0", NULL), 0);
}

static void test_many(void **state)
{
	struct world *world = *state;
	unsigned descriptors = 0;

	for (unsigned i = 0; i < 50; i++) {
		struct mortise_device *device = make(world, "v0", "drive=d0,text=x");

		assert_non_null(device);
		plugin_instance_free(device);
		if (i == 0)
			descriptors = fixture_descriptors();
	}
	assert_int_equal(fixture_descriptors(), descriptors);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_defaults), TEST(test_all_set), TEST(test_namesake),
		TEST(test_refused),  TEST(test_chardev), TEST(test_many),
	};

	return cmocka_run_group_tests_name("plugin-instance", tests, NULL, NULL);
}
