/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c - requests on their way: over which connection, and what becomes of them when it is lost.
 *
 * What the socket says moves them on. When a connection is lost its requests are sent again, in their order, through
 * another one: reads, writes, zeroes and trims may be carried out twice. Until there is one they wait.
 */
#include <errno.h>

#include "nbd.h"

enum { TIMER_GIVE_UP, TIMER_RETRY };

/* What is kept in a request. */
struct pending {
	struct mortise_block_request *previous, *next;
	struct connection *connection; /* NULL: it waits for one */
	uint64_t give_up;	       /* ns of the clock; 0: it was never left without a connection */
};

static struct pending *pending_of(struct mortise_block_request *request)
{
	return mortise_block_scratch(request);
}

static void complete(struct nbd *nbd, struct mortise_block_request *request, int result)
{
	nbd->services->complete(nbd->medium, request, result);
}

static uint64_t now(const struct nbd *nbd)
{
	return nbd->services->clock_ns();
}

/* --- connections and what is in flight on them --- */

static void append(struct connection *connection, struct mortise_block_request *request)
{
	struct pending *pending = pending_of(request);

	pending->connection = connection;
	pending->next = NULL;
	pending->previous = connection->last;
	if (connection->last)
		pending_of(connection->last)->next = request;
	else
		connection->first = request;
	connection->last = request;
	connection->in_flight++;
}

static void remove_from(struct connection *connection, struct mortise_block_request *request)
{
	struct pending *pending = pending_of(request);

	if (pending->previous)
		pending_of(pending->previous)->next = pending->next;
	else
		connection->first = pending->next;
	if (pending->next)
		pending_of(pending->next)->previous = pending->previous;
	else
		connection->last = pending->previous;
	connection->in_flight--;
}

/* The one with the least to do; NULL: none is up. */
static struct connection *choose(struct nbd *nbd)
{
	struct connection *best = NULL;

	for (unsigned i = 0; i < nbd->connections; i++) {
		struct connection *each = &nbd->connection[i];

		if (each->handle && !each->broken && (!best || each->in_flight < best->in_flight))
			best = each;
	}
	return best;
}

static void watch(struct connection *connection)
{
	const unsigned direction = nbd_aio_get_direction(connection->handle);
	const uint32_t events = (direction & LIBNBD_AIO_DIRECTION_READ ? MORTISE_WATCH_READ : 0) |
				(direction & LIBNBD_AIO_DIRECTION_WRITE ? MORTISE_WATCH_WRITE : 0);

	if (events == connection->events)
		return;
	if (connection->nbd->services->watch(connection->nbd->medium, connection->fd, events, connection) < 0)
		connection->broken = true;
	connection->events = events;
}

void requests_connect(struct nbd *nbd)
{
	if (nbd->connecting)
		return;
	nbd->wanted = 0;
	for (unsigned i = 0; i < nbd->connections; i++)
		nbd->wanted += !nbd->connection[i].handle;
	if (!nbd->export.multi_conn)
		nbd->wanted = !choose(nbd);
	if (!nbd->wanted)
		return;
	nbd->connecting = true;
	nbd->services->timer_set(nbd->medium, TIMER_RETRY, 0);
	nbd->services->start_work(nbd->medium);
}

/* Not at once: servers that are no good are not to keep anybody busy. */
void requests_retry(struct nbd *nbd)
{
	nbd->services->timer_set(nbd->medium, TIMER_RETRY, now(nbd) + nbd->retry_delay);
	nbd->retry_delay = nbd->retry_delay < RETRY_LAST ? 2 * nbd->retry_delay : RETRY_LAST;
}

/* --- requests that wait for a connection --- */

/* Fails those that have waited long enough. */
static void give_up(struct nbd *nbd)
{
	struct mortise_block_request *request = nbd->waiting, *next;
	const uint64_t time = now(nbd);
	uint64_t earliest = 0;

	nbd->waiting = nbd->waiting_last = NULL;
	for (; request; request = next) {
		struct pending *pending = pending_of(request);

		next = pending->next;
		if (pending->give_up <= time) {
			complete(nbd, request, -EIO);
			continue;
		}
		earliest = earliest && earliest < pending->give_up ? earliest : pending->give_up;
		pending->next = NULL;
		if (nbd->waiting_last)
			pending_of(nbd->waiting_last)->next = request;
		else
			nbd->waiting = request;
		nbd->waiting_last = request;
	}
	nbd->services->timer_set(nbd->medium, TIMER_GIVE_UP, earliest);
}

static void wait_for_server(struct nbd *nbd, struct mortise_block_request *request)
{
	struct pending *pending = pending_of(request);

	if (!pending->give_up)
		pending->give_up = nbd->give_up;
	pending->connection = NULL;
	pending->next = NULL;
	if (nbd->waiting_last)
		pending_of(nbd->waiting_last)->next = request;
	else
		nbd->waiting = request;
	nbd->waiting_last = request;
}

/* Sets when requests have to end that no connection takes. Once for each time that there is none. */
static void set_give_up(struct nbd *nbd)
{
	if (!nbd->give_up)
		nbd->give_up = now(nbd) + nbd->reconnect_delay * SECOND;
}

/* Its requests, which came earlier, go in front of those that wait. */
static void lose(struct connection *connection)
{
	struct nbd *nbd = connection->nbd;
	struct mortise_block_request *later = nbd->waiting, *next;

	nbd->services->log(nbd->medium, MORTISE_LOG_WARNING,
			   "lost a connection to the server, with %u requests in flight", connection->in_flight);
	if (connection->events)
		nbd->services->watch(nbd->medium, connection->fd, 0, NULL);
	nbd_close(connection->handle);
	connection->handle = NULL;
	set_give_up(nbd);
	nbd->waiting = nbd->waiting_last = NULL;
	for (struct mortise_block_request *request = connection->first; request; request = next) {
		next = pending_of(request)->next;
		wait_for_server(nbd, request);
	}
	for (; later; later = next) {
		next = pending_of(later)->next;
		wait_for_server(nbd, later);
	}
	connection->first = connection->last = NULL;
	connection->in_flight = 0;
	if (nbd->retry_delay == RETRY_FIRST)
		requests_connect(nbd);
	else
		requests_retry(nbd);
	requests_send(nbd);
}

/* After every call that may have moved the handle on. */
void requests_settle(struct connection *connection)
{
	if (!connection->handle)
		return;
	if (!connection->broken && nbd_aio_is_dead(connection->handle) != 1 &&
	    nbd_aio_is_closed(connection->handle) != 1)
		watch(connection);
	else
		connection->broken = true;
	if (connection->broken)
		lose(connection);
}

/* --- sending --- */

/* libnbd has an answer, or none to expect any more. It must not be called from here. */
static int on_done(void *opaque, int *error)
{
	struct mortise_block_request *request = opaque;
	struct connection *connection = pending_of(request)->connection;

	if (*error == ENOTCONN || *error == ESHUTDOWN || *error == EPROTO) {
		connection->broken = true; /* lose() finds the request where it is */
		return 1;
	}
	if (!*error)
		connection->nbd->retry_delay = RETRY_FIRST;
	remove_from(connection, request);
	complete(connection->nbd, request, -*error);
	return 1;
}

static int64_t issue(struct connection *connection, struct mortise_block_request *request)
{
	const struct export *export = &connection->nbd->export;
	const nbd_completion_callback done = {.callback = on_done, .user_data = request};
	const uint32_t fua = export->fua && !export->flush ? LIBNBD_CMD_FLAG_FUA : 0;

	switch (request->op) {
	case MORTISE_BLOCK_READ:
		return nbd_aio_pread(connection->handle, request->iov->iov_base, request->length, request->offset, done,
				     0);
	case MORTISE_BLOCK_WRITE:
		return nbd_aio_pwrite(connection->handle, request->iov->iov_base, request->length, request->offset,
				      done, fua);
	case MORTISE_BLOCK_FLUSH:
		return nbd_aio_flush(connection->handle, done, 0);
	case MORTISE_BLOCK_DISCARD_OP:
		return nbd_aio_trim(connection->handle, request->length, request->offset, done, fua);
	default:
		return nbd_aio_zero(connection->handle, request->length, request->offset, done,
				    fua | (request->flags & MORTISE_BLOCK_UNMAP ? 0 : LIBNBD_CMD_FLAG_NO_HOLE));
	}
}

static void send_request(struct connection *connection, struct mortise_block_request *request)
{
	append(connection, request);
	if (issue(connection, request) >= 0)
		return;
	/* It was not taken, and on_done() is not called. */
	if (nbd_aio_is_ready(connection->handle) == 1 || nbd_aio_is_processing(connection->handle) == 1) {
		const int code = nbd_get_errno();

		remove_from(connection, request);
		complete(connection->nbd, request, code ? -code : -EIO);
	} else {
		connection->broken = true;
	}
}

void requests_send(struct nbd *nbd)
{
	struct connection *connection;

	while (nbd->waiting && (connection = choose(nbd))) {
		struct mortise_block_request *request = nbd->waiting;

		nbd->waiting = pending_of(request)->next;
		if (!nbd->waiting)
			nbd->waiting_last = NULL;
		send_request(connection, request);
		requests_settle(connection);
	}
	if (choose(nbd))
		nbd->give_up = 0;
	give_up(nbd);
}

void requests_submit(void *self, struct mortise_block_request *request)
{
	struct nbd *nbd = self;
	struct connection *connection = choose(nbd);

	*pending_of(request) = (struct pending){0};
	if (request->op == MORTISE_BLOCK_FLUSH && !nbd->export.flush) {
		complete(nbd, request, 0); /* what was written is on stable storage already */
	} else if (connection && !nbd->waiting) {
		send_request(connection, request);
		requests_settle(connection);
	} else {
		set_give_up(nbd);
		wait_for_server(nbd, request);
		give_up(nbd);
	}
}

void requests_fd_ready(void *self, int fd, uint32_t events, void *opaque)
{
	struct connection *connection = opaque;
	const unsigned direction = nbd_aio_get_direction(connection->handle);

	if (events & MORTISE_WATCH_READ && direction & LIBNBD_AIO_DIRECTION_READ)
		nbd_aio_notify_read(connection->handle);
	else if (events & MORTISE_WATCH_WRITE && direction & LIBNBD_AIO_DIRECTION_WRITE)
		nbd_aio_notify_write(connection->handle);
	requests_settle(connection);
}

void requests_timer(void *self, uint32_t id)
{
	if (id == TIMER_GIVE_UP)
		give_up(self);
	else
		requests_connect(self);
}

void requests_cancel(void *self)
{
	struct nbd *nbd = self;

	nbd->give_up = 1; /* long ago */
	for (struct mortise_block_request *request = nbd->waiting; request; request = pending_of(request)->next)
		pending_of(request)->give_up = 1;
	for (unsigned i = 0; i < nbd->connections; i++) {
		struct connection *connection = &nbd->connection[i];

		if (!connection->handle || !connection->in_flight)
			continue;
		for (struct mortise_block_request *each = connection->first; each; each = pending_of(each)->next)
			pending_of(each)->give_up = 1;
		connection->broken = true;
	}
	for (unsigned i = 0; i < nbd->connections; i++)
		requests_settle(&nbd->connection[i]);
	give_up(nbd);
}
