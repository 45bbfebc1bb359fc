/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/loop.c - an event loop and its thread.
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

struct loop {
	struct event_base *base;
	struct event *wake_event;
	int wake_fd;

	pthread_t thread;
	bool has_thread;
	char name[16]; /* the kernel's limit */
	sem_t started;
	int thread_id;		   /* set before `started` */
	_Atomic(pthread_t) runner; /* the thread inside loop_run(), or 0 */
	bool quit;		   /* runner only */

	pthread_mutex_t lock; /* guards the posted list and `asleep` */
	struct task *head, **tail;
	bool asleep; /* the runner waits, or is about to, and nobody has woken it: it will not look at the list */
	pthread_mutex_t waking; /* held while the runner is woken, so that the loop is not freed meanwhile */

	struct end_hook *hooks; /* runner only */
	struct task quit_task;

	/* loop_stuck() */
	struct task probe_task;
	atomic_bool probing; /* the task was posted, and has not run */
	uint64_t probed_at;  /* milliseconds; of the one who calls */
};

static void run_posted(struct loop *loop)
{
	struct task *task;

	pthread_mutex_lock(&loop->lock);
	task = loop->head;
	loop->head = NULL;
	loop->tail = &loop->head;
	loop->asleep = false;
	pthread_mutex_unlock(&loop->lock);

	while (task) {
		struct task *next = task->next; /* run() may free its task or post it again */

		task->next = NULL;
		task->run(task);
		task = next;
	}
}

/* Waking was all. The event is edge-triggered: the next write wakes again without this one having been read. */
static void on_wake(evutil_socket_t fd, short what, void *opaque)
{
}

static void quit_now(struct task *task)
{
	loop_quit(container_of(task, struct loop, quit_task));
}

/* libevent's own words belong into the log, not onto the terminal; what it fails at, its callers report. */
static void on_libevent_log(int severity, const char *message)
{
	log_debug("libevent: %s", message);
}

static void probe_now(struct task *task)
{
	atomic_store(&container_of(task, struct loop, probe_task)->probing, false);
}

int loop_new(struct loop **out, struct mortise_error *err)
{
	_cleanup_(loop_free_p) struct loop *loop = calloc(1, sizeof(*loop));
	struct event_config *config;

	if (!loop)
		return mortise_fail(err, -ENOMEM, "Out of memory for an event loop");
	loop->wake_fd = -1;
	loop->tail = &loop->head;
	loop->quit_task.run = quit_now;
	loop->probe_task.run = probe_now;
	pthread_mutex_init(&loop->lock, NULL);
	sem_init(&loop->started, 0, 0);
	pthread_mutex_init(&loop->waking, NULL);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return mortise_fail(err, -errno, "Could not make an eventfd: %s", strerror(errno));

	event_set_log_callback(on_libevent_log);

	/* Each base is touched by one thread alone, so libevent's own locks would be wasted. */
	config = event_config_new();
	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
						      EVENT_BASE_FLAG_IGNORE_ENV);
		event_config_require_features(config, EV_FEATURE_ET);
		loop->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (!loop->base)
		return mortise_fail(err, -ENOMEM, "Could not make an event loop");
	loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST | EV_ET, on_wake, loop);
	if (!loop->wake_event || event_add(loop->wake_event, NULL) < 0)
		return mortise_fail(err, -ENOMEM, "Could not watch an event loop's eventfd");
	*out = steal_ptr(&loop);
	return 0;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->has_thread) {
		loop_post(loop, &loop->quit_task);
		pthread_join(loop->thread, NULL);
	}
	pthread_mutex_lock(&loop->waking);
	pthread_mutex_unlock(&loop->waking);
	if (loop->wake_event)
		event_free(loop->wake_event);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->waking);
	pthread_mutex_destroy(&loop->lock);
	sem_destroy(&loop->started);
	free(loop);
	return NULL;
}

static void *thread_main(void *opaque)
{
	struct loop *loop = opaque;
	pthread_setname_np(pthread_self(), loop->name);
	loop->thread_id = gettid();
	sem_post(&loop->started);
	loop_run(loop);
	return NULL;
}

int loop_start(struct loop *loop, const char *name, struct mortise_error *err)
{
	int r;

	snprintf(loop->name, sizeof(loop->name), "%s", name);
	r = pthread_create(&loop->thread, NULL, thread_main, loop);
	if (r)
		return mortise_fail(err, -r, "Could not start thread '%s': %s", name, strerror(r));
	loop->has_thread = true;
	return 0;
}

static void run_end_hooks(struct loop *loop)
{
	while (loop->hooks) {
		struct end_hook *hook = loop->hooks;

		loop->hooks = hook->next;
		hook->armed = false;
		hook->run(hook);
	}
}

/* Whether there is nothing to be done but wait for events; posting then takes a wake-up. */
static bool may_sleep(struct loop *loop)
{
	bool asleep;

	pthread_mutex_lock(&loop->lock);
	asleep = loop->asleep = !loop->head;
	pthread_mutex_unlock(&loop->lock);
	return asleep;
}

void loop_run(struct loop *loop)
{
	atomic_store(&loop->runner, pthread_self());
	loop->quit = false;
	while (!loop->quit) {
		event_base_loop(loop->base, may_sleep(loop) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
		run_posted(loop);
		run_end_hooks(loop);
	}
	atomic_store(&loop->runner, 0);
}

void loop_quit(struct loop *loop)
{
	loop->quit = true;
}

int loop_thread_id(struct loop *loop)
{
	if (!loop->has_thread)
		return 0;
	while (sem_wait(&loop->started) < 0)
		; /* EINTR */
	sem_post(&loop->started);
	return loop->thread_id;
}

/* Whether the kernel has the thread wait for the loop's events: then nothing has to be woken to find out. */
static bool sleeps_in_loop(const struct loop *loop)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64];
	long call = -1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", loop->thread_id);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%ld", &call) != 1)
		return false;
#ifdef SYS_epoll_wait
	if (call == SYS_epoll_wait)
		return true;
#endif
	return call == SYS_epoll_pwait || call == SYS_epoll_pwait2;
}

uint64_t loop_stuck(struct loop *loop)
{
	struct timespec time;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
	if (atomic_load(&loop->probing))
		return now - loop->probed_at + 1;
	if (!sleeps_in_loop(loop)) {
		loop->probed_at = now;
		atomic_store(&loop->probing, true);
		loop_post(loop, &loop->probe_task);
	}
	return 0;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_post(struct loop *loop, struct task *task)
{
	const uint64_t one = 1;
	bool wake;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	*loop->tail = task;
	loop->tail = &task->next;
	wake = loop->asleep && !loop_inside(loop);
	loop->asleep = false;
	if (!wake) {
		pthread_mutex_unlock(&loop->lock);
		return;
	}
	/*
	 * Not under the lock, which the woken thread takes at once. That may run the task, however, which may be the
	 * one that has the loop ended. The counter, which nobody reads, has room for centuries of wake-ups.
	 */
	pthread_mutex_lock(&loop->waking);
	pthread_mutex_unlock(&loop->lock);
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_mutex_unlock(&loop->waking);
}

void loop_at_end(struct loop *loop, struct end_hook *hook)
{
	if (hook->armed)
		return;
	hook->armed = true;
	hook->next = loop->hooks;
	loop->hooks = hook;
}

bool loop_inside(const struct loop *loop)
{
	return pthread_equal(atomic_load(&loop->runner), pthread_self());
}
