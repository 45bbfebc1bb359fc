/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/char-claim.c - a chardev in a device's hands: who connects and leaves, reading, writing, waiting.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/char-node.h"
#include "base/log.h"
#include "base/util.h"

static bool enter(struct char_claim *claim)
{
	pthread_mutex_lock(&claim->lock);
	if (!claim->released)
		return true;
	pthread_mutex_unlock(&claim->lock);
	return false;
}

static void leave(struct char_claim *claim)
{
	pthread_mutex_unlock(&claim->lock);
}

static struct event *event_free_null(struct event *event)
{
	if (event)
		event_free(event);
	return NULL;
}

/* Tells the device later, not from inside its own call. */
static void tell_later(struct char_claim *claim, uint32_t events)
{
	claim->news |= events;
	if (!claim->telling)
		loop_post(claim->loop, &claim->tell);
	claim->telling = true;
}

static void tell(struct char_claim *claim, uint32_t events)
{
	if (!claim->ready(claim->opaque, claim->chardev, events) && claim->connection)
		event_del(claim->connection); /* until char_poll() */
}

/* --- the peer --- */

static void watch_connection(struct char_claim *claim);

static void on_redial(evutil_socket_t fd, short what, void *opaque)
{
	struct char_claim *claim = opaque;

	if (!enter(claim))
		return;
	if (claim->chardev->fd < 0 && !claim->dialled) {
		const int r = char_dial(claim->chardev, NULL);

		watch_connection(claim);
		if (r == 0)
			tell(claim, MORTISE_CHAR_PEER);
	}
	leave(claim);
}

/* A client without a server tries again, unless its device connects by itself. */
static void redial_later(struct char_claim *claim)
{
	const unsigned wait = claim->chardev->reconnect_ms;
	const struct timeval later = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};

	if (!wait || claim->dialled)
		return;
	if (!claim->redial)
		claim->redial = evtimer_new(loop_base(claim->loop), on_redial, claim);
	if (!claim->redial || (!evtimer_pending(claim->redial, NULL) && evtimer_add(claim->redial, &later) < 0))
		log_error("chardev '%s': out of memory: it does not connect again", claim->chardev->id);
}

/* One peer at a time: the next waits in the kernel's queue. */
static void peer_left(struct char_claim *claim)
{
	struct mortise_chardev *chardev = claim->chardev;

	claim->connection = event_free_null(claim->connection);
	close(chardev->fd);
	chardev->fd = -1;
	claim->half_closed = false;
	if (claim->listening)
		event_add(claim->listening, NULL);
	redial_later(claim);
	tell_later(claim, MORTISE_CHAR_PEER);
}

static void on_connect(evutil_socket_t fd, short what, void *opaque)
{
	struct char_claim *claim = opaque;
	int peer;

	if (!enter(claim))
		return;
	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer >= 0) {
		event_del(claim->listening);
		claim->chardev->fd = peer;
		watch_connection(claim);
		tell(claim, MORTISE_CHAR_PEER);
	}
	leave(claim);
}

/* The peer sends no more. It is gone when what it sent has been read. */
static void on_half_closed(struct char_claim *claim)
{
	uint8_t byte;

	if (recv(claim->chardev->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		claim->half_closed = true;
		watch_connection(claim);
	} else {
		peer_left(claim);
	}
}

static void on_connection(evutil_socket_t fd, short what, void *opaque)
{
	struct char_claim *claim = opaque;
	uint32_t events = (what & EV_READ ? MORTISE_CHAR_READABLE : 0) | (what & EV_WRITE ? MORTISE_CHAR_WRITABLE : 0);

	if (!enter(claim))
		return;
	if (what & EV_CLOSED)
		on_half_closed(claim);
	if (events & claim->wanted && claim->connection)
		tell(claim, events & claim->wanted);
	leave(claim);
}

/* A new event for what is to be waited for now; none where there is nobody, or a file, which cannot be waited for. */
static void watch_connection(struct char_claim *claim)
{
	const struct mortise_chardev *chardev = claim->chardev;
	short what = EV_PERSIST;

	claim->connection = event_free_null(claim->connection);
	if (chardev->fd < 0)
		redial_later(claim);
	if (chardev->fd < 0 || !chardev->socket)
		return;
	if (claim->wanted & MORTISE_CHAR_READABLE)
		what |= EV_READ;
	if (claim->wanted & MORTISE_CHAR_WRITABLE)
		what |= EV_WRITE;
	if (!claim->half_closed)
		what |= EV_CLOSED;
	if (what == EV_PERSIST)
		return;
	claim->connection = event_new(loop_base(claim->loop), chardev->fd, what, on_connection, claim);
	if (!claim->connection || event_add(claim->connection, NULL) < 0)
		log_error("chardev '%s': out of memory: its device hears of nothing any more", chardev->id);
}

/* --- tasks on the claim's loop --- */

static void run_start(struct task *task)
{
	struct char_claim *claim = container_of(task, struct char_claim, start);
	struct mortise_chardev *chardev;

	if (!enter(claim))
		return;
	chardev = claim->chardev;
	if (chardev->listen_fd >= 0) {
		claim->listening =
			event_new(loop_base(claim->loop), chardev->listen_fd, EV_READ | EV_PERSIST, on_connect, claim);
		if (!claim->listening || (chardev->fd < 0 && event_add(claim->listening, NULL) < 0))
			log_error("chardev '%s': out of memory: nobody can connect", chardev->id);
	}
	watch_connection(claim);
	leave(claim);
}

static void run_tell(struct task *task)
{
	struct char_claim *claim = container_of(task, struct char_claim, tell);
	uint32_t news = claim->news;

	claim->telling = false;
	claim->news = 0;
	if (!enter(claim))
		return;
	tell(claim, news);
	leave(claim);
}

static void run_resized(struct task *task)
{
	struct char_claim *claim = container_of(task, struct char_claim, resized);

	atomic_store(&claim->resizing, false);
	if (!enter(claim))
		return;
	tell(claim, MORTISE_CHAR_SIZE);
	leave(claim);
}

static void claim_free(struct char_claim *claim)
{
	pthread_mutex_destroy(&claim->lock);
	free(claim->owner);
	free(claim);
}

/* The last thing to run on the claim's loop: what there was to tell was posted before. */
static void run_end(struct task *task)
{
	struct char_claim *claim = container_of(task, struct char_claim, end);

	event_free_null(claim->connection);
	event_free_null(claim->listening);
	event_free_null(claim->redial);
	char_put(claim->chardev);
	claim_free(claim);
}

int char_claim(struct mortise_chardev *chardev, const char *owner, struct loop *loop,
	       bool (*ready)(void *opaque, struct mortise_chardev *chardev, uint32_t events), void *opaque,
	       struct mortise_error *err)
{
	struct char_claim *claim;

	if (chardev->claim)
		return mortise_fail(err, -EBUSY, "Chardev '%s' is in use by device '%s'", chardev->id,
				    chardev->claim->owner);
	claim = calloc(1, sizeof(*claim));
	if (claim)
		claim->owner = strdup(owner);
	if (!claim || !claim->owner) {
		free(claim);
		return mortise_fail(err, -ENOMEM, "Out of memory for using chardev '%s'", chardev->id);
	}
	pthread_mutex_init(&claim->lock, NULL);
	claim->chardev = chardev;
	claim->loop = loop;
	claim->ready = ready;
	claim->opaque = opaque;
	claim->start.run = run_start;
	claim->tell.run = run_tell;
	claim->resized.run = run_resized;
	claim->end.run = run_end;
	chardev->claim = claim;
	atomic_fetch_add(&chardev->users, 1);
	loop_post(loop, &claim->start);
	return 0;
}

void char_release(struct mortise_chardev *chardev)
{
	struct char_claim *claim = chardev->claim;

	if (!claim)
		return;
	chardev->claim = NULL;
	pthread_mutex_lock(&claim->lock);
	claim->released = true;
	pthread_mutex_unlock(&claim->lock);
	loop_post(claim->loop, &claim->end);
}

void char_resize(struct mortise_chardev *chardev, uint16_t columns, uint16_t rows)
{
	struct char_claim *claim = chardev->claim;

	atomic_store(&chardev->size, (uint32_t)columns << 16 | rows);
	if (claim && !atomic_exchange(&claim->resizing, true))
		loop_post(claim->loop, &claim->resized);
}

/* --- services --- */

void char_info(struct mortise_chardev *chardev, struct mortise_char_info *info)
{
	const uint32_t room = info->struct_size;
	const uint32_t size = atomic_load(&chardev->size);
	struct mortise_char_info full = {
		.connected = chardev->fd >= 0, .columns = (uint16_t)(size >> 16), .rows = (uint16_t)size};

	full.struct_size = MIN(room, (uint32_t)sizeof(full));
	memcpy(info, &full, full.struct_size);
}

int64_t char_read(struct mortise_chardev *chardev, void *data, uint64_t room)
{
	ssize_t n;

	if (chardev->fd < 0)
		return -ENOTCONN;
	if (!chardev->socket)
		return -EAGAIN;
	if (!room)
		return 0;
	do
		n = recv(chardev->fd, data, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	peer_left(chardev->claim);
	return -ENOTCONN;
}

int64_t char_write(struct mortise_chardev *chardev, const void *data, uint64_t size)
{
	ssize_t n;

	if (chardev->fd < 0)
		return -ENOTCONN;
	do
		n = chardev->socket ? send(chardev->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
				    : write(chardev->fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		return -EAGAIN;
	if (!chardev->socket) /* a full disk, say: the guest runs on */
		return (int64_t)size;
	peer_left(chardev->claim);
	return -ENOTCONN;
}

void char_poll(struct mortise_chardev *chardev, uint32_t events)
{
	struct char_claim *claim = chardev->claim;

	claim->wanted = events & (MORTISE_CHAR_READABLE | MORTISE_CHAR_WRITABLE);
	watch_connection(claim);
	if (!chardev->socket && events & MORTISE_CHAR_WRITABLE)
		tell_later(claim, MORTISE_CHAR_WRITABLE);
}

int char_connect(struct mortise_chardev *chardev)
{
	struct char_claim *claim = chardev->claim;
	int r;

	if (!chardev->socket)
		return -ENOTSOCK;
	claim->dialled = true;
	if (chardev->listen_fd >= 0) {
		/* It was to be the server; whoever has connected meanwhile is not the one that is wanted. */
		claim->listening = event_free_null(claim->listening);
		char_unlisten(chardev);
		if (chardev->fd >= 0)
			peer_left(claim);
	}
	if (chardev->fd >= 0)
		return 0;
	r = char_dial(chardev, NULL);
	if (r == 0)
		watch_connection(claim);
	return r;
}

int char_descriptor(struct mortise_chardev *chardev)
{
	return chardev->socket && chardev->fd >= 0 ? chardev->fd : -ENOTCONN;
}
