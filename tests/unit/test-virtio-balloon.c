/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtio-balloon.c - the virtio-balloon plugin against a host made of arrays: pages in runs, statistics,
 * reporting, commands, and what a hostile driver may say.
 */
#include "fake-host.h"

#include <linux/virtio_balloon.h>

#define MIB (UINT64_C(1) << 20)
#define MEMORY (256 * MIB)
#define STATS (UINT64_C(1) << VIRTIO_BALLOON_F_STATS_VQ)
#define REPORTING (UINT64_C(1) << VIRTIO_BALLOON_F_REPORTING)

static uint8_t memory[1024] __attribute__((aligned(16)));
static const struct mortise_class *class;
static struct mortise_value answer, told;
static unsigned answers, events, discards;
static uint64_t discarded[8][2];

static int host_memory_region(struct mortise_device *device, uint32_t index, struct mortise_memory_region *region)
{
	region->size = MEMORY / 2;
	return index < 2 ? 0 : -ENOENT;
}

static int host_discard_at(struct mortise_device *device, uint64_t address, uint64_t size)
{
	assert_true(discards < ARRAY_SIZE(discarded));
	discarded[discards][0] = address;
	discarded[discards++][1] = size;
	return address < MEMORY ? 0 : -EFAULT;
}

static void host_return(struct mortise_call *call, const struct mortise_value *values)
{
	answers++;
	if (values)
		answer = values[0];
}

static void host_event(struct mortise_device *device, uint32_t event, const struct mortise_value *values)
{
	events++;
	told = values[0];
}

static int set_up(void **state)
{
	struct mortise_error err = {0};

	class = mortise_plugin_v1.classes[0];
	assert_true(class->instance_size <= sizeof(memory));
	memset(memory, 0, sizeof(memory));
	answers = events = discards = 0;
	fake_open();
	host.memory_region = host_memory_region;
	host.memory_discard_at = host_discard_at;
	host.call_return = host_return;
	host.event = host_event;
	for (const struct mortise_property *property = class->properties; property->name; property++)
		memory[property->offset] = 1; /* all on, and a second */
	assert_int_equal(class->realize(memory, &fake, &host, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	fake_close();
	return 0;
}

static uint64_t counter(const char *name)
{
	for (const struct mortise_counter *at = class->monitor->counters; at->name; at++)
		if (strcmp(at->name, name) == 0)
			return *(const uint64_t *)(memory + at->offset);
	fail_msg("no counter '%s'", name);
	return 0;
}

static void run(const char *name, uint64_t value)
{
	const struct mortise_value arguments[] = {{.number = value}};
	const struct mortise_command *command = class->monitor->commands;

	while (strcmp(command->name, name) != 0)
		command++;
	command->run(memory, NULL, arguments);
}

static uint32_t pages(size_t offset)
{
	uint32_t value;

	memcpy(&value, fake.config + offset, sizeof(value));
	return value;
}

static void set_actual(uint32_t value)
{
	memcpy(fake.config + offsetof(struct virtio_balloon_config, actual), &value, sizeof(value));
	class->config_written(memory, offsetof(struct virtio_balloon_config, actual), sizeof(value));
}

static void test_target(void **state)
{
	class->activate(memory, STATS, NULL);
	run("query-balloon", 0);
	assert_int_equal(answer.number, MEMORY);
	run("balloon", 100 * MIB);
	assert_int_equal(pages(0), 156 * MIB >> 12);
	set_actual(1000);
	assert_int_equal(events, 1);
	assert_int_equal(told.number, MEMORY - (1000 << 12));
	assert_int_equal(counter("balloon-size"), 1000 << 12);
	run("query-balloon", 0);
	assert_int_equal(answer.number, told.number);
	set_actual(UINT32_MAX); /* more than there is */
	assert_int_equal(told.number, 0);
	run("balloon", UINT64_C(1) << 50);
	assert_int_equal(pages(0), 0);
	class->reset(memory);
	run("query-balloon", 0);
	assert_int_equal(answer.number, MEMORY);
	assert_int_equal(answers, 5);
}

/* What is wished is the operator's: a driver that writes over it changes nothing, and a new instance knows it. */
static void test_wished(void **state)
{
	struct mortise_error err = {0};
	uint8_t data[16];
	int64_t size;

	class->activate(memory, STATS, NULL);
	run("balloon", 100 * MIB);
	memset(fake.config, 0xa5, 8);
	class->config_written(memory, 0, 8);
	assert_int_equal(pages(0), 156 * MIB >> 12);
	memset(fake.config, 0xa5, 8);
	class->reset(memory);
	assert_int_equal(pages(0), 156 * MIB >> 12);
	assert_int_equal(pages(4), 0);
	size = class->save(memory, data, sizeof(data));
	fake.config[0] = 1;
	assert_int_equal(class->restore(memory, data, (uint64_t)size, &err), 0);
	assert_int_equal(pages(0), 156 * MIB >> 12);
	data[0]++;
	assert_int_equal(class->restore(memory, data, (uint64_t)size, &err), -EINVAL);
}

static void test_runs(void **state)
{
	static const uint32_t up_down[] = {5, 6, 7, 4, 100, 99, 98, 3, UINT32_MAX};

	class->activate(memory, 0, NULL);
	fake_offer(0, up_down, sizeof(up_down), 0, 4);
	fake_offer(0, "abc", 3, 0, 1); /* not a whole number */
	fake_offer(1, up_down, sizeof(up_down), 0, 1);
	class->notify(memory, 0);
	class->notify(memory, 1);
	assert_int_equal(fake.queues[0].pushed, 2);
	assert_int_equal(fake.queues[1].pushed, 1);
	assert_int_equal(discards, 4);
	assert_int_equal(discarded[0][0], 4 << 12);
	assert_int_equal(discarded[0][1], 4 << 12);
	assert_int_equal(discarded[1][0], 98 << 12);
	assert_int_equal(discarded[1][1], 3 << 12);
	assert_int_equal(discarded[2][1], 1 << 12);
	assert_int_equal(discarded[3][0], (uint64_t)UINT32_MAX << 12);
}

static void test_statistics(void **state)
{
	struct virtio_balloon_stat stats[20] = {{VIRTIO_BALLOON_S_MEMFREE, 77}};

	for (uint16_t i = 1; i < 19; i++) /* kinds that are not known here come before one that is */
		stats[i] = (struct virtio_balloon_stat){99, 1};
	stats[19] = (struct virtio_balloon_stat){VIRTIO_BALLOON_S_MEMTOT, 88};
	fake.now = 10;
	class->activate(memory, STATS, NULL);
	assert_int_equal(fake.deadlines[0], 10 + 1000000000);
	fake_offer(2, stats, sizeof(stats), 0, 3);
	class->notify(memory, 2);
	assert_int_equal(counter("free-memory"), 77);
	assert_int_equal(counter("total-memory"), 88);
	assert_int_equal(fake.queues[2].popped, 0); /* it lies in the ring until it is wanted back */
	class->timer(memory, 0);
	assert_int_equal(fake.queues[2].pushed, 1);
	class->timer(memory, 0); /* the driver takes its time */
	assert_int_equal(fake.queues[2].pushed, 1);
	class->reset(memory);
	assert_int_equal(fake.deadlines[0], 0);
}

/* Without statistics the queue of reports is one less. */
static void test_reporting(void **state)
{
	class->activate(memory, REPORTING, NULL);
	fake_offer(2, NULL, 0, 8192, 2);
	class->notify(memory, 2);
	assert_int_equal(fake.queues[2].pushed, 1);
	assert_int_equal(counter("reported-free"), 8192);
	class->reset(memory);
	class->activate(memory, STATS | REPORTING, NULL);
	fake_offer(3, NULL, 0, 4096, 1);
	class->notify(memory, 3);
	assert_int_equal(counter("reported-free"), 12288);
	assert_int_equal(fake.discarded, 12288);
	fake.discard_result = -EFAULT;
	fake_offer(3, NULL, 0, 4096, 1);
	class->notify(memory, 3);
	assert_int_equal(fake.queues[3].pushed, 2);
	assert_int_equal(counter("reported-free"), 12288);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_target), TEST(test_wished), TEST(test_runs), TEST(test_statistics),
					   TEST(test_reporting)};

	return cmocka_run_group_tests_name("virtio-balloon", tests, NULL, NULL);
}
