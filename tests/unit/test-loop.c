/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-loop.c - posting work between threads, ends of rounds, replies.
 */
#include "unit.h"

#include <pthread.h>

#include "base/loop.h"
#include "base/reply.h"

struct counter {
	struct task task;
	struct loop *loop, *back;
	int left;
	bool inside;
};

static void bounce(struct task *task)
{
	struct counter *counter = container_of(task, struct counter, task);
	struct loop *next = counter->back;

	counter->inside = loop_inside(counter->loop);
	if (counter->left-- == 0) {
		loop_quit(counter->loop);
		return;
	}
	counter->back = counter->loop;
	counter->loop = next;
	loop_post(next, task);
}

/* A task goes back and forth between two threads and ends where it began. */
static void ping_pong(void **state)
{
	_cleanup_(loop_free_p) struct loop *mine = NULL, *other = NULL;
	struct counter counter = {.task.run = bounce, .left = 10000};

	assert_int_equal(loop_new(&mine, NULL), 0);
	assert_int_equal(loop_new(&other, NULL), 0);
	assert_int_equal(loop_start(other, "a name that is too long", NULL), 0);
	counter.loop = mine;
	counter.back = other;
	loop_post(mine, &counter.task);
	loop_run(mine);
	assert_int_equal(counter.left, -1);
	assert_true(counter.inside);
	assert_false(loop_inside(mine));
}

struct numbered {
	struct task task;
	unsigned number;
	unsigned *next;
	struct loop *quit;
};

static void in_order(struct task *task)
{
	struct numbered *numbered = container_of(task, struct numbered, task);

	assert_int_equal(numbered->number, (*numbered->next)++);
	if (numbered->quit)
		loop_quit(numbered->quit);
}

static void order(void **state)
{
	_cleanup_(loop_free_p) struct loop *loop = NULL;
	struct numbered tasks[100];
	unsigned next = 0;

	assert_int_equal(loop_new(&loop, NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		tasks[i] = (struct numbered){.task.run = in_order, .number = i, .next = &next};
		if (i == 99)
			tasks[i].quit = loop;
		loop_post(loop, &tasks[i].task);
	}
	loop_run(loop);
	assert_int_equal(next, 100);
}

struct round {
	struct task first, second;
	struct end_hook hook;
	struct loop *loop;
	unsigned hooks;
};

static void arm(struct task *task)
{
	struct round *round = container_of(task, struct round, first);

	loop_at_end(round->loop, &round->hook);
	loop_at_end(round->loop, &round->hook);
}

static void arm_again(struct task *task)
{
	struct round *round = container_of(task, struct round, second);

	assert_int_equal(round->hooks, 0);
	loop_at_end(round->loop, &round->hook);
}

static void at_end(struct end_hook *hook)
{
	struct round *round = container_of(hook, struct round, hook);

	round->hooks++;
	loop_quit(round->loop);
}

/* However often it was armed, a hook runs once, after all the work of the round. */
static void end_of_round(void **state)
{
	_cleanup_(loop_free_p) struct loop *loop = NULL;
	struct round round = {.first.run = arm, .second.run = arm_again, .hook.run = at_end};

	assert_int_equal(loop_new(&loop, NULL), 0);
	round.loop = loop;
	loop_post(loop, &round.first);
	loop_post(loop, &round.second);
	loop_run(loop);
	assert_int_equal(round.hooks, 1);
	assert_false(round.hook.armed);
}

struct flood {
	struct loop *loop;
	struct numbered *tasks;
};

static void seen(struct task *task)
{
	struct numbered *numbered = container_of(task, struct numbered, task);

	++*numbered->next;
}

static void *post_many(void *opaque)
{
	struct flood *flood = opaque;

	for (unsigned i = 0; i < 20000; i++)
		loop_post(flood->loop, &flood->tasks[i].task);
	return NULL;
}

/* No task is lost when several threads post to a loop that goes to sleep in between. */
static void many_posters(void **state)
{
	_cleanup_(loop_free_p) struct loop *loop = NULL;
	struct flood floods[3] = {0};
	pthread_t threads[3];
	unsigned count = 0;

	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(loop_start(loop, "sink", NULL), 0);
	for (unsigned t = 0; t < 3; t++) {
		floods[t].loop = loop;
		floods[t].tasks = calloc(20000, sizeof(struct numbered));
		for (unsigned i = 0; i < 20000; i++)
			floods[t].tasks[i] = (struct numbered){.task.run = seen, .next = &count};
		assert_int_equal(pthread_create(&threads[t], NULL, post_many, &floods[t]), 0);
	}
	for (unsigned t = 0; t < 3; t++)
		pthread_join(threads[t], NULL);
	loop = loop_free(loop); /* runs what was posted before it ends */
	assert_int_equal(count, 60000);
	for (unsigned t = 0; t < 3; t++)
		free(floods[t].tasks);
}

struct last {
	struct task task;
	struct loop *loop, *mine;
};

static void end_mine(struct task *task)
{
	loop_quit(container_of(task, struct last, task)->mine);
}

static void on_last(struct task *task)
{
	struct last *last = container_of(task, struct last, task);

	task->run = end_mine;
	loop_post(last->mine, task);
}

static void *post_last(void *opaque)
{
	struct last *last = opaque;

	loop_post(last->loop, &last->task);
	return NULL;
}

/* A loop may be freed as soon as the last task has run, though who posted that may still be about to wake the loop. */
static void freed_at_once(void **state)
{
	_cleanup_(loop_free_p) struct loop *mine = NULL;

	assert_int_equal(loop_new(&mine, NULL), 0);
	for (unsigned i = 0; i < 500; i++) {
		struct last last = {.task.run = on_last, .mine = mine};
		pthread_t poster;

		assert_int_equal(loop_new(&last.loop, NULL), 0);
		assert_int_equal(loop_start(last.loop, "short", NULL), 0);
		assert_int_equal(pthread_create(&poster, NULL, post_last, &last), 0);
		loop_run(mine);
		loop_free(last.loop);
		pthread_join(poster, NULL);
	}
}

static void on_byte(evutil_socket_t fd, short what, void *opaque)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
	loop_quit(opaque);
}

struct forever {
	struct task task;
	struct loop *loop;
	unsigned runs;
	int fd;
};

static void post_again(struct task *task)
{
	struct forever *forever = container_of(task, struct forever, task);

	if (forever->runs++ == 10)
		assert_int_equal(write(forever->fd, "x", 1), 1);
	assert_true(forever->runs < 1000);
	loop_post(forever->loop, task);
}

/* A task that posts itself over and over keeps nobody else from having a turn. */
static void fairness(void **state)
{
	struct forever forever = {.task.run = post_again};
	struct event *event;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_new(&forever.loop, NULL), 0);
	forever.fd = ends[1];
	event = event_new(loop_base(forever.loop), ends[0], EV_READ, on_byte, forever.loop);
	assert_int_equal(event_add(event, NULL), 0);
	loop_post(forever.loop, &forever.task);
	loop_run(forever.loop);
	assert_true(forever.runs > 10);
	event_free(event);
	loop_free(forever.loop);
	close(ends[0]);
	close(ends[1]);
}

struct asked {
	struct reply reply;
	struct loop *loop;
	int result;
};

static void on_answer(struct reply *reply, int result)
{
	struct asked *asked = container_of(reply, struct asked, reply);

	asked->result = result;
	loop_quit(asked->loop);
}

static void replies(void **state)
{
	_cleanup_(loop_free_p) struct loop *loop = NULL;
	struct asked asked = {.reply.done = on_answer};

	assert_int_equal(loop_new(&loop, NULL), 0);
	asked.loop = loop;
	reply_post(&asked.reply, loop, mortise_fail(&asked.reply.error, -EBUSY, "thing %d is busy", 7));
	assert_int_equal(asked.result, 0);
	loop_run(loop);
	assert_int_equal(asked.result, -EBUSY);
	assert_names(&asked.reply.error, "thing 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping_pong),	cmocka_unit_test(order),	 cmocka_unit_test(end_of_round),
		cmocka_unit_test(many_posters), cmocka_unit_test(freed_at_once), cmocka_unit_test(fairness),
		cmocka_unit_test(replies),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
