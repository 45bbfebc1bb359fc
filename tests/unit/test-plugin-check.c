/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-plugin-check.c - descriptions with one fault each, and those of other ABI minors.
 */
#include "unit.h"

#include "plugin/check.h"

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	return 0;
}

static void notify(void *self, uint32_t queue)
{
}

/* A sound plugin with one class of two properties; tests spoil a copy. */
struct specimen {
	struct mortise_property properties[3];
	struct mortise_class class;
	const struct mortise_class *classes[2];
	struct mortise_plugin plugin;
};

static const char *const words[] = {"a", "b", NULL};

static struct specimen *sound(struct specimen *specimen)
{
	*specimen = (struct specimen){
		.properties =
			{{.name = "one", .type = MORTISE_PROPERTY_U32, .offset = 8, .help = "h", .fallback = "1"},
			 {.name = "two", .type = MORTISE_PROPERTY_ENUM, .offset = 12, .help = "h", .values = words}},
		.class = {.size = sizeof(struct mortise_class),
			  .property_size = sizeof(struct mortise_property),
			  .driver = "specimen",
			  .summary = "s",
			  .virtio_id = 2,
			  .queue_count = 1,
			  .instance_size = 16,
			  .properties = specimen->properties,
			  .realize = realize,
			  .notify = notify},
		.classes = {&specimen->class, NULL},
		.plugin = {.magic = MORTISE_PLUGIN_MAGIC,
			   .size = sizeof(struct mortise_plugin),
			   .abi_major = 1,
			   .name = "specimen",
			   .version = "1",
			   .license = "Apache-2.0",
			   .summary = "s",
			   .classes = specimen->classes},
	};
	return specimen;
}

static void test_sound(void **state)
{
	struct specimen specimen;
	struct mortise_plugin plugin;
	struct mortise_class *class = NULL;
	struct mortise_error err = {0};

	sound(&specimen);
	if (description_check(&plugin, &specimen.plugin, "specimen", "p.so", &err) < 0 ||
	    class_check(&class, &specimen.class, "specimen", "p.so", &err) < 0)
		fail_msg("%s", err.message);
	assert_memory_equal(&plugin, &specimen.plugin, sizeof(plugin));
	assert_string_equal(class->properties[1].name, "two");
	assert_null(class->properties[2].name);
	class_free(class);
	assert_int_equal(description_check(&plugin, &specimen.plugin, NULL, "p.so", NULL), 0);
}

#define SPOIL(fault, what)                                                                                       \
	do {                                                                                                     \
		struct mortise_error err_ = {0};                                                                 \
		struct mortise_plugin plugin_;                                                                   \
                                                                                                                 \
		s = sound(&specimen);                                                                            \
		fault;                                                                                           \
		assert_int_equal(description_check(&plugin_, &s->plugin, "specimen", "/p.so", &err_), -ENOEXEC); \
		assert_names(&err_, "'/p.so'");                                                                  \
		assert_names(&err_, what);                                                                       \
	} while (0)

static void test_description(void **state)
{
	struct specimen specimen, *s;

	SPOIL(s->plugin.magic ^= 1, "magic");
	SPOIL(s->plugin.abi_major = 2, "ABI 2");
	SPOIL(s->plugin.abi_major = 0, "ABI 0");
	SPOIL(s->plugin.abi_minor = MORTISE_ABI_MINOR + 1, "a newer mortise is needed");
	SPOIL(s->plugin.size = offsetof(struct mortise_plugin, init), "bytes");
	SPOIL(s->plugin.size = 0, "bytes");
	SPOIL(s->plugin.size = UINT32_MAX, "bytes");
	SPOIL(s->plugin.size += 4, "bytes");
	SPOIL(s->plugin.flags = 1, "flags");
	SPOIL(s->plugin.name = NULL, "name");
	SPOIL(s->plugin.name = "Specimen", "name");
	SPOIL(s->plugin.name = "other", "other.so");
	SPOIL(s->plugin.version = NULL, "version");
	SPOIL(s->plugin.license = NULL, "license");
	SPOIL(s->plugin.summary = NULL, "summary");
	SPOIL(s->plugin.classes = NULL, "classes");
	SPOIL(s->classes[0] = NULL, "classes");
}

#undef SPOIL
#define SPOIL(fault, what)                                                                               \
	do {                                                                                             \
		struct mortise_error err_ = {0};                                                         \
		struct mortise_class *class_ = NULL;                                                     \
                                                                                                         \
		s = sound(&specimen);                                                                    \
		fault;                                                                                   \
		assert_int_equal(class_check(&class_, &s->class, "specimen", "/p.so", &err_), -ENOEXEC); \
		assert_null(class_);                                                                     \
		assert_names(&err_, "'/p.so'");                                                          \
		assert_names(&err_, what);                                                               \
	} while (0)

static void test_class(void **state)
{
	struct specimen specimen, *s;

	SPOIL(s->class.size = offsetof(struct mortise_class, char_ready), "bytes");
	SPOIL(s->class.size = UINT32_MAX - 7, "bytes");
	SPOIL(s->class.property_size = 0, "bytes");
	SPOIL(s->class.property_size += 1, "bytes");
	SPOIL(s->class.driver = NULL, "driver");
	SPOIL(s->class.driver = "", "name");
	SPOIL(s->class.driver = "a/b", "name");
	SPOIL(s->class.driver = "virtio-blk-mmio", "transport");
	SPOIL(s->class.summary = NULL, "summary");
	SPOIL(s->class.virtio_id = 0, "virtio_id is 0");
	SPOIL(s->class.queue_count = 0, "queue_count");
	SPOIL(s->class.queue_count = 65, "queue_count is 65, must be from 1 to 64");
	SPOIL(s->class.features = UINT64_C(1) << 24, "features 0x1000000");
	SPOIL(s->class.features = UINT64_C(1) << 49, "features");
	SPOIL(s->class.config_size = 4097, "config_size");
	SPOIL(s->class.instance_size = 0, "instance_size");
	SPOIL(s->class.instance_size = UINT32_MAX, "instance_size");
	SPOIL(s->class.request_size = 4097, "request_size");
	SPOIL(s->class.queue_size = 2048, "queue_size");
	SPOIL(s->class.queue_size = 48, "power of two");
	SPOIL(s->class.queue_features = 1, "queue_features");
	SPOIL(s->class.flags = 1, "flags");
	SPOIL(s->class.reserved = 1, "reserved");
	SPOIL(s->class.children_max = 1, "child_added");
	SPOIL(s->class.parent = "other", "virtio_id is 2, must be from 0 to 0");
	SPOIL(s->class.realize = NULL, "realize()");
	SPOIL(s->class.notify = NULL, "notify()");
}

static void test_properties(void **state)
{
	struct specimen specimen, *s;

	SPOIL(s->properties[0].name = "", "name");
	SPOIL(s->properties[0].name = "One", "property 'One'");
	SPOIL(s->properties[0].name = "1", "name");
	SPOIL(s->properties[0].name = "id", "name");
	SPOIL(s->properties[0].name = "addr", "name");
	SPOIL(s->properties[0].type = 0, "type 0");
	SPOIL(s->properties[0].type = MORTISE_PROPERTY_CHARDEV + 1, "type 12");
	SPOIL(s->properties[0].flags = 0x80, "flags");
	SPOIL(s->properties[0].reserved = 1, "fields");
	SPOIL(s->properties[0].offset = 16, "outside");
	SPOIL(s->properties[0].offset = UINT32_MAX - 3, "outside");
	SPOIL(s->properties[0].offset = 14, "outside");
	SPOIL(s->properties[0].offset = 6, "aligned");
	SPOIL(s->properties[0].min = 2; s->properties[0].max = 1, "exceeds");
	SPOIL(s->properties[0].help = NULL, "help");
	SPOIL(s->properties[0].fallback = "x", "default is wrong");
	SPOIL(s->properties[0].min = 2, "from 2 to");
	SPOIL(s->properties[0].flags = MORTISE_PROPERTY_REQUIRED, "required and has a default");
	SPOIL(s->properties[1].values = NULL, "enum");
	SPOIL(s->properties[1].values = &words[2], "enum");
	SPOIL(s->properties[1].fallback = "c", "'a', 'b'");
	SPOIL(s->properties[1].name = "one", "twice");
	SPOIL(s->properties[1].offset = 8, "overlaps that of 'one'");
	SPOIL(s->properties[0].type = MORTISE_PROPERTY_BLOCK; s->properties[0].offset = 0, "cannot have a default");
}

/* What a plugin of a later minor appends is passed over, in the tables too. */
static int child_added(void *self, void *child, struct mortise_error *err)
{
	return 0;
}

static void child_removed(void *self, void *child)
{
}

/* What is plugged into another device needs a class that takes it, in the same plugin. */
static void test_children(void **state)
{
	struct specimen parent, child;
	const struct mortise_class *classes[] = {&parent.class, &child.class, NULL};
	struct mortise_class *class = NULL;
	struct mortise_error err = {0};

	sound(&parent);
	sound(&child);
	parent.class.children_max = 3;
	parent.class.child_added = child_added;
	parent.class.child_removed = child_removed;
	child.class.driver = "port";
	child.class.parent = "specimen";
	child.class.virtio_id = child.class.queue_count = 0;
	child.class.notify = NULL;
	if (class_check(&class, &child.class, "specimen", "p.so", &err) < 0 ||
	    class_check_parent(class, classes, "p.so", &err) < 0)
		fail_msg("%s", err.message);
	parent.class.children_max = 0;
	assert_int_equal(class_check_parent(class, classes, "p.so", &err), -ENOEXEC);
	assert_names(&err, "'specimen' is no class of this plugin that takes children");
	class_free(class);
}

static void test_newer(void **state)
{
	struct {
		struct mortise_property property;
		uint64_t later[2];
	} table[3];
	struct {
		struct mortise_class class;
		void (*later)(void);
	} newer;
	struct specimen specimen;
	struct mortise_class *class;

	sound(&specimen);
	memset(table, 0xa5, sizeof(table));
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		table[i].property = specimen.properties[i];
	newer.class = specimen.class;
	newer.class.size = sizeof(newer);
	newer.class.property_size = sizeof(table[0]);
	newer.class.properties = &table[0].property;
	assert_int_equal(class_check(&class, &newer.class, "specimen", "p.so", NULL), 0);
	assert_int_equal(class->size, sizeof(struct mortise_class));
	assert_int_equal(class->property_size, sizeof(struct mortise_property));
	assert_string_equal(class->properties[0].name, "one");
	assert_string_equal(class->properties[1].name, "two");
	assert_null(class->properties[2].name);
	class_free(class);

	newer.class.properties = NULL;
	assert_int_equal(class_check(&class, &newer.class, "specimen", "p.so", NULL), 0);
	assert_null(class->properties[0].name);
	class_free(class);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),	   cmocka_unit_test(test_description), cmocka_unit_test(test_class),
		cmocka_unit_test(test_properties), cmocka_unit_test(test_children),    cmocka_unit_test(test_newer),
	};

	return cmocka_run_group_tests_name("plugin-check", tests, NULL, NULL);
}
