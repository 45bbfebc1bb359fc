/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/loop.h - an event loop (libevent) and the thread that runs it.
 *
 * The control thread has one, each I/O thread has one. Everything that belongs to a loop (its events, timers, and the
 * objects behind them) is touched on its thread alone; other threads hand work over with loop_post().
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include <mortise/error.h>

struct loop;

/* A piece of work for a loop; embedded in what it works on, which must live until run() was called. */
struct task {
	void (*run)(struct task *task);
	struct task *next; /* owned by the loop while posted */
};

/* Called once at the end of a round of the loop in which loop_at_end() armed it: where batches are flushed. */
struct end_hook {
	void (*run)(struct end_hook *hook);
	struct end_hook *next;
	bool armed;
};

/* A new loop, run by nobody yet. -ENOMEM, -EMFILE. */
int loop_new(struct loop **out, struct mortise_error *err);

/* Stops the thread if there is one (never called on that thread) and frees the loop. NULL is fine. */
struct loop *loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop *, loop_free)

/* Starts a thread that runs the loop until loop_free(). `name` shows up in ps -L; 15 characters. */
int loop_start(struct loop *loop, const char *name, struct mortise_error *err);

/* Runs the loop on the calling thread until loop_quit(). */
void loop_run(struct loop *loop);
void loop_quit(struct loop *loop);

/* The Linux thread id of the thread that loop_start() made, waited for if it has not begun yet; 0: none. */
int loop_thread_id(struct loop *loop);

/*
 * Milliseconds for which one thing that the loop's thread does has been known not to end; 0: none is known. Finds out
 * between one call and the next, by a task that it posts unless the thread sleeps in the loop: call it now and then,
 * from one thread.
 */
uint64_t loop_stuck(struct loop *loop);

/* For events of one's own. */
struct event_base *loop_base(struct loop *loop);

/* Queues `task`; it runs on the loop's thread, after those posted earlier. Any thread, async-signal-unsafe. */
void loop_post(struct loop *loop, struct task *task);

/* Arms `hook` for the end of the present round; arming it twice is arming it once. Loop's thread only. */
void loop_at_end(struct loop *loop, struct end_hook *hook);

/* Whether the caller is on the thread that runs the loop. */
bool loop_inside(const struct loop *loop);
