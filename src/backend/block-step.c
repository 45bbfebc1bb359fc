/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-step.c - requests as sequences of system calls.
 */
#include "backend/block-step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>

#include "base/log.h"

#define RETRIES_MAX 64
#define ALLOCATE_MAX (UINT64_C(256) << 20) /* bytes freed or zeroed in one call, which holds the file's lock */
#define ZEROES_SIZE (64 * 1024)
#define ZEROES_COUNT 16

/* How WRITE_ZEROES is tried, in this order. */
enum { ZERO_BY_PUNCHING, ZERO_BY_RANGE, ZERO_BY_WRITING };

static const char zeroes[ZEROES_SIZE] __attribute__((aligned(4096)));
#define ZEROES_8                                                                                             \
	{(void *)zeroes, ZEROES_SIZE}, {(void *)zeroes, ZEROES_SIZE}, {(void *)zeroes, ZEROES_SIZE},         \
		{(void *)zeroes, ZEROES_SIZE}, {(void *)zeroes, ZEROES_SIZE}, {(void *)zeroes, ZEROES_SIZE}, \
		{(void *)zeroes, ZEROES_SIZE},                                                               \
	{                                                                                                    \
		(void *)zeroes, ZEROES_SIZE                                                                  \
	}
static const struct iovec zero_iov[ZEROES_COUNT] = {ZEROES_8, ZEROES_8};

static bool is_aligned(const struct block_file *file, const struct mortise_block_request *request)
{
	uintptr_t address = 0;
	size_t length = 0;

	if (file->memory_align == 1)
		return true;
	for (uint32_t i = 0; i < request->iov_count; i++) {
		address |= (uintptr_t)request->iov[i].iov_base;
		length |= request->iov[i].iov_len;
	}
	return !(address & (file->memory_align - 1)) && !(length & (file->length_align - 1));
}

/* Copies between the buffer and the request's memory from byte `at` of the request on. */
static void copy_bounce(const struct mortise_block_request *request, uint64_t at, char *bounce, size_t length,
			bool to_request)
{
	for (uint32_t i = 0; i < request->iov_count && length; i++) {
		const struct iovec *iov = &request->iov[i];
		size_t part;

		if (at >= iov->iov_len) {
			at -= iov->iov_len;
			continue;
		}
		part = MIN(iov->iov_len - at, length);
		if (to_request)
			memcpy((char *)iov->iov_base + at, bounce, part);
		else
			memcpy(bounce, (char *)iov->iov_base + at, part);
		bounce += part;
		length -= part;
		at = 0;
	}
}

static enum step_answer next_bounce(struct bounce_pool *pool, struct mortise_block_request *request, struct step *out,
				    int *result)
{
	struct step_state *state = step_state(request);

	if (!state->bounce) {
		*result = bounce_get(pool, &state->bounce);
		if (*result < 0)
			return *result == -EAGAIN ? STEP_WAIT : STEP_OVER;
	}
	state->in_bounce = (uint32_t)MIN(BOUNCE_SIZE, request->length - state->done);
	if (request->op == MORTISE_BLOCK_WRITE)
		copy_bounce(request, state->done, state->bounce, state->in_bounce, false);
	out->one = (struct iovec){state->bounce, state->in_bounce};
	out->length = state->in_bounce;
	return STEP_READY;
}

/* What is left of the iovecs: from an iovec's start as many as there are, else the rest of that one alone. */
static void next_iovecs(struct mortise_block_request *request, struct step *out)
{
	uint64_t skip = step_state(request)->done;
	uint32_t i = 0;

	while (skip && skip >= request->iov[i].iov_len)
		skip -= request->iov[i++].iov_len;
	if (!skip && request->iov_count - i > 1) {
		out->iov = &request->iov[i];
		out->count = request->iov_count - i;
		return;
	}
	out->one = (struct iovec){(char *)request->iov[i].iov_base + skip, request->iov[i].iov_len - skip};
	out->length = out->one.iov_len;
}

static void next_allocate(struct step *out, int mode)
{
	out->call = STEP_ALLOCATE;
	out->mode = mode | FALLOC_FL_KEEP_SIZE;
	out->length = MIN(out->length, ALLOCATE_MAX);
}

static void next_zeroes(const struct block_file *file, struct mortise_block_request *request, struct step *out)
{
	struct step_state *state = step_state(request);
	const bool may_punch = request->flags & MORTISE_BLOCK_UNMAP && file->may_punch;

	if (state->phase == ZERO_BY_PUNCHING &&
	    (!may_punch || atomic_load_explicit(&file->no_punch, memory_order_relaxed)))
		state->phase = ZERO_BY_RANGE;
	if (state->phase == ZERO_BY_RANGE && atomic_load_explicit(&file->no_zero, memory_order_relaxed))
		state->phase = ZERO_BY_WRITING;
	switch (state->phase) {
	case ZERO_BY_PUNCHING:
		next_allocate(out, FALLOC_FL_PUNCH_HOLE);
		break;
	case ZERO_BY_RANGE:
		next_allocate(out, FALLOC_FL_ZERO_RANGE);
		break;
	default:
		out->call = STEP_WRITE;
		if (out->length >= sizeof(zeroes)) {
			out->iov = zero_iov;
			out->count = (unsigned)MIN(out->length / sizeof(zeroes), ZEROES_COUNT);
			out->length = out->count * sizeof(zeroes);
		} else {
			out->one = (struct iovec){(void *)zeroes, out->length};
		}
	}
}

enum step_answer step_next(struct block_file *file, struct bounce_pool *pool, struct mortise_block_request *request,
			   struct step *out, int *result)
{
	struct step_state *state = step_state(request);

	*out = (struct step){.offset = request->offset + state->done, .length = request->length - state->done};
	switch (request->op) {
	case MORTISE_BLOCK_READ:
	case MORTISE_BLOCK_WRITE:
		out->call = request->op == MORTISE_BLOCK_READ ? STEP_READ : STEP_WRITE;
		if (!is_aligned(file, request))
			return next_bounce(pool, request, out, result);
		next_iovecs(request, out);
		return STEP_READY;
	case MORTISE_BLOCK_FLUSH:
		/* The kernel reports lost data once; until the file is opened anew nobody may believe that it is safe.
		 */
		*result = atomic_load_explicit(&file->sync_failed, memory_order_relaxed);
		out->call = STEP_SYNC;
		return *result ? STEP_OVER : STEP_READY;
	case MORTISE_BLOCK_DISCARD_OP:
		*result = 0;
		next_allocate(out, FALLOC_FL_PUNCH_HOLE);
		return atomic_load_explicit(&file->no_punch, memory_order_relaxed) ? STEP_OVER : STEP_READY;
	default: /* WRITE_ZEROES: block_submit() lets nothing else through */
		next_zeroes(file, request, out);
		return STEP_READY;
	}
}

static bool unsupported(long answer)
{
	return answer == -EOPNOTSUPP || answer == -ENOSYS || answer == -ENODEV || answer == -ENOTTY;
}

static bool fallback(struct block_file *file, struct mortise_block_request *request, int *result)
{
	struct step_state *state = step_state(request);

	if (request->op == MORTISE_BLOCK_DISCARD_OP) { /* only a hint */
		if (!atomic_exchange(&file->no_punch, true))
			log_info("%s: freeing space is not supported; discards are ignored", file->path);
		*result = 0;
		return false;
	}
	if (state->phase == ZERO_BY_PUNCHING)
		atomic_store(&file->no_punch, true);
	else
		atomic_store(&file->no_zero, true);
	return true;
}

static bool advance(struct mortise_block_request *request, uint64_t bytes, int *result)
{
	struct step_state *state = step_state(request);

	if (state->bounce && request->op == MORTISE_BLOCK_READ)
		copy_bounce(request, state->done, state->bounce, MIN(bytes, state->in_bounce), true);
	state->done += bytes;
	state->retries = 0;
	*result = 0;
	return state->done < request->length;
}

static void lost_data(struct block_file *file, int answer)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&file->sync_failed, &none, answer))
		log_error("%s: data could not be written back (%s); flushes fail from now on", file->path,
			  strerror(-answer));
}

static bool digest(struct block_file *file, struct mortise_block_request *request, long answer, int *result)
{
	struct step_state *state = step_state(request);
	const bool data = request->op == MORTISE_BLOCK_READ || request->op == MORTISE_BLOCK_WRITE ||
			  (request->op == MORTISE_BLOCK_WRITE_ZEROES_OP && state->phase == ZERO_BY_WRITING);

	*result = (int)answer;
	if ((answer == -EINTR || answer == -EAGAIN) && state->retries++ < RETRIES_MAX)
		return true;
	if (answer < 0 && !data && request->op != MORTISE_BLOCK_FLUSH && unsupported(answer))
		return fallback(file, request, result);
	if (answer < 0) {
		if (request->op == MORTISE_BLOCK_FLUSH && file->memory_align == 1)
			lost_data(file, (int)answer);
		return false;
	}
	if (request->op == MORTISE_BLOCK_FLUSH)
		return false;
	if (!data)
		return advance(request, MIN(request->length - state->done, ALLOCATE_MAX), result);

	/* 0 bytes: the file has been cut off below the node's size. An odd rest could not be read with O_DIRECT. */
	if (answer == 0 || (uint64_t)answer & (file->length_align - 1)) {
		*result = -EIO;
		return false;
	}
	return advance(request, (uint64_t)answer, result);
}

bool step_done(struct block_file *file, struct bounce_pool *pool, struct mortise_block_request *request, long answer,
	       int *result)
{
	struct step_state *state = step_state(request);
	bool more = digest(file, request, answer, result);

	if (!more && state->bounce) {
		bounce_put(pool, state->bounce);
		state->bounce = NULL;
	}
	return more;
}

long step_perform(const struct block_file *file, const struct step *step)
{
	const struct iovec *iov = step->iov ? step->iov : &step->one;
	const int count = step->iov ? (int)step->count : 1;
	const off_t offset = (off_t)step->offset;
	long r = -1;

	switch (step->call) {
	case STEP_READ:
		r = preadv(file->fd, iov, count, offset);
		break;
	case STEP_WRITE:
		r = pwritev(file->fd, iov, count, offset);
		break;
	case STEP_SYNC:
		r = fdatasync(file->fd);
		break;
	case STEP_ALLOCATE:
		r = fallocate(file->fd, step->mode, offset, (off_t)step->length);
		break;
	}
	return r < 0 ? -errno : r;
}
