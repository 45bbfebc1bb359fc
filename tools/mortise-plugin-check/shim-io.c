/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim-io.c - block requests on their way: to a node of the core's that forgets what is written (null-co), which checks
 * them, and to a disk in memory, which remembers; and the calls of services that are made to fail.
 */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/block.h"
#include "base/util.h"

static uint8_t disk[DISK_SIZE];
static atomic_bool held;
static _Atomic uint64_t countdown;
static atomic_bool failed;

/* --- calls that fail --- */

void calls_fail(uint64_t nth)
{
	atomic_store(&failed, false);
	atomic_store(&countdown, nth);
}

bool calls_failed(void)
{
	return atomic_load(&failed);
}

bool call_fails(void)
{
	if (!atomic_load(&countdown) || atomic_fetch_sub(&countdown, 1) != 1)
		return false;
	atomic_store(&failed, true);
	return true;
}

/* --- requests --- */

static void transfer(const struct mortise_block_request *request)
{
	uint64_t offset = request->offset;

	if (request->op == MORTISE_BLOCK_WRITE_ZEROES_OP || request->op == MORTISE_BLOCK_DISCARD_OP)
		memset(disk + offset, 0, request->length);
	if (request->op != MORTISE_BLOCK_READ && request->op != MORTISE_BLOCK_WRITE)
		return;
	for (uint32_t i = 0; i < request->iov_count; i++) {
		const struct iovec *iov = &request->iov[i];

		if (request->op == MORTISE_BLOCK_READ)
			memcpy(iov->iov_base, disk + offset, iov->iov_len);
		else
			memcpy(disk + offset, iov->iov_base, iov->iov_len);
		offset += iov->iov_len;
	}
}

static void tell(struct io *io)
{
	struct shim *shim = io->shim;
	struct call call;

	io->request->done = io->done;
	call_begin(&call, shim, "done");
	io->done(io->request, io->result);
	call_set_inside(false);
	area_check(shim->area);
	call_end(&call);
	free(io);
}

/* What was submitted on this thread, where its done() will be called too. */
static __thread struct io *submitted;

static struct io *find(const struct mortise_block_request *request)
{
	for (struct io **at = &submitted; *at; at = &(*at)->next) {
		struct io *io = *at;

		if (io->request == request) {
			*at = io->next;
			return io;
		}
	}
	return NULL;
}

static void done(struct mortise_block_request *request, int result)
{
	struct io *io = find(request), **at;

	if (!io)
		return;
	if (result == 0)
		transfer(request);
	io->result = result;
	if (!atomic_load(&held)) {
		tell(io);
		return;
	}
	for (at = &io->shim->kept; *at; at = &(*at)->next)
		;
	io->next = NULL;
	*at = io;
}

static void done_failing(struct mortise_block_request *request, int result)
{
	done(request, result < 0 ? result : -EIO);
}

void io_submit(struct shim *shim, struct mortise_block *block, struct mortise_block_request *request)
{
	struct io *io = malloc(sizeof(*io));

	if (!io)
		phase_no_memory();
	rule_kept(RULE_ALLOWED);
	for (const struct io *other = submitted; other; other = other->next)
		if (other->request == request)
			rule_broken(RULE_ALLOWED, "block_submit() gets a request that is under way (%s)", call_words());
	if (!request->done)
		rule_broken(RULE_ALLOWED, "block_submit() gets a request without done() (%s)", call_words());
	*io = (struct io){.next = submitted, .shim = shim, .request = request, .done = request->done};
	submitted = io;
	request->done = call_fails() ? done_failing : done;
	block_submit(block, request);
}

/* --- requests that stay in flight --- */

void io_hold(void)
{
	atomic_store(&held, true);
}

static void release(struct task *task)
{
	struct shim *shim = container_of(task, struct shim, release);
	struct io *io;

	while ((io = shim->kept)) {
		shim->kept = io->next;
		tell(io);
	}
}

void io_quiesced(struct shim *shim)
{
	if (!atomic_exchange(&held, false))
		return;
	shim->release.run = release;
	loop_post(device_loop(shim->device), &shim->release);
}
