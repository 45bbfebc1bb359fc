/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-claim.c - a node in a device's hands: claiming, the border check of requests, completion, release.
 */
#include <errno.h>
#include <time.h>

#include "backend/block-node.h"
#include "backend/block-shape.h"
#include "base/log.h"

/* How long a device that is to go waits for requests before they are cancelled. */
static const struct timeval patience = {.tv_sec = 3};

static void run_change(struct task *task)
{
	struct block_claim *claim = container_of(task, struct block_claim, change_task);
	void (*changed)(void *, struct mortise_block *);

	atomic_store(&claim->change_posted, false);
	changed = atomic_load(&claim->changed);
	if (changed)
		changed(claim->opaque, claim->node);
}

static void run_later(struct task *task)
{
	struct block_claim *claim = container_of(task, struct block_claim, later_task);
	struct mortise_block_request *request = claim->later, *next;

	claim->later = NULL;
	claim->later_tail = &claim->later;
	for (; request; request = next) {
		struct block_request_state *state = block_request_state(request);

		next = state->next;
		block_complete(claim, request, state->result);
	}
}

/* The last thing to run on the claim's loop. */
static void run_detach(struct task *task)
{
	struct block_claim *claim = container_of(task, struct block_claim, detach_task);

	claim->engine->detach(claim->engine);
	shape_done(claim);
	block_hand_back(claim->node->nodes, &claim->gone_task, &claim->detached);
}

/* --- what the control thread has to tell the engine --- */

static void run_start(struct task *task)
{
	struct block_claim *claim = container_of(task, struct block_claim, start_task);

	if (claim->engine->start)
		claim->engine->start(claim->engine);
}

static void run_cancel(struct task *task)
{
	struct block_claim *claim = container_of(task, struct block_claim, cancel_task);

	atomic_store(&claim->cancel_posted, false);
	if (claim->engine->cancel)
		claim->engine->cancel(claim->engine);
}

/* An engine starts when those before it are gone: a driver never sees two. */
static void start_if_alone(struct mortise_block *node)
{
	struct block_claim *claim = node->claim;

	if (!claim || claim->started || node->claims != claim || claim->next)
		return;
	claim->started = true;
	loop_post(claim->loop, &claim->start_task);
}

static void on_overdue(evutil_socket_t fd, short what, void *opaque)
{
	struct block_claim *claim = opaque;

	if (!atomic_exchange(&claim->cancel_posted, true))
		loop_post(claim->loop, &claim->cancel_task);
}

static void stop_hurrying(struct block_claim *claim)
{
	if (claim->overdue)
		event_free(steal_ptr(&claim->overdue));
}

void block_hurry(struct mortise_block *node, bool on)
{
	struct block_claim *claim = node->claim;

	if (!claim || on == !!claim->overdue)
		return;
	if (!on) {
		stop_hurrying(claim);
		return;
	}
	claim->overdue = event_new(loop_base(node->nodes->control), -1, EV_PERSIST, on_overdue, claim);
	if (!claim->overdue || event_add(claim->overdue, &patience) < 0)
		log_error("Node %s: out of memory: its requests are waited for", node->name);
}

/* --- claiming and releasing --- */

void block_claim_free(struct block_claim *claim)
{
	free(claim->owner);
	free(claim);
}

static void run_gone(struct task *task)
{
	struct block_claim *claim = container_of(task, struct block_claim, gone_task);
	struct mortise_block *node = claim->node;
	struct block_claim **at = &node->claims;

	while (*at != claim)
		at = &(*at)->next;
	*at = claim->next;
	block_claim_free(claim);
	start_if_alone(node);
	if (node->change)
		block_reopen_claim_gone(node);
	else
		block_close_if_idle(node);
}

int block_claim(struct mortise_block *node, const char *owner, struct loop *loop, struct mortise_error *err)
{
	struct block_medium *medium = block_medium_of(node);
	struct block_claim *claim;
	int r;

	if (node->claim)
		return mortise_fail(err, -EBUSY, "Node %s is in use by device '%s'", node->name, node->claim->owner);
	if (node->state != BLOCK_OPEN)
		return mortise_fail(err, -ENOENT, "Node %s is being closed", node->name);
	if (node->change)
		return block_check_idle(node, err);
	claim = calloc(1, sizeof(*claim));
	if (claim)
		claim->owner = strdup(owner);
	if (!claim || !claim->owner) {
		free(claim);
		return mortise_fail(err, -ENOMEM, "Out of memory for using node %s", node->name);
	}
	claim->node = node;
	claim->loop = loop;
	claim->later_tail = &claim->later;
	claim->later_task.run = run_later;
	claim->change_task.run = run_change;
	claim->detach_task.run = run_detach;
	claim->gone_task.run = run_gone;
	claim->held_tail = &claim->held;
	claim->start_task.run = run_start;
	claim->cancel_task.run = run_cancel;
	shape_init(claim);
	r = medium->driver->attach(&claim->engine, medium, claim, err);
	if (r < 0) {
		shape_done(claim);
		block_claim_free(claim);
		return r;
	}
	claim->aio = claim->engine->name;
	claim->next = node->claims;
	node->claims = claim;
	node->claim = claim;
	start_if_alone(node);
	return 0;
}

void block_release(struct mortise_block *node)
{
	struct block_claim *claim = node->claim;

	if (!claim)
		return;
	block_unpin(node);
	node->claim = NULL;
	stop_hurrying(claim);
	atomic_store(&claim->changed, NULL);
	loop_post(claim->loop, &claim->detach_task);
}

void block_on_change(struct mortise_block *node, void (*changed)(void *opaque, struct mortise_block *block),
		     void *opaque)
{
	node->claim->opaque = opaque;
	atomic_store(&node->claim->changed, changed);
}

void block_claim_changed(struct block_claim *claim)
{
	if (!atomic_exchange(&claim->change_posted, true))
		loop_post(claim->loop, &claim->change_task);
}

void block_info(struct mortise_block *node, struct mortise_block_info *info)
{
	const struct block_medium *medium = block_medium_of(node);
	const uint32_t room = info->struct_size;
	struct mortise_block_info full = {
		.struct_size = sizeof(full),
		.flags = (medium->read_only ? MORTISE_BLOCK_READ_ONLY : 0) |
			 (medium->limits.discard ? MORTISE_BLOCK_DISCARD : 0) |
			 (medium->limits.write_zeroes ? MORTISE_BLOCK_WRITE_ZEROES : 0),
		.size = atomic_load(&medium->size),
		.logical_block_size = medium->limits.logical,
		.physical_block_size = medium->limits.physical,
		.optimal_io_size = medium->limits.optimal_io,
		.max_segments = BLOCK_MAX_SEGMENTS,
		.max_transfer = BLOCK_MAX_TRANSFER,
		.max_discard = UINT64_MAX,
	};

	full.struct_size = MIN(room, (uint32_t)sizeof(full));
	memcpy(info, &full, full.struct_size);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool iovecs_fit(const struct mortise_block_request *request)
{
	uint64_t left = request->length;

	if (!left || left > BLOCK_MAX_TRANSFER || request->iov_count > BLOCK_MAX_SEGMENTS)
		return false;
	for (uint32_t i = 0; i < request->iov_count; i++) {
		if (request->iov[i].iov_len > left)
			return false;
		left -= request->iov[i].iov_len;
	}
	return left == 0;
}

/* The border check. 1: the engine's turn; 0: there is nothing to do. */
static int check(const struct block_medium *medium, const struct mortise_block_request *request)
{
	const uint64_t size = atomic_load_explicit(&medium->size, memory_order_relaxed);

	switch (request->op) {
	case MORTISE_BLOCK_FLUSH:
		return !medium->no_flush && !medium->read_only;
	case MORTISE_BLOCK_READ:
	case MORTISE_BLOCK_WRITE:
		if (!iovecs_fit(request))
			return -EINVAL;
		break;
	case MORTISE_BLOCK_DISCARD_OP:
	case MORTISE_BLOCK_WRITE_ZEROES_OP:
		break;
	default:
		return -EINVAL;
	}
	if (medium->read_only && request->op != MORTISE_BLOCK_READ)
		return -EROFS;
	if ((request->offset | request->length) & (BLOCK_SECTOR - 1))
		return -EINVAL;
	if (request->offset > size || request->length > size - request->offset)
		return -EINVAL;
	if (request->op == MORTISE_BLOCK_DISCARD_OP && !medium->limits.discard)
		return 0;
	return request->length != 0;
}

static void hand_on(struct block_claim *claim, struct mortise_block_request *request)
{
	int r = check(block_medium_of(claim->node), request);

	claim->in_flight++;
	if (r > 0)
		shape_submit(claim, request);
	else
		block_complete_later(claim, request, r);
}

static void put_last(struct mortise_block_request ***tail, struct mortise_block_request *request)
{
	struct block_request_state *state = block_request_state(request);

	state->next = NULL;
	**tail = request;
	*tail = &state->next;
}

void block_submit(struct mortise_block *node, struct mortise_block_request *request)
{
	struct block_claim *claim = node->claim;

	*block_request_state(request) = (struct block_request_state){.started = now_ns()};
	if (claim->held_for)
		put_last(&claim->held_tail, request);
	else
		hand_on(claim, request);
}

/* --- while the medium is exchanged --- */

static void answer(struct block_switch *change)
{
	block_hand_back(change->node->nodes, &change->answer, &change->answered);
}

static void run_hold(struct task *task)
{
	struct block_switch *change = container_of(task, struct block_switch, task);
	struct block_claim *claim = change->claim;

	claim->held_for = change;
	if (!claim->in_flight)
		answer(change);
}

void block_claim_hold(struct block_claim *claim, struct block_switch *change)
{
	change->task.run = run_hold;
	loop_post(claim->loop, &change->task);
}

static void install(struct block_claim *claim, struct block_switch *change)
{
	struct block_engine *engine = claim->engine;
	struct block_medium *medium = block_medium_of(change->node);

	claim->engine = steal_ptr(&change->engine);
	atomic_store_explicit(&change->node->medium, change->medium, memory_order_release);
	change->medium = medium;
	engine->detach(engine);
	shape_set_blocks(claim);
	if (claim->engine->start)
		claim->engine->start(claim->engine);
}

/* What was held is checked anew: the medium may be a smaller one now. */
static void run_go_on(struct task *task)
{
	struct block_switch *change = container_of(task, struct block_switch, task);
	struct block_claim *claim = change->claim;
	struct mortise_block_request *request = claim->held, *next;

	if (change->install)
		install(claim, change);
	claim->held_for = NULL;
	claim->held = NULL;
	claim->held_tail = &claim->held;
	for (; request; request = next) {
		struct block_request_state *state = block_request_state(request);

		next = state->next;
		*state = (struct block_request_state){.started = state->started};
		hand_on(claim, request);
	}
	answer(change);
}

void block_claim_go_on(struct block_claim *claim, struct block_switch *change)
{
	change->task.run = run_go_on;
	loop_post(claim->loop, &change->task);
}

/* --- completion --- */

/* Counters have one writer, so adding needs no locked instruction. */
static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static void tell_failure(struct task *task)
{
	struct block_failing *failing = container_of(task, struct block_failing, notice.task);
	const struct mortise_block *node = failing->node;
	const struct block_failure failure = {.node_name = node->name,
					      .owner = node->claim ? node->claim->owner : NULL,
					      .write = failing->write,
					      .error = failing->error};

	notice_told(&failing->notice);
	if (node->nodes->failed)
		node->nodes->failed(node->nodes->failed_opaque, &failure);
}

/* What was refused is the driver's fault, and what was cancelled the operator's wish. */
static void note_failure(struct mortise_block *node, bool write, int error)
{
	struct block_failing *failing = &node->failing[write];

	if (error == -EINVAL || error == -EROFS || error == -ECANCELED || !notice_take(&failing->notice))
		return;
	failing->node = node;
	failing->write = write;
	failing->error = error;
	notice_give(&failing->notice, node->nodes->control, tell_failure);
}

void block_complete(struct block_claim *claim, struct mortise_block_request *request, int result)
{
	struct mortise_block *node = claim->node;
	uint32_t op = request->op < ARRAY_SIZE(node->stats.operations) ? request->op : 0;

	if (!block_request_state(request)->started) {
		request->done(request, result);
		return;
	}
	if (result < 0) {
		count(&node->stats.failed[op], 1);
		note_failure(node, op != MORTISE_BLOCK_READ, result);
	} else {
		count(&node->stats.operations[op], 1);
		count(&node->stats.bytes[op], op == MORTISE_BLOCK_FLUSH ? 0 : request->length);
	}
	count(&node->stats.nanoseconds[op], now_ns() - block_request_state(request)->started);
	if (block_request_state(request)->ordered)
		shape_ended(claim);
	if (!--claim->in_flight && claim->held_for)
		answer(claim->held_for);
	request->done(request, result);
}

void block_complete_later(struct block_claim *claim, struct mortise_block_request *request, int result)
{
	struct block_request_state *state = block_request_state(request);
	const bool first = !claim->later;

	state->result = result;
	put_last(&claim->later_tail, request);
	if (first)
		loop_post(claim->loop, &claim->later_task);
}
