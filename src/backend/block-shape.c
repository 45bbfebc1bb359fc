/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-shape.c - requests in pieces: too long, scattered, or not in whole blocks.
 */
#include "backend/block-shape.h"

#include <errno.h>
#include <string.h>

/* A request on its way, one piece at a time. */
struct shaped {
	struct block_claim *claim;
	struct mortise_block_request *request; /* the device's */
	struct mortise_block_request part;     /* what the engine has of it */
	struct iovec iov;		       /* of `part` */
	void *buffer;			       /* of the claim's pool; NULL: none yet */
	uint64_t done;			       /* bytes of the request that are behind us */
	uint64_t start, end;		       /* the piece, in bytes of the node */
	bool reading;			       /* the blocks that a write covers in part */
	struct shaped *next;		       /* of those who wait for a buffer */
};

static const struct block_medium *medium_of(const struct block_claim *claim)
{
	return block_medium_of(claim->node);
}

static uint32_t block_of(const struct block_claim *claim)
{
	return medium_of(claim)->limits.logical;
}

void shape_set_blocks(struct block_claim *claim)
{
	claim->shape.ordered = block_of(claim) > BLOCK_SECTOR;
}

void shape_init(struct block_claim *claim)
{
	struct block_shape *shape = &claim->shape;

	bounce_init(&shape->pool);
	shape->for_buffer_tail = &shape->for_buffer;
	shape->held_tail = &shape->held;
	shape_set_blocks(claim);
}

void shape_done(struct block_claim *claim)
{
	bounce_destroy(&claim->shape.pool);
}

/* --- what an engine takes --- */

static bool in_blocks(const struct block_claim *claim, uint64_t offset, uint64_t length)
{
	return !((offset | length) & (block_of(claim) - 1));
}

static bool fits(const struct block_claim *claim, const struct mortise_block_request *request)
{
	const struct block_medium *medium = medium_of(claim);

	switch (request->op) {
	case MORTISE_BLOCK_READ:
	case MORTISE_BLOCK_WRITE:
		return request->length <= medium->limits.max_transfer &&
		       request->iov_count <= medium->limits.max_segments &&
		       in_blocks(claim, request->offset, request->length);
	case MORTISE_BLOCK_DISCARD_OP:
	case MORTISE_BLOCK_WRITE_ZEROES_OP:
		return request->length <= medium->limits.max_discard &&
		       (request->op == MORTISE_BLOCK_DISCARD_OP || medium->limits.write_zeroes) &&
		       in_blocks(claim, request->offset, request->length);
	default:
		return true;
	}
}

/* --- buffers --- */

/* Copies between the piece's part of the request's memory and the buffer. Zeroes are written from nowhere. */
static void copy(struct shaped *shaped, uint64_t length, bool to_request)
{
	const struct mortise_block_request *request = shaped->request;
	char *buffer = (char *)shaped->buffer + (request->offset + shaped->done - shaped->start);
	uint64_t skip = shaped->done;

	if (request->op == MORTISE_BLOCK_WRITE_ZEROES_OP) {
		memset(buffer, 0, length);
		return;
	}
	for (const struct iovec *iov = request->iov; length; iov++) {
		uint64_t part;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		part = MIN(iov->iov_len - skip, length);
		if (to_request)
			memcpy((char *)iov->iov_base + skip, buffer, part);
		else
			memcpy(buffer, (char *)iov->iov_base + skip, part);
		buffer += part;
		length -= part;
		skip = 0;
	}
}

static void next_piece(struct shaped *shaped);

static void give_buffer_back(struct shaped *shaped)
{
	struct block_shape *shape = &shaped->claim->shape;
	struct shaped *next = shape->for_buffer;

	if (!shaped->buffer)
		return;
	bounce_put(&shape->pool, steal_ptr(&shaped->buffer));
	if (!next)
		return;
	shape->for_buffer = next->next;
	if (!shape->for_buffer)
		shape->for_buffer_tail = &shape->for_buffer;
	next_piece(next);
}

/* 0; -EAGAIN: next_piece() is called when there is one; -ENOMEM. */
static int take_buffer(struct shaped *shaped)
{
	struct block_shape *shape = &shaped->claim->shape;
	int r = shaped->buffer ? 0 : bounce_get(&shape->pool, &shaped->buffer);

	if (r == -EAGAIN) {
		shaped->next = NULL;
		*shape->for_buffer_tail = shaped;
		shape->for_buffer_tail = &shaped->next;
	}
	return r;
}

/* --- pieces --- */

static void end(struct shaped *shaped, int result)
{
	struct block_claim *claim = shaped->claim;
	struct mortise_block_request *request = shaped->request;

	give_buffer_back(shaped);
	free(shaped);
	block_complete_later(claim, request, result);
}

static void part_done(struct mortise_block_request *part, int result)
{
	struct shaped *shaped = container_of(part, struct shaped, part);
	struct mortise_block_request *request = shaped->request;
	const uint64_t at = request->offset + shaped->done;
	const uint64_t covered = MIN(shaped->end, request->offset + request->length) - at;

	if (result < 0) {
		end(shaped, result);
		return;
	}
	if (shaped->reading) {
		shaped->reading = false;
		copy(shaped, covered, false);
		part->op = MORTISE_BLOCK_WRITE;
		*block_request_state(part) = (struct block_request_state){0};
		shaped->claim->engine->submit(shaped->claim->engine, part);
		return;
	}
	if (request->op == MORTISE_BLOCK_READ && shaped->buffer)
		copy(shaped, covered, true);
	shaped->done += covered;
	if (shaped->done == request->length)
		end(shaped, 0);
	else
		next_piece(shaped);
}

static void submit_part(struct shaped *shaped, uint32_t op)
{
	const uint64_t length = shaped->end - shaped->start;
	const bool data = op == MORTISE_BLOCK_READ || op == MORTISE_BLOCK_WRITE;

	if (data && shaped->buffer)
		shaped->iov = (struct iovec){shaped->buffer, length};
	shaped->part = (struct mortise_block_request){.done = part_done,
						      .op = op,
						      .flags = data ? 0 : shaped->request->flags,
						      .offset = shaped->start,
						      .length = length,
						      .iov = data ? &shaped->iov : NULL,
						      .iov_count = data};
	shaped->claim->engine->submit(shaped->claim->engine, &shaped->part);
}

/* Data through the buffer: whole blocks, of which the first and the last may be the request's in part. */
static void next_through_buffer(struct shaped *shaped, uint64_t at, uint64_t left)
{
	struct block_claim *claim = shaped->claim;
	const uint64_t block = block_of(claim), most = MIN(medium_of(claim)->limits.max_transfer, BOUNCE_SIZE);
	int r = take_buffer(shaped);

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		end(shaped, r);
		return;
	}
	shaped->start = at - at % block;
	shaped->end = MIN(at + left, shaped->start + most - most % block);
	shaped->reading = shaped->request->op != MORTISE_BLOCK_READ && !in_blocks(claim, at, shaped->end - at);
	if (!shaped->reading && shaped->request->op != MORTISE_BLOCK_READ)
		copy(shaped, shaped->end - at, false);
	shaped->end += (block - shaped->end % block) % block;
	submit_part(shaped, shaped->reading || shaped->request->op == MORTISE_BLOCK_READ ? MORTISE_BLOCK_READ
											 : MORTISE_BLOCK_WRITE);
}

/* Discards and zeroes: whole blocks by the engine; of a block in part nothing is discarded, and zeroes are written. */
static void next_without_data(struct shaped *shaped, uint64_t at, uint64_t left)
{
	const struct block_medium *medium = medium_of(shaped->claim);
	const uint64_t block = block_of(shaped->claim), in_front = at % block ? MIN(left, block - at % block) : 0;
	const uint64_t whole = in_front ? 0 : MIN(left, medium->limits.max_discard) / block * block;
	const bool zeroes = shaped->request->op == MORTISE_BLOCK_WRITE_ZEROES_OP;

	if (whole && (!zeroes || medium->limits.write_zeroes)) {
		shaped->start = at;
		shaped->end = at + whole;
		submit_part(shaped, shaped->request->op);
	} else if (zeroes) {
		next_through_buffer(shaped, at, medium->limits.write_zeroes && in_front ? in_front : left);
	} else {
		shaped->done += in_front ? in_front : left;
		if (shaped->done == shaped->request->length)
			end(shaped, 0);
		else
			next_piece(shaped);
	}
}

static void next_piece(struct shaped *shaped)
{
	const struct mortise_block_request *request = shaped->request;
	const uint64_t at = request->offset + shaped->done, left = request->length - shaped->done;
	const uint64_t block = block_of(shaped->claim);
	const bool data = request->op == MORTISE_BLOCK_READ || request->op == MORTISE_BLOCK_WRITE;

	if (!data) {
		next_without_data(shaped, at, left);
	} else if (request->iov_count == 1 && in_blocks(shaped->claim, at, left)) {
		const uint64_t most = medium_of(shaped->claim)->limits.max_transfer / block * block;

		shaped->start = at;
		shaped->end = at + MIN(left, most);
		shaped->iov = (struct iovec){(char *)request->iov->iov_base + shaped->done, shaped->end - at};
		submit_part(shaped, request->op);
	} else {
		next_through_buffer(shaped, at, left);
	}
}

static void submit_now(struct block_claim *claim, struct mortise_block_request *request)
{
	struct shaped *shaped;

	if (fits(claim, request)) {
		claim->engine->submit(claim->engine, request);
		return;
	}
	shaped = calloc(1, sizeof(*shaped));
	if (!shaped) {
		block_complete_later(claim, request, -ENOMEM);
		return;
	}
	shaped->claim = claim;
	shaped->request = request;
	next_piece(shaped);
}

/* --- the order of writes, where blocks are larger than sectors --- */

static bool is_write(const struct mortise_block_request *request)
{
	return request->op != MORTISE_BLOCK_READ && request->op != MORTISE_BLOCK_FLUSH;
}

static bool is_partial(const struct block_claim *claim, const struct mortise_block_request *request)
{
	return request->op != MORTISE_BLOCK_DISCARD_OP && !in_blocks(claim, request->offset, request->length);
}

/* Whether a write may go now; it counts from then on. */
static bool may_write(struct block_claim *claim, struct mortise_block_request *request)
{
	struct block_shape *shape = &claim->shape;
	const bool partial = is_partial(claim, request);

	if (shape->exclusive || (partial && shape->writing))
		return false;
	if (partial)
		shape->exclusive = true;
	else
		shape->writing++;
	block_request_state(request)->ordered = 1;
	return true;
}

void shape_ended(struct block_claim *claim)
{
	struct block_shape *shape = &claim->shape;
	struct mortise_block_request *next;

	if (shape->exclusive)
		shape->exclusive = false;
	else
		shape->writing--;
	while ((next = shape->held) && may_write(claim, next)) {
		shape->held = block_request_state(next)->next;
		if (!shape->held)
			shape->held_tail = &shape->held;
		submit_now(claim, next);
	}
}

void shape_submit(struct block_claim *claim, struct mortise_block_request *request)
{
	struct block_shape *shape = &claim->shape;

	if (!shape->ordered || !is_write(request)) {
		submit_now(claim, request);
	} else if (!shape->held && may_write(claim, request)) {
		submit_now(claim, request);
	} else {
		struct block_request_state *state = block_request_state(request);

		state->next = NULL;
		*shape->held_tail = request;
		shape->held_tail = &state->next;
	}
}
