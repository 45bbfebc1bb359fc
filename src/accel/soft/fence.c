/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/fence.c - requests between harts: posted, served at block boundaries, waited for.
 */
#include "accel/soft/fence.h"

#include <errno.h>
#include <limits.h>

#include "accel/soft/code.h"
#include "accel/soft/futex.h"
#include "accel/soft/hart.h"
#include "accel/soft/host.h"
#include "accel/soft/soft.h"

/* Looks at the answer this often before sleeping: a running hart reaches a block boundary within a microsecond. */
#define SPINS 200

int fence_init(struct fence_queue *queue)
{
	return -pthread_mutex_init(&queue->lock, NULL);
}

void fence_destroy(struct fence_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

/* Appends a request; returns the number to wait for. */
static uint32_t post(struct hart *hart, const struct fence *fence)
{
	struct fence_queue *queue = &hart->fences;
	uint32_t number;

	pthread_mutex_lock(&queue->lock);
	if (queue->count < FENCE_QUEUE)
		queue->fences[queue->count++] = *fence;
	else
		queue->count = FENCE_QUEUE + 1;
	number = queue->posted + 1;
	__atomic_store_n(&queue->posted, number, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&queue->lock);
	hart_kick(hart);
	return number;
}

void fence_post_all(struct soft *soft, const struct fence *fence)
{
	for (unsigned i = 0; i < soft->hart_count; i++)
		post(&soft->harts[i], fence);
}

static bool answered(struct hart *hart, uint32_t number)
{
	return (int32_t)(__atomic_load_n(&hart->fences.served, __ATOMIC_ACQUIRE) - number) >= 0 ||
	       !__atomic_load_n(&hart->in_guest, __ATOMIC_SEQ_CST);
}

static void await(struct hart *hart, uint32_t number)
{
	struct fence_queue *queue = &hart->fences;

	for (unsigned i = 0; i < SPINS; i++) {
		if (answered(hart, number))
			return;
		host_relax();
	}
	__atomic_fetch_add(&queue->waiters, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		uint32_t served = __atomic_load_n(&queue->served, __ATOMIC_SEQ_CST);

		if (answered(hart, number))
			break;
		futex_wait(&queue->served, served, CLOCK_NEVER);
	}
	__atomic_fetch_sub(&queue->waiters, 1, __ATOMIC_SEQ_CST);
}

void fence_others(struct hart *hart, uint64_t mask, const struct fence *fence)
{
	struct soft *soft = hart->soft;
	uint32_t numbers[SOFT_HARTS_MAX];

	mask &= ~(UINT64_C(1) << hart->index);
	if (!mask)
		return;
	for (unsigned i = 0; i < soft->hart_count; i++)
		if (mask >> i & 1)
			numbers[i] = post(&soft->harts[i], fence);
	/* Out of the guest while waiting, so that two harts that fence each other both get on. */
	hart_leave_guest(hart);
	for (unsigned i = 0; i < soft->hart_count; i++)
		if (mask >> i & 1)
			await(&soft->harts[i], numbers[i]);
	hart_enter_guest(hart);
}

static void serve_one(struct hart *hart, const struct fence *fence)
{
	switch (fence->kind) {
	case FENCE_TLB:
		tlb_flush(hart, &fence->flush);
		break;
	case FENCE_CODE:
		tlb_mark_code(hart, fence->host);
		break;
	case FENCE_INSN:
		code_distrust(hart);
		break;
	}
}

static void serve_everything(struct hart *hart)
{
	static const struct tlb_flush everything = {.size = UINT64_MAX, .asid = UINT64_MAX};

	tlb_flush(hart, &everything);
	code_distrust(hart);
}

void fence_serve(struct hart *hart)
{
	struct fence_queue *queue = &hart->fences;

	if (!fence_pending(queue))
		return;
	pthread_mutex_lock(&queue->lock);
	if (queue->count > FENCE_QUEUE)
		serve_everything(hart);
	else
		for (unsigned i = 0; i < queue->count; i++)
			serve_one(hart, &queue->fences[i]);
	queue->count = 0;
	__atomic_store_n(&queue->served, queue->posted, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&queue->lock);
	if (__atomic_load_n(&queue->waiters, __ATOMIC_SEQ_CST))
		futex_wake(&queue->served, INT_MAX);
}
