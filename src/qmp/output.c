/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/output.c - the bounded output queue of one client.
 */
#include "qmp/output.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"

static void breakdown(struct output *output)
{
	output->broken = true;
	event_active(output->writable, EV_WRITE, 0);
}

static ssize_t send_vector(int socket, struct iovec *iov, size_t count)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t n;

	do
		n = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

static void on_writable(evutil_socket_t fd, short what, void *opaque)
{
	struct output *output = opaque;
	struct evbuffer_iovec chunks[16];
	bool was_full = output_full(output);

	while (!output->broken && !output_empty(output)) {
		int count = evbuffer_peek(output->backlog, -1, NULL, chunks, 16);
		ssize_t n = send_vector(output->socket, (struct iovec *)chunks, count < 16 ? (size_t)count : 16);

		if (n == 0)
			break;
		if (n < 0)
			output->broken = true;
		else
			evbuffer_drain(output->backlog, (size_t)n);
	}
	if (!output->broken && !output_empty(output) && event_add(output->writable, NULL) < 0)
		output->broken = true;
	if (output->broken || output_empty(output) || (was_full && !output_full(output)))
		output->changed(output->opaque);
}

int output_open(struct output *output, struct event_base *base, int socket, void (*changed)(void *), void *opaque)
{
	*output = (struct output){.socket = socket, .changed = changed, .opaque = opaque};
	output->backlog = evbuffer_new();
	output->writable = event_new(base, socket, EV_WRITE, on_writable, output);
	return output->backlog && output->writable ? 0 : -ENOMEM;
}

void output_close(struct output *output)
{
	if (output->missed)
		log_warning("A QMP client that did not read its messages missed %zu events", output->missed);
	if (output->writable)
		event_free(output->writable);
	if (output->backlog)
		evbuffer_free(output->backlog);
	*output = (struct output){.socket = -1, .broken = true};
}

void output_send(struct output *output, const char *data, size_t length)
{
	size_t sent = 0;

	if (output->broken)
		return;
	if (output_empty(output)) {
		struct iovec iov = {.iov_base = (void *)data, .iov_len = length};
		ssize_t n = send_vector(output->socket, &iov, 1);

		if (n < 0) {
			breakdown(output);
			return;
		}
		sent = (size_t)n;
	}
	if (sent == length)
		return;
	if (evbuffer_add(output->backlog, data + sent, length - sent) < 0 || event_add(output->writable, NULL) < 0)
		breakdown(output);
}

void output_send_event(struct output *output, const char *data, size_t length)
{
	if (!output->broken && evbuffer_get_length(output->backlog) + length > OUTPUT_LIMIT)
		output->missed++;
	else
		output_send(output, data, length);
}

bool output_full(const struct output *output)
{
	return !output->broken && evbuffer_get_length(output->backlog) >= OUTPUT_FULL;
}

bool output_empty(const struct output *output)
{
	return output->broken || evbuffer_get_length(output->backlog) == 0;
}
