/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-threads.c - the engine that does requests on a few threads, where io_uring is refused or not wanted.
 *
 * Each claim has threads of its own, so that a disk that hangs holds up nobody else.
 */
#include <errno.h>

#include "backend/block-step.h"

#define THREADS_MAX 8

_Static_assert(THREADS_MAX <= BOUNCE_MAX, "each thread can have a bounce buffer");

struct threads {
	struct block_engine engine;
	struct block_claim *claim;
	struct block_file *file;
	struct workers *workers;
	struct bounce_pool pool;

	pthread_mutex_t lock; /* guards the list of what the threads have finished */
	struct mortise_block_request *finished, **finished_tail;
	struct task task; /* posted when the list stops being empty */
};

/* A request while it is here: kept in the room that its step state leaves. */
struct thread_work {
	struct work work;
	struct threads *threads;
};

static struct thread_work *work_of(struct mortise_block_request *request)
{
	struct step_state *state = step_state(request);

	_Static_assert(sizeof(struct thread_work) <= sizeof(state->for_engine), "a request has room for its work");
	return (struct thread_work *)state->for_engine;
}

static struct mortise_block_request *request_of(struct work *work)
{
	return (struct mortise_block_request *)((char *)work - offsetof(struct mortise_block_request, host) -
						offsetof(struct block_request_state, engine) -
						offsetof(struct step_state, for_engine));
}

static int perform(struct threads *threads, struct mortise_block_request *request)
{
	struct block_file *file = threads->file;
	enum step_answer answer;
	struct step step;
	int result = 0;

	do {
		answer = step_next(file, &threads->pool, request, &step, &result);
	} while (answer == STEP_READY && step_done(file, &threads->pool, request, step_perform(file, &step), &result));
	return result;
}

static void run_work(struct work *work)
{
	struct mortise_block_request *request = request_of(work);
	struct block_request_state *state = block_request_state(request);
	struct threads *threads = container_of(work, struct thread_work, work)->threads;
	int result = perform(threads, request);

	state->result = result;
	state->next = NULL;
	pthread_mutex_lock(&threads->lock);
	if (!threads->finished)
		loop_post(threads->claim->loop, &threads->task);
	*threads->finished_tail = request;
	threads->finished_tail = &state->next;
	pthread_mutex_unlock(&threads->lock);
}

static void run_finished(struct task *task)
{
	struct threads *threads = container_of(task, struct threads, task);
	struct mortise_block_request *request, *next;

	pthread_mutex_lock(&threads->lock);
	request = threads->finished;
	threads->finished = NULL;
	threads->finished_tail = &threads->finished;
	pthread_mutex_unlock(&threads->lock);
	for (; request; request = next) {
		struct block_request_state *state = block_request_state(request);

		next = state->next;
		block_complete(threads->claim, request, state->result);
	}
}

static void threads_submit(struct block_engine *engine, struct mortise_block_request *request)
{
	struct threads *threads = container_of(engine, struct threads, engine);
	struct thread_work *work = work_of(request);

	work->work.run = run_work;
	work->threads = threads;
	workers_submit(threads->workers, &work->work);
}

static void threads_detach(struct block_engine *engine)
{
	struct threads *threads = container_of(engine, struct threads, engine);

	workers_free(threads->workers);
	bounce_destroy(&threads->pool);
	pthread_mutex_destroy(&threads->lock);
	free(threads);
}

int block_threads_new(struct block_engine **out, struct block_file *file, struct block_claim *claim,
		      struct mortise_error *err)
{
	struct threads *threads = calloc(1, sizeof(*threads));
	int r;

	if (!threads)
		return mortise_fail(err, -ENOMEM, "Out of memory for using node %s", claim->node->name);
	r = workers_new(&threads->workers, "block-io", THREADS_MAX, err);
	if (r < 0) {
		free(threads);
		return r;
	}
	threads->engine = (struct block_engine){"threads", threads_submit, threads_detach};
	threads->claim = claim;
	threads->file = file;
	threads->finished_tail = &threads->finished;
	threads->task.run = run_finished;
	pthread_mutex_init(&threads->lock, NULL);
	bounce_init(&threads->pool);
	*out = &threads->engine;
	return 0;
}
