/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/chardev.c - ends of a serial line: the terminal, a file, nothing.
 */
#include "backend/chardev.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "base/log.h"
#include "base/util.h"

#define RING_SIZE 65536 /* a power of two */
#define CTRL_A 0x01

struct chardev {
	char *spec;
	struct loop *control;
	int in, out; /* -1: none */
	bool owns_out, is_terminal;
	struct terminal_guard guard;
	struct event *readable, *writable; /* control thread */
	struct chardev_front front;	   /* control thread; front.input NULL: nobody is connected */
	bool escaped;			   /* Ctrl-a was the last key */
	bool wait_room;			   /* input is left where it is until the front end has room */

	void (*quit)(void *opaque);
	void *opaque;

	pthread_mutex_t lock; /* guards what follows */
	uint8_t *ring;
	size_t head, count;
	bool flush_posted, accept_posted;
	bool short_write; /* the front end waits for room in the ring */
	struct task flush, accept;
};

static const char help_text[] = "\r\nCtrl-a h  this help\r\n"
				"Ctrl-a x  quit\r\n"
				"Ctrl-a Ctrl-a  send Ctrl-a\r\n";

/* Writes out what the ring holds, as far as that goes without waiting. Control thread. */
static void flush_ring(struct chardev *chardev)
{
	bool tell = false;

	pthread_mutex_lock(&chardev->lock);
	chardev->flush_posted = false;
	while (chardev->count) {
		size_t run = MIN(chardev->count, RING_SIZE - chardev->head);
		ssize_t n = write(chardev->out, chardev->ring + chardev->head, run);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			event_add(chardev->writable, NULL);
			break;
		}
		if (n < 0) /* nobody reads any more, or the disk is full: the guest runs on */
			n = (ssize_t)run;
		chardev->head = (chardev->head + (size_t)n) % RING_SIZE;
		chardev->count -= (size_t)n;
	}
	if (chardev->short_write && chardev->count < RING_SIZE) {
		chardev->short_write = false;
		tell = true;
	}
	pthread_mutex_unlock(&chardev->lock);
	if (tell && chardev->front.writable)
		chardev->front.writable(chardev->front.opaque);
}

static void on_flush(struct task *task)
{
	flush_ring(container_of(task, struct chardev, flush));
}

static void on_writable(evutil_socket_t fd, short what, void *opaque)
{
	flush_ring(opaque);
}

size_t chardev_write(struct chardev *chardev, const void *data, size_t size)
{
	size_t taken;

	if (chardev->out < 0)
		return size;
	pthread_mutex_lock(&chardev->lock);
	taken = MIN(size, RING_SIZE - chardev->count);
	for (size_t done = 0; done < taken;) {
		size_t tail = (chardev->head + chardev->count) % RING_SIZE, run = MIN(taken - done, RING_SIZE - tail);

		memcpy(chardev->ring + tail, (const uint8_t *)data + done, run);
		chardev->count += run;
		done += run;
	}
	chardev->short_write = taken < size;

	/* What several writes left is written out at once, by the time the control thread gets to it. */
	if (chardev->count && !chardev->flush_posted) {
		chardev->flush_posted = true;
		loop_post(chardev->control, &chardev->flush);
	}
	pthread_mutex_unlock(&chardev->lock);
	return taken;
}

/* Takes the escape's keys out of what was typed; returns how much is left. */
static size_t take_escapes(struct chardev *chardev, uint8_t *data, size_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < size; i++) {
		if (!chardev->escaped) {
			chardev->escaped = data[i] == CTRL_A;
			if (!chardev->escaped)
				data[kept++] = data[i];
			continue;
		}
		chardev->escaped = false;
		if (data[i] == 'x')
			chardev->quit(chardev->opaque);
		else if (data[i] == 'h')
			chardev_write(chardev, help_text, sizeof(help_text) - 1);
		else if (data[i] == CTRL_A || data[i] == 'a')
			data[kept++] = CTRL_A;
	}
	return kept;
}

static void on_readable(evutil_socket_t fd, short what, void *opaque)
{
	struct chardev *chardev = opaque;
	uint8_t data[256];
	size_t room = chardev->front.room ? chardev->front.room(chardev->front.opaque) : sizeof(data);
	ssize_t n;

	/*
	 * Level-triggered: input that has no room stays where it is, and is not asked for until the front end says so.
	 * On a terminal the escape must work even then: one key is read and lost.
	 */
	if (!room && !chardev->is_terminal) {
		chardev->wait_room = true;
		event_del(chardev->readable);
		return;
	}
	n = read(fd, data, MIN(MAX(room, 1), sizeof(data)));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		event_del(chardev->readable);
		return;
	}
	if (chardev->is_terminal)
		n = (ssize_t)take_escapes(chardev, data, (size_t)n);
	if (n && chardev->front.input)
		chardev->front.input(chardev->front.opaque, data, MIN((size_t)n, room));
}

static void on_accept(struct task *task)
{
	struct chardev *chardev = container_of(task, struct chardev, accept);

	pthread_mutex_lock(&chardev->lock);
	chardev->accept_posted = false;
	pthread_mutex_unlock(&chardev->lock);
	if (chardev->wait_room && chardev->readable) {
		chardev->wait_room = false;
		event_add(chardev->readable, NULL);
	}
}

void chardev_accept_input(struct chardev *chardev)
{
	if (chardev->in < 0)
		return;
	pthread_mutex_lock(&chardev->lock);
	if (!chardev->accept_posted) {
		chardev->accept_posted = true;
		loop_post(chardev->control, &chardev->accept);
	}
	pthread_mutex_unlock(&chardev->lock);
}

void chardev_connect(struct chardev *chardev, const struct chardev_front *front)
{
	chardev->front = front ? *front : (struct chardev_front){0};
	chardev_accept_input(chardev);
}

static int open_ends(struct chardev *chardev, const char *spec, struct mortise_error *err)
{
	if (streq(spec, "none"))
		return 0;
	if (streq(spec, "stdio")) {
		chardev->in = STDIN_FILENO;
		chardev->out = STDOUT_FILENO;
		chardev->is_terminal = isatty(STDIN_FILENO);
		return terminal_take(&chardev->guard, STDIN_FILENO, STDOUT_FILENO, err);
	}
	if (str_starts(spec, "file:") && spec[strlen("file:")]) {
		const char *path = spec + strlen("file:");

		chardev->out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
		if (chardev->out < 0)
			return mortise_fail(err, -errno, "Could not open '%s' for the serial line: %s", path,
					    strerror(errno));
		chardev->owns_out = true;
		return 0;
	}
	return mortise_fail(err, -EINVAL, "Serial line '%s' is not known: use stdio, file:PATH or none", spec);
}

int chardev_open(struct chardev **out, const char *spec, struct loop *control, void (*quit)(void *opaque), void *opaque,
		 struct mortise_error *err)
{
	_cleanup_(chardev_free_p) struct chardev *chardev = calloc(1, sizeof(*chardev));
	int r;

	if (!chardev)
		return mortise_fail(err, -ENOMEM, "Out of memory for a serial line");
	pthread_mutex_init(&chardev->lock, NULL);
	chardev->in = chardev->out = -1;
	chardev->control = control;
	chardev->quit = quit;
	chardev->opaque = opaque;
	chardev->flush.run = on_flush;
	chardev->accept.run = on_accept;
	chardev->spec = strdup(spec);
	chardev->ring = malloc(RING_SIZE);
	if (!chardev->spec || !chardev->ring)
		return mortise_fail(err, -ENOMEM, "Out of memory for a serial line");
	r = open_ends(chardev, spec, err);
	if (r < 0)
		return r;
	if (chardev->out >= 0)
		chardev->writable = event_new(loop_base(control), chardev->out, EV_WRITE, on_writable, chardev);
	if (chardev->in >= 0)
		chardev->readable =
			event_new(loop_base(control), chardev->in, EV_READ | EV_PERSIST, on_readable, chardev);
	if ((chardev->out >= 0 && !chardev->writable) || (chardev->in >= 0 && !chardev->readable))
		return mortise_fail(err, -ENOMEM, "Out of memory for a serial line");

	/* A regular file or /dev/null as standard input cannot be polled: it has ended, as far as the guest is
	 * concerned. */
	if (chardev->readable && event_add(chardev->readable, NULL) < 0)
		log_info("serial line: standard input cannot be waited for and is not read");
	*out = steal_ptr(&chardev);
	return 0;
}

struct chardev *chardev_free(struct chardev *chardev)
{
	if (!chardev)
		return NULL;
	if (chardev->out >= 0 && chardev->writable)
		flush_ring(chardev);
	if (chardev->readable)
		event_free(chardev->readable);
	if (chardev->writable)
		event_free(chardev->writable);
	terminal_release(&chardev->guard);
	if (chardev->owns_out)
		close(chardev->out);
	pthread_mutex_destroy(&chardev->lock);
	free(chardev->ring);
	free(chardev->spec);
	free(chardev);
	return NULL;
}

const char *chardev_describe(const struct chardev *chardev)
{
	return chardev->spec;
}
