/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtio-rng.c - the virtio-rng plugin against a host made of arrays: where bytes come from, and how many.
 */
#include "fake-host.h"

/* Its struct is its own. */
static uint8_t memory[256] __attribute__((aligned(16)));
static const struct mortise_class *class;

static void set(const char *name, uint64_t value)
{
	for (const struct mortise_property *property = class->properties; property->name; property++)
		if (strcmp(property->name, name) == 0)
			memcpy(memory + property->offset, &value, property->type == MORTISE_PROPERTY_U32 ? 4 : 8);
}

static int set_up(void **state)
{
	class = mortise_plugin_v1.classes[0];
	assert_true(class->instance_size <= sizeof(memory));
	memset(memory, 0, sizeof(memory));
	fake_open();
	set("max-bytes", INT64_MAX);
	set("period", 1000);
	return 0;
}

static int tear_down(void **state)
{
	class->unrealize(memory);
	fake_close();
	return 0;
}

static void realize(void)
{
	struct mortise_error err = {0};

	if (class->realize(memory, &fake, &host, &err) < 0)
		fail_msg("%s", err.message);
}

static uint64_t written(unsigned chain)
{
	return fake.queues[0].chains[chain].pushed ? fake.queues[0].chains[chain].written : UINT64_MAX;
}

static void test_fills(void **state)
{
	static const uint8_t zeroes[1000];

	realize();
	fake_offer(0, NULL, 0, 1000, 3);
	fake_offer(0, NULL, 0, 1 << 20, 1); /* more than it gives at once */
	fake_offer(0, "read this", 9, 0, 1);
	class->notify(memory, 0);
	assert_int_equal(written(0), 1000);
	assert_memory_not_equal(fake.queues[0].chains[0].memory, zeroes, 1000);
	assert_int_equal(written(1), 65536);
	assert_int_equal(written(2), 0);
}

static void test_limit(void **state)
{
	set("max-bytes", 100);
	realize();
	class->notify(memory, 0);
	assert_int_equal(fake.deadlines[0], 0); /* no period before there was a request */
	fake.now = 5000;
	for (unsigned i = 0; i < 4; i++)
		fake_offer(0, NULL, 0, 60, 1);
	class->notify(memory, 0);
	assert_int_equal(written(0), 60);
	assert_int_equal(written(1), UINT64_MAX);   /* whole or not at all */
	assert_int_equal(fake.queues[0].popped, 1); /* the others lie where they were */
	assert_int_equal(fake.deadlines[0], 5000 + 1000 * UINT64_C(1000000));
	class->notify(memory, 0);
	assert_int_equal(written(1), UINT64_MAX);
	class->timer(memory, 0);
	assert_int_equal(written(1), 60);
	assert_int_equal(written(2), UINT64_MAX);
	fake_offer(0, NULL, 0, 1000, 1); /* more than there ever is at once */
	class->timer(memory, 0);
	class->timer(memory, 0);
	class->timer(memory, 0);
	assert_int_equal(written(3), 60);
	assert_int_equal(written(4), 100);
}

static void test_files(void **state)
{
	struct mortise_error err = {0};

	set("filename", (uintptr_t) "/nonexistent");
	assert_int_equal(class->realize(memory, &fake, &host, &err), -ENOENT);
	assert_names(&err, "'/nonexistent'");
	set("filename", (uintptr_t) "/dev/null");
	realize();
	fake_offer(0, NULL, 0, 10, 1);
	class->notify(memory, 0);
	assert_int_equal(written(0), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_fills), TEST(test_limit), TEST(test_files)};

	return cmocka_run_group_tests_name("virtio-rng", tests, NULL, NULL);
}
