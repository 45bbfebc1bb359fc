/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-plugin-monitor.c - what a class brings to the monitor: tables with one fault each, and those of later
 * minors.
 */
#include "unit.h"

#include "plugin/monitor.h"

struct instance {
	uint64_t count;
	uint32_t other;
};

static void run(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
}

static const char *const words[] = {"a", "b", NULL};

/* Sound tables of a plugin "acme-disk"; tests spoil a copy. */
struct specimen {
	struct mortise_field fields[3];
	struct mortise_command commands[3];
	struct mortise_event events[3];
	struct mortise_counter counters[2];
	struct mortise_monitor monitor;
};

static struct specimen *sound(struct specimen *s)
{
	*s = (struct specimen){
		.fields = {{.name = "level", .type = MORTISE_FIELD_UINT, .max = 9, .help = "h"},
			   {.name = "mode", .type = MORTISE_FIELD_ENUM, .values = words, .help = "h"}},
		.commands = {{"x-acme-disk-set", "h", s->fields, NULL, run},
			     {"query-balloon", "h", NULL, s->fields, run}},
		.events = {{"X_ACME_DISK_FULL", "h", s->fields, 0, 0},
			   {"BALLOON_CHANGE", "h", NULL, MORTISE_EVENT_LATEST, 0}},
		.counters = {{"count", MORTISE_COUNTER_CUMULATIVE, MORTISE_COUNTER_BYTES,
			      offsetof(struct instance, count), 0, "h"}},
		.monitor = MORTISE_MONITOR(s->commands, s->events, s->counters),
	};
	return s;
}

static int check(const struct mortise_monitor *from, struct mortise_monitor **out, struct mortise_error *err)
{
	const struct place place = {.path = "/p.so", .driver = "acme", .err = err};

	return monitor_check(out, from, "acme-disk", sizeof(struct instance), &place);
}

static void test_sound(void **state)
{
	struct mortise_monitor *monitor = NULL;
	struct mortise_error err = {0};
	struct specimen s;

	if (check(&sound(&s)->monitor, &monitor, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(monitor->commands[0].arguments[1].name, "mode");
	assert_null(monitor->commands[0].arguments[2].name);
	assert_null(monitor->commands[0].returns[0].name);
	assert_string_equal(monitor->commands[1].returns[0].name, "level");
	assert_null(monitor->commands[2].name);
	assert_string_equal(monitor->events[0].data[0].name, "level");
	assert_int_equal(monitor->events[1].flags, MORTISE_EVENT_LATEST);
	assert_string_equal(monitor->counters[0].name, "count");
	monitor_free(monitor);
}

static void test_none(void **state)
{
	static const struct mortise_monitor empty = MORTISE_MONITOR(NULL, NULL, NULL);
	struct mortise_monitor *monitor = NULL;

	assert_int_equal(check(&empty, &monitor, NULL), 0);
	assert_null(monitor->commands[0].name);
	assert_null(monitor->events[0].name);
	assert_null(monitor->counters[0].name);
	monitor_free(monitor);
}

#define SPOIL(fault, what)                                                        \
	do {                                                                      \
		struct mortise_error err_ = {0};                                  \
		struct mortise_monitor *monitor_ = NULL;                          \
                                                                                  \
		s = sound(&specimen);                                             \
		fault;                                                            \
		assert_int_equal(check(&s->monitor, &monitor_, &err_), -ENOEXEC); \
		assert_null(monitor_);                                            \
		assert_names(&err_, "'/p.so', driver 'acme'");                    \
		assert_names(&err_, what);                                        \
	} while (0)

static void test_faults(void **state)
{
	struct specimen specimen, *s;

	SPOIL(s->monitor.size = 8, "bytes");
	SPOIL(s->monitor.size = UINT32_MAX, "bytes");
	SPOIL(s->monitor.command_size = 8, "bytes");
	SPOIL(s->monitor.event_size += 4, "bytes");
	SPOIL(s->monitor.field_size = 0, "bytes");
	SPOIL(s->commands[0].name = "quit", "'x-acme-disk-'");
	SPOIL(s->commands[0].name = "x-acme-dis-set", "'x-acme-disk-'");
	SPOIL(s->commands[0].name = "x-acme-disk-", "'x-acme-disk-'");
	SPOIL(s->commands[0].name = "x-acme-disk-Set", "'x-acme-disk-'");
	SPOIL(s->commands[0].name = "query-balloon", "twice");
	SPOIL(s->commands[0].help = NULL, "help");
	SPOIL(s->commands[1].run = NULL, "run()");
	SPOIL(s->events[0].name = "STOP", "'X_ACME_DISK_'");
	SPOIL(s->events[0].name = "X_ACME_DISK_full", "'X_ACME_DISK_'");
	SPOIL(s->events[0].flags = 2, "flags");
	SPOIL(s->events[1].help = NULL, "event 'BALLOON_CHANGE'");
	SPOIL(s->fields[0].name = "id", "the host's own");
	SPOIL(s->fields[0].name = "device", "the host's own");
	SPOIL(s->fields[0].name = "Level", "no name");
	SPOIL(s->fields[0].name = "", "no name");
	SPOIL(s->fields[1].name = "level", "command 'x-acme-disk-set': 'level' is in a table twice");
	SPOIL(s->fields[0].type = 0, "type 0");
	SPOIL(s->fields[0].type = 6, "type 6");
	SPOIL(s->fields[0].flags = 2, "flags");
	SPOIL(s->fields[0].min = 10, "range");
	SPOIL(s->fields[1].values = NULL, "no values");
	SPOIL(s->fields[1].values = &words[2], "no values");
	SPOIL(s->fields[1].help = NULL, "no help");
	SPOIL(s->counters[0].type = 0, "type 0");
	SPOIL(s->counters[0].unit = 4, "unit 4");
	SPOIL(s->counters[0].offset = 4, "aligned");
	SPOIL(s->counters[0].offset = sizeof(struct instance), "outside");
	SPOIL(s->counters[0].offset = UINT32_MAX, "outside");
	SPOIL(s->counters[0].help = NULL, "counter 'count'");
	SPOIL(s->counters[0].name = "the count", "no name");
}

/* More rows than a host has to look at. */
static void test_many(void **state)
{
	struct specimen specimen, *s = sound(&specimen);
	struct mortise_field fields[40] = {{0}};
	struct mortise_monitor *monitor = NULL;
	struct mortise_error err = {0};
	char names[40][8];

	for (unsigned i = 0; i < 39; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct mortise_field){.name = names[i], .type = MORTISE_FIELD_BOOL, .help = "h"};
	}
	s->commands[0].arguments = fields;
	assert_int_equal(check(&s->monitor, &monitor, &err), -ENOEXEC);
	assert_names(&err, "more than 32");
}

/* What a plugin of a later minor appends to a row is passed over. */
static void test_newer(void **state)
{
	struct {
		struct mortise_command command;
		uint64_t later[3];
	} commands[3];
	struct mortise_monitor *monitor = NULL;
	struct specimen s;

	sound(&s);
	memset(commands, 0xa5, sizeof(commands));
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		commands[i].command = s.commands[i];
	s.monitor.commands = &commands[0].command;
	s.monitor.command_size = sizeof(commands[0]);
	assert_int_equal(check(&s.monitor, &monitor, NULL), 0);
	assert_string_equal(monitor->commands[1].name, "query-balloon");
	assert_null(monitor->commands[2].name);
	monitor_free(monitor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound), cmocka_unit_test(test_none),  cmocka_unit_test(test_faults),
		cmocka_unit_test(test_many),  cmocka_unit_test(test_newer),
	};

	return cmocka_run_group_tests_name("plugin-monitor", tests, NULL, NULL);
}
