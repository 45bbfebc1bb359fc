/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-workers.c - the bounded pool of threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/util.h"
#include "base/workers.h"

#define COUNT 200

struct job {
	struct work work;
	struct shared *shared;
};

struct shared {
	struct job jobs[COUNT];
	atomic_uint started, running, most, finished;
	sem_t gate;
};

static void run(struct work *work)
{
	struct shared *shared = container_of(work, struct job, work)->shared;
	unsigned now = atomic_fetch_add(&shared->running, 1) + 1, most = atomic_load(&shared->most);

	atomic_fetch_add(&shared->started, 1);
	while (now > most && !atomic_compare_exchange_weak(&shared->most, &most, now))
		;
	while (sem_wait(&shared->gate) < 0)
		;
	atomic_fetch_sub(&shared->running, 1);
	atomic_fetch_add(&shared->finished, 1);
}

static struct shared *shared_new(unsigned open)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	assert_non_null(shared);
	sem_init(&shared->gate, 0, open);
	for (unsigned i = 0; i < COUNT; i++)
		shared->jobs[i] = (struct job){.work.run = run, .shared = shared};
	return shared;
}

static void test_all_work_is_run(void **state)
{
	struct shared *shared = shared_new(COUNT);
	struct workers *workers;

	assert_int_equal(workers_new(&workers, "test", 4, NULL), 0);
	for (unsigned i = 0; i < COUNT; i++)
		workers_submit(workers, &shared->jobs[i].work);
	assert_int_equal(workers_stop(workers, -1), 0); /* waits for what is queued */
	assert_int_equal(atomic_load(&shared->finished), COUNT);
	assert_in_range(atomic_load(&shared->most), 1, 4);
	sem_destroy(&shared->gate);
	free(shared);
}

/* All threads come when work waits, and no more than asked for. */
static void test_threads_are_bounded(void **state)
{
	struct shared *shared = shared_new(0);
	struct workers *workers;

	assert_int_equal(workers_new(&workers, "test", 4, NULL), 0);
	for (unsigned i = 0; i < 20; i++)
		workers_submit(workers, &shared->jobs[i].work);
	for (unsigned i = 0; i < 20; i++)
		sem_post(&shared->gate);
	assert_null(workers_free(workers));
	assert_int_equal(atomic_load(&shared->finished), 20);
	assert_in_range(atomic_load(&shared->most), 1, 4);
	sem_destroy(&shared->gate);
	free(shared);
}

/* A call that hangs holds up neither the others nor the end. */
static void test_a_hang_is_left_behind(void **state)
{
	static struct shared *shared; /* both are reachable for ever, as the thread that hangs is */
	static struct workers *workers;

	shared = shared_new(0);
	assert_int_equal(workers_new(&workers, "test", 2, NULL), 0);
	workers_submit(workers, &shared->jobs[0].work);
	workers_submit(workers, &shared->jobs[1].work);
	sem_post(&shared->gate); /* one of the two hangs */
	assert_int_equal(workers_stop(workers, 1), -ETIMEDOUT);
	assert_int_equal(atomic_load(&shared->finished), 1);
	sem_post(&shared->gate); /* so that the sanitizers see the pool's end */
	while (atomic_load(&shared->finished) < 2)
		sched_yield();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_work_is_run),
		cmocka_unit_test(test_threads_are_bounded),
		cmocka_unit_test(test_a_hang_is_left_behind),
	};

	return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
