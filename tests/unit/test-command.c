/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-command.c - commands to an instance and events from it, with its thread and the control thread for real.
 */
#include "unit.h"

#include "bus/command.h"
#include "slot-fixture.h"

enum { EVENT_PLAIN, EVENT_LATEST };

struct gauge {
	struct mortise_device *device;
	struct mortise_call *later; /* answered by the next command */
	uint64_t level;
};

static const char *const modes[] = {"slow", "fast", NULL};

static const struct mortise_field arguments[] = {{.name = "level", .type = MORTISE_FIELD_UINT, .help = "h"}, {0}};
static const struct mortise_field answer[] = {
	{.name = "before", .type = MORTISE_FIELD_UINT, .help = "h"},
	{.name = "mode", .type = MORTISE_FIELD_ENUM, .values = modes, .help = "h"},
	{.name = "label", .type = MORTISE_FIELD_STRING, .flags = MORTISE_FIELD_OPTIONAL, .help = "h"},
	{0},
};

static void set(void *self, struct mortise_call *call, const struct mortise_value *values)
{
	struct gauge *gauge = self;
	char label[] = "full";
	struct mortise_value results[3] = {{.number = gauge->level}, {.number = 1}, {0}};
	struct mortise_value level = {.number = values[0].number};

	gauge->level = values[0].number;
	if (gauge->level > 100) {
		device_call_fail(call, -ERANGE, "level %u is too high", (unsigned)gauge->level);
		return;
	}
	if (gauge->level == 50)
		results[1].number = 2; /* no such word */
	if (gauge->level == 100)
		results[2] = (struct mortise_value){.present = 1, .string = label};
	device_event(gauge->device, EVENT_PLAIN, &level);
	device_event(gauge->device, EVENT_LATEST, &level);
	device_event(gauge->device, 2, &level); /* none of the class's: logged, nothing else */
	device_call_return(call, results);
	memset(label, 0, sizeof(label)); /* it was copied */
	if (gauge->later)
		device_call_return(gauge->later, NULL);
	gauge->later = NULL;
}

static void wait_for_next(void *self, struct mortise_call *call, const struct mortise_value *values)
{
	struct gauge *gauge = self;

	gauge->later = call;
}

static const struct mortise_command commands[] = {
	{"x-gauge-set", "h", arguments, answer, set}, {"x-gauge-wait", "h", NULL, NULL, wait_for_next}, {0}};
static const struct mortise_event events[] = {
	{"X_GAUGE_CHANGED", "h", arguments, 0, 0}, {"X_GAUGE_LATEST", "h", arguments, MORTISE_EVENT_LATEST, 0}, {0}};
static const struct mortise_monitor monitor = MORTISE_MONITOR(commands, events, NULL);

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct gauge *gauge = self;

	gauge->device = device;
	return 0;
}

static void notify(void *self, uint32_t queue)
{
}

static const struct mortise_class class = {.size = sizeof(class),
					   .driver = "gauge",
					   .virtio_id = 4,
					   .queue_count = 1,
					   .instance_size = sizeof(struct gauge),
					   .realize = realize,
					   .notify = notify,
					   .monitor = &monitor};

/* --- the control thread --- */

struct asked {
	struct task task;
	struct mortise_device *device;
	struct mortise_call *call;
	_Atomic unsigned answered;
	int result;
};

static _Atomic unsigned heard[2];
static _Atomic uint64_t last[2];

static void on_event(void *opaque, const struct mortise_event *event, const struct mortise_value *values)
{
	atomic_store(&last[event - events], values[0].number);
	atomic_fetch_add(&heard[event - events], 1);
}

static void on_answer(struct reply *reply, int result)
{
	struct mortise_call *call = container_of(reply, struct mortise_call, reply);
	struct asked *asked = call->opaque;

	asked->result = result;
	atomic_store(&asked->answered, 1);
}

static void ask_now(struct task *task)
{
	struct asked *asked = container_of(task, struct asked, task);

	device_call(asked->device, asked->call);
}

static void ask(struct fixture *f, struct asked *asked, struct mortise_device *device, unsigned command, uint64_t level)
{
	*asked = (struct asked){.device = device, .call = device_call_new(&commands[command]), .task.run = ask_now};
	asked->call->arguments[0].number = level;
	asked->call->opaque = asked;
	asked->call->reply.done = on_answer;
	loop_post(f->control, &asked->task);
}

static int answer_of(struct asked *asked)
{
	assert_true(reaches(&asked->answered, 1));
	return asked->result;
}

static struct mortise_device *make(struct fixture *f)
{
	struct mortise_device *device = device_make_of(f, &class);

	for (unsigned i = 0; i < 2; i++)
		atomic_store(&heard[i], 0);
	device_on_event(device, on_event, NULL);
	return device;
}

static void test_answers(void **state)
{
	struct fixture f;
	struct mortise_device *device;
	struct asked first, second, refused, wrong;

	fixture_open(&f, 0);
	device = make(&f);
	ask(&f, &first, device, 0, 7);
	assert_int_equal(answer_of(&first), 0);
	assert_int_equal(first.call->results[0].number, 0);
	assert_int_equal(first.call->results[0].present, 1);
	assert_int_equal(first.call->results[2].present, 0);
	ask(&f, &second, device, 0, 100);
	assert_int_equal(answer_of(&second), 0);
	assert_int_equal(second.call->results[0].number, 7);
	assert_string_equal(second.call->results[2].string, "full");
	ask(&f, &refused, device, 0, 101);
	assert_int_equal(answer_of(&refused), -ERANGE);
	assert_names(&refused.call->reply.error, "level 101 is too high");
	ask(&f, &wrong, device, 0, 50);
	assert_int_equal(answer_of(&wrong), -EINVAL);
	assert_names(&wrong.call->reply.error, "x-gauge-set");
	device_call_free(first.call);
	device_call_free(second.call);
	device_call_free(refused.call);
	device_call_free(wrong.call);
	device_end_of(&f, device);
	fixture_close(&f);
}

static void test_later(void **state)
{
	struct fixture f;
	struct mortise_device *device;
	struct asked waits, sets, left;

	fixture_open(&f, 0);
	device = make(&f);
	ask(&f, &waits, device, 1, 0);
	ask(&f, &sets, device, 0, 1);
	assert_int_equal(answer_of(&sets), 0);
	assert_int_equal(answer_of(&waits), 0);
	device_call_free(sets.call);
	ask(&f, &left, device, 1, 0);
	ask(&f, &sets, device, 0, 200); /* goes before it, and shows that it has arrived */
	assert_int_equal(answer_of(&sets), -ERANGE);
	assert_int_equal(atomic_load(&left.answered), 0);
	device_end_of(&f, device);
	assert_int_equal(answer_of(&left), -ENODEV);
	assert_names(&left.call->reply.error, "x-gauge-wait");
	device_call_free(waits.call);
	device_call_free(sets.call);
	device_call_free(left.call);
	fixture_close(&f);
}

/* All of the plain ones, and of the other the first at once and the last in the end. */
static void test_events(void **state)
{
	struct fixture f;
	struct mortise_device *device;
	struct asked asked;

	fixture_open(&f, 0);
	device = make(&f);
	for (unsigned i = 1; i <= 20; i++) {
		ask(&f, &asked, device, 0, i);
		assert_int_equal(answer_of(&asked), 0);
		device_call_free(asked.call);
	}
	assert_true(reaches(&heard[EVENT_PLAIN], 20));
	assert_true(reaches(&heard[EVENT_LATEST], 2));
	assert_int_equal(atomic_load(&heard[EVENT_LATEST]), 2);
	assert_int_equal(atomic_load(&last[EVENT_LATEST]), 20);
	ask(&f, &asked, device, 0, 30);
	assert_int_equal(answer_of(&asked), 0);
	device_call_free(asked.call);
	device_end_of(&f, device); /* what is held back is not lost */
	assert_true(reaches(&heard[EVENT_LATEST], 3));
	assert_int_equal(atomic_load(&last[EVENT_LATEST]), 30);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
