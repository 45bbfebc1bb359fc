/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/reply.h - an answer that comes later, on the control thread.
 *
 * Whoever asks embeds a `struct reply` in its own state and passes it down; done() is called exactly once, on the
 * thread of the loop that was named, never from inside the call that asked. The reply may be freed in done().
 */
#pragma once

#include "base/loop.h"
#include "base/util.h"

struct reply {
	void (*done)(struct reply *reply, int result); /* 0 or a negative errno */
	struct mortise_error error;		       /* what happened, when result < 0 */
	int result;
	struct task task;
};

static inline void reply_run(struct task *task)
{
	struct reply *reply = container_of(task, struct reply, task);

	reply->done(reply, reply->result);
}

/* Answers: fill reply->error first when `result` is negative. Any thread. */
static inline void reply_post(struct reply *reply, struct loop *loop, int result)
{
	reply->result = result;
	reply->task.run = reply_run;
	loop_post(loop, &reply->task);
}
