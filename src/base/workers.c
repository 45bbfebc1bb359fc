/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/workers.c - a bounded pool of threads.
 */
#include "base/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define IDLE_SECONDS 5

struct workers {
	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t queued, ended;
	struct work *head, **tail;
	unsigned waiting; /* length of the list */
	unsigned threads, idle, max;
	bool stopping;
	char name[16];
};

static struct timespec seconds_from_now(int seconds)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_sec += seconds;
	return when;
}

/* Waits for work; NULL when this thread should end. Called and returns with the lock held. */
static struct work *next_work(struct workers *workers)
{
	struct timespec until = seconds_from_now(IDLE_SECONDS);
	struct work *work;
	int r = 0;

	workers->idle++;
	while (!workers->head && !workers->stopping) {
		if (r && workers->threads > 1)
			break;
		r = r ? pthread_cond_wait(&workers->queued, &workers->lock) /* the last one stays */
		      : pthread_cond_timedwait(&workers->queued, &workers->lock, &until);
	}
	workers->idle--;
	work = workers->head;
	if (!work)
		return NULL;
	workers->head = work->next;
	if (!workers->head)
		workers->tail = &workers->head;
	workers->waiting--;
	return work;
}

static void *thread_main(void *opaque)
{
	struct workers *workers = opaque;
	struct work *work;

	pthread_setname_np(pthread_self(), workers->name);
	pthread_mutex_lock(&workers->lock);
	while ((work = next_work(workers))) {
		pthread_mutex_unlock(&workers->lock);
		work->next = NULL;
		work->run(work);
		pthread_mutex_lock(&workers->lock);
	}
	workers->threads--;
	pthread_cond_signal(&workers->ended);
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

/* Threads are detached, since one that hangs could never be joined. Signals are the control thread's. */
static int start_thread(struct workers *workers)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int r = pthread_attr_init(&attr);

	if (r)
		return -r;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&thread, &attr, thread_main, workers);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!r)
		workers->threads++;
	return -r;
}

static void free_pool(struct workers *workers)
{
	pthread_cond_destroy(&workers->queued);
	pthread_cond_destroy(&workers->ended);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

int workers_new(struct workers **out, const char *name, unsigned max, struct mortise_error *err)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	pthread_condattr_t attr;
	int r;

	if (!workers)
		return mortise_fail(err, -ENOMEM, "Out of memory for the threads '%s'", name);
	workers->tail = &workers->head;
	workers->max = max;
	snprintf(workers->name, sizeof(workers->name), "%s", name);
	pthread_mutex_init(&workers->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->queued, &attr);
	pthread_cond_init(&workers->ended, &attr);
	pthread_condattr_destroy(&attr);

	pthread_mutex_lock(&workers->lock);
	r = start_thread(workers);
	pthread_mutex_unlock(&workers->lock);
	if (r < 0) {
		free_pool(workers);
		return mortise_fail(err, r, "Could not start thread '%s': %s", name, strerror(-r));
	}
	*out = workers;
	return 0;
}

void workers_submit(struct workers *workers, struct work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&workers->lock);
	*workers->tail = work;
	workers->tail = &work->next;
	workers->waiting++;
	/* Without a further thread the work waits for the ones that there are. */
	if (workers->waiting > workers->idle && workers->threads < workers->max)
		start_thread(workers);
	pthread_cond_signal(&workers->queued);
	pthread_mutex_unlock(&workers->lock);
}

int workers_stop(struct workers *workers, int seconds)
{
	struct timespec until = seconds_from_now(seconds);
	int r = 0;

	if (!workers)
		return 0;
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->queued);
	while (workers->threads && !r)
		r = seconds < 0 ? pthread_cond_wait(&workers->ended, &workers->lock)
				: pthread_cond_timedwait(&workers->ended, &workers->lock, &until);
	r = workers->threads ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&workers->lock);
	if (!r)
		free_pool(workers);
	return r;
}
