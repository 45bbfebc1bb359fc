/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-uring.c - the engine that does requests through an io_uring of the claim's own.
 *
 * Requests submitted in one round of the loop go to the kernel in one system call at the round's end, and what the
 * kernel could answer at once (the page cache) is completed right there. Later completions make the ring's descriptor
 * readable, which the loop waits for: no eventfd has to be written and read. The ring is made on the control thread,
 * disabled, and belongs to the loop's thread from the first request on.
 */
#include <errno.h>
#include <liburing.h>

#include "backend/block-step.h"
#include "base/log.h"

#define ENTRIES 128 /* requests in flight; further ones wait here */

struct uring {
	struct block_engine engine;
	struct block_claim *claim;
	struct block_file *file;
	struct io_uring ring;
	struct event *event;
	struct end_hook hook;
	struct bounce_pool pool;
	bool started;
	bool reaping;	    /* what is submitted meanwhile is flushed by whoever reaps */
	unsigned in_flight; /* requests that have a slot, ENTRIES at most */
	struct mortise_block_request *waiting, **waiting_tail; /* for a slot or a bounce buffer */
};

static const struct timeval retry_delay = {.tv_usec = 10 * 1000};

static void prepare(struct uring *uring, struct mortise_block_request *request, const struct step *step)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring); /* never NULL: see in_flight */

	switch (step->call) {
	case STEP_READ:
		if (step->iov)
			io_uring_prep_readv(sqe, 0, step->iov, step->count, step->offset);
		else
			io_uring_prep_read(sqe, 0, step->one.iov_base, (unsigned)step->one.iov_len, step->offset);
		break;
	case STEP_WRITE:
		if (step->iov)
			io_uring_prep_writev(sqe, 0, step->iov, step->count, step->offset);
		else
			io_uring_prep_write(sqe, 0, step->one.iov_base, (unsigned)step->one.iov_len, step->offset);
		break;
	case STEP_SYNC:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
		break;
	case STEP_ALLOCATE:
		io_uring_prep_fallocate(sqe, 0, step->mode, (off_t)step->offset, (off_t)step->length);
		break;
	}
	/* Descriptor 0 is the first of the ring's own table. A request that came back with EAGAIN may block a thread.
	 */
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | (step_state(request)->retries ? IOSQE_ASYNC : 0));
	io_uring_sqe_set_data(sqe, request);
}

/* Queues the next step of a request that has a slot. */
static enum step_answer issue(struct uring *uring, struct mortise_block_request *request, int *result)
{
	struct step step;
	enum step_answer answer = step_next(uring->file, &uring->pool, request, &step, result);

	if (answer == STEP_READY)
		prepare(uring, request, &step);
	return answer;
}

static void wait_in_line(struct uring *uring, struct mortise_block_request *request)
{
	struct block_request_state *state = block_request_state(request);

	state->next = NULL;
	*uring->waiting_tail = request;
	uring->waiting_tail = &state->next;
}

/* Gives slots to those who wait, in order. */
static void admit(struct uring *uring)
{
	while (uring->waiting && uring->in_flight < ENTRIES) {
		struct mortise_block_request *request = uring->waiting;
		struct mortise_block_request *next = block_request_state(request)->next;
		int result;
		enum step_answer answer = issue(uring, request, &result);

		if (answer == STEP_WAIT)
			return;
		uring->waiting = next;
		if (!next)
			uring->waiting_tail = &uring->waiting;
		if (answer == STEP_READY)
			uring->in_flight++;
		else
			block_complete_later(uring->claim, request, result);
	}
}

static void complete(struct uring *uring, struct mortise_block_request *request, int answer)
{
	int result;

	if (step_done(uring->file, &uring->pool, request, answer, &result) &&
	    issue(uring, request, &result) == STEP_READY)
		return;
	uring->in_flight--;
	block_complete(uring->claim, request, result);
}

/* Takes at most as many completions as the ring can hold, so that the rest of the loop has its turn. */
static void reap(struct uring *uring)
{
	struct io_uring_cqe *cqe;

	uring->reaping = true;
	for (unsigned i = 0; i < 2 * ENTRIES && io_uring_peek_cqe(&uring->ring, &cqe) == 0; i++) {
		struct mortise_block_request *request = io_uring_cqe_get_data(cqe);
		int answer = cqe->res;

		io_uring_cqe_seen(&uring->ring, cqe);
		complete(uring, request, answer);
	}
	admit(uring);
	uring->reaping = false;
}

/* Hands the kernel what is queued. Where it lacks memory, the event's timeout tries again. */
static void flush(struct uring *uring)
{
	int r = io_uring_submit(&uring->ring);

	if (io_uring_sq_ready(&uring->ring) == 0)
		return;
	if (r < 0 && r != -EAGAIN && r != -EBUSY && r != -EINTR && r != -ENOMEM)
		log_error("io_uring refuses requests: %s", strerror(-r));
	event_add(uring->event, &retry_delay);
}

static void on_round_end(struct end_hook *hook)
{
	struct uring *uring = container_of(hook, struct uring, hook);

	flush(uring);
	reap(uring);
	if (io_uring_sq_ready(&uring->ring))
		flush(uring);
}

static void on_ring(evutil_socket_t fd, short what, void *opaque)
{
	struct uring *uring = opaque;

	if (what & EV_TIMEOUT)
		event_remove_timer(uring->event);
	reap(uring);
	if (io_uring_sq_ready(&uring->ring))
		loop_at_end(uring->claim->loop, &uring->hook);
}

/* On the loop's thread, which thereby becomes the only one that the kernel lets submit. */
static int start(struct uring *uring)
{
	/* liburing 2.3 declares io_uring_enable_rings() but does not export it. */
	int r = io_uring_register((unsigned)uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (r < 0)
		return r;
	if (event_add(uring->event, NULL) < 0)
		return -ENOMEM;
	io_uring_register_ring_fd(&uring->ring); /* saves a look-up in each call; not in every kernel */
	uring->started = true;
	return 0;
}

static void uring_submit(struct block_engine *engine, struct mortise_block_request *request)
{
	struct uring *uring = container_of(engine, struct uring, engine);
	int r = uring->started ? 0 : start(uring);

	if (r < 0) {
		block_complete_later(uring->claim, request, r);
		return;
	}
	wait_in_line(uring, request);
	if (uring->reaping)
		return; /* reap() admits at its end */
	admit(uring);
	if (io_uring_sq_ready(&uring->ring))
		loop_at_end(uring->claim->loop, &uring->hook);
}

static void uring_free(struct uring *uring)
{
	if (uring->event)
		event_free(uring->event);
	/* Otherwise the file would stay open until the kernel gets round to freeing the ring. */
	io_uring_unregister_files(&uring->ring);
	io_uring_queue_exit(&uring->ring);
	bounce_destroy(&uring->pool);
	free(uring);
}

static void uring_detach(struct block_engine *engine)
{
	uring_free(container_of(engine, struct uring, engine));
}

/*
 * The best ring that this kernel gives. Not IORING_SETUP_DEFER_TASKRUN: with it the ring's descriptor would not become
 * readable before somebody asked for completions.
 */
static int make_ring(struct io_uring *ring)
{
	static const unsigned flags[] = {
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER, /* 6.0 */
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,				  /* 5.19 */
		0,										  /* 5.10 */
	};
	int r = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(flags) && r == -EINVAL; i++)
		r = io_uring_queue_init(ENTRIES, ring, flags[i] | IORING_SETUP_R_DISABLED);
	return r;
}

int block_uring_new(struct block_engine **out, struct block_file *file, struct block_claim *claim)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int r;

	if (!uring)
		return -ENOMEM;
	r = make_ring(&uring->ring);
	if (r < 0) {
		free(uring);
		return r;
	}
	uring->engine = (struct block_engine){"io_uring", uring_submit, uring_detach};
	uring->claim = claim;
	uring->file = file;
	uring->waiting_tail = &uring->waiting;
	uring->hook.run = on_round_end;
	bounce_init(&uring->pool);
	uring->event = event_new(loop_base(claim->loop), uring->ring.ring_fd, EV_READ | EV_PERSIST, on_ring, uring);
	r = uring->event ? io_uring_register_files(&uring->ring, &file->fd, 1) : -ENOMEM;
	if (r < 0) {
		uring_free(uring);
		return r;
	}
	*out = &uring->engine;
	return 0;
}
