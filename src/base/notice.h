/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/notice.h - news that a guest can bring about at any rate, for another thread: at most one a second.
 *
 * Embedded in what it is about. What comes in between is not told; it is for counters to tell how much that was.
 */
#pragma once

#include <stdatomic.h>

#include "base/log.h"
#include "base/loop.h"

struct notice {
	struct task task;
	struct log_limit limit; /* of the thread that gives it */
	atomic_bool given;	/* until it is told */
};

/* Whether one may be given now: then fill in what it says, and call notice_give(). One thread at a time. */
static inline bool notice_take(struct notice *notice)
{
	return !atomic_load(&notice->given) && log_allowed(&notice->limit, 1);
}

/* Has `tell` run on `loop`, where it calls notice_told() once it has read what the notice says. */
static inline void notice_give(struct notice *notice, struct loop *loop, void (*tell)(struct task *task))
{
	atomic_store(&notice->given, true);
	notice->task.run = tell;
	loop_post(loop, &notice->task);
}

static inline void notice_told(struct notice *notice)
{
	atomic_store(&notice->given, false);
}
