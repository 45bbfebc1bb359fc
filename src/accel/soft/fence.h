/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/fence.h - what one hart asks of another's translations, and waits for.
 *
 * A hart's TLB is its own. Whoever needs something forgotten there appends a request to that hart's queue and, if the
 * hart is executing guest code, waits until it was served at the next block boundary. A hart that is not in the guest
 * (asleep, paused, inside a device) serves its queue before it goes on, so nobody waits for it.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/soft/tlb.h"

struct hart;
struct soft;

enum fence_kind {
	FENCE_TLB,  /* forget translations */
	FENCE_CODE, /* forget that writes to a page may go straight to memory */
	FENCE_INSN, /* reach a block boundary, where stale code is dropped */
};

struct fence {
	enum fence_kind kind;
	struct tlb_flush flush; /* FENCE_TLB */
	uint64_t host;		/* FENCE_CODE: the page's address in this process */
};

#define FENCE_QUEUE 16

struct fence_queue {
	pthread_mutex_t lock;
	unsigned count; /* more than FENCE_QUEUE: the rest was merged into "everything" */
	struct fence fences[FENCE_QUEUE];
	uint32_t posted;  /* under the lock; read atomically by the owner */
	uint32_t served;  /* atomic and a futex */
	uint32_t waiters; /* atomic */
};

int fence_init(struct fence_queue *queue);
void fence_destroy(struct fence_queue *queue);

/* Has every hart of `mask`, `hart` itself excluded, do as `fence` says; returns when it is done. Serves own fences
 * meanwhile. */
void fence_others(struct hart *hart, uint64_t mask, const struct fence *fence);

/* The same of every hart, soon; for threads that are no hart's. */
void fence_post_all(struct soft *soft, const struct fence *fence);

/* Does what was asked of this hart. Own thread, at a block boundary or where no translation is in use. */
void fence_serve(struct hart *hart);

static inline bool fence_pending(const struct fence_queue *queue)
{
	return __atomic_load_n(&queue->posted, __ATOMIC_ACQUIRE) != __atomic_load_n(&queue->served, __ATOMIC_RELAXED);
}
