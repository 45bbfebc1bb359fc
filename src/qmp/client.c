/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/client.c - one connection: its input, its commands in their order, its answers.
 */
#include "qmp/client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "qmp/output.h"
#include "qmp/reader.h"

struct qmp_client {
	const struct client_settings *settings; /* gone once `closed` */
	int socket;
	struct event *readable;
	struct output output;
	struct reader *reader;
	char input[16 * KIB]; /* [input_at, input_end) is read and not yet parsed */
	size_t input_at, input_end;
	struct fd_batch fds; /* for the command that comes next */

	struct qmp_call *queue, **queue_tail; /* read, to be run in this order */
	unsigned queued;
	struct qmp_call *running; /* in band; the queue waits for it */
	unsigned calls;		  /* that exist */

	bool negotiated, oob;
	bool input_over; /* half-closed: what is there is still answered */
	bool working;	 /* inside work(): answers that come meanwhile just return */
	bool closed;
};

static void work(struct qmp_client *client);

static void free_if_unused(struct qmp_client *client)
{
	if (client->closed && !client->calls && !client->working)
		free(client);
}

static void drop_call(struct qmp_client *client, struct qmp_call *call)
{
	client->calls--;
	call_free(call);
}

static void shut(struct qmp_client *client)
{
	client->closed = true;
	if (client->readable)
		event_free(client->readable);
	client->readable = NULL;
	output_close(&client->output);
	if (client->socket >= 0)
		close(client->socket);
	client->socket = -1;
	client->reader = reader_free(client->reader);
	fd_batch_close(&client->fds);
	while (client->queue) {
		struct qmp_call *call = client->queue;

		client->queue = call->next;
		drop_call(client, call);
	}
}

void client_close(struct qmp_client *client)
{
	if (!client->closed)
		shut(client);
	free_if_unused(client);
}

static void push(struct qmp_client *client, struct qmp_call *call)
{
	*client->queue_tail = call;
	client->queue_tail = &call->next;
	client->queued++;
}

static struct qmp_call *pop(struct qmp_client *client)
{
	struct qmp_call *call = client->queue;

	client->queue = call->next;
	if (!client->queue)
		client->queue_tail = &client->queue;
	client->queued--;
	return call;
}

/* Makes a call of a value or, when `value` is NULL, of the reader's error. */
static void accept_input(struct qmp_client *client, cJSON *value)
{
	struct qmp_call *call = call_new(client, value);

	if (!call) {
		log_error("Out of memory for a QMP command: closing the connection");
		client->output.broken = true;
		return;
	}
	client->calls++;
	if (!value)
		call->input_error = client->reader->error;
	call->context = client->settings->context;
	call->schema = client->settings->schema;
	fd_batch_move(&call->fds, &client->fds);
	call->oob = client->oob && call_wants_oob(call);
	if (call->oob)
		call_run(call);
	else
		push(client, call);
}

static bool may_parse(const struct qmp_client *client)
{
	return client->queued < CLIENT_QUEUE_MAX && !output_full(&client->output);
}

static void parse_some(struct qmp_client *client)
{
	enum reader_result result;
	cJSON *value = NULL;
	size_t used;

	result = reader_read(client->reader, client->input + client->input_at, client->input_end - client->input_at,
			     &used, &value);
	client->input_at += used;
	if (result != READER_MORE)
		accept_input(client, value);
}

static void run_next(struct qmp_client *client)
{
	client->running = pop(client);
	call_run(client->running);
}

/* Reading pauses while there is enough to do; the kernel's buffer then holds the client up. */
static void watch_input(struct qmp_client *client)
{
	if (!client->input_over && client->input_at == client->input_end && may_parse(client))
		event_add(client->readable, NULL);
	else
		event_del(client->readable);
}

/* Does whatever can be done now. May free the client: the last thing that its callers do. */
static void work(struct qmp_client *client)
{
	if (client->working || client->closed) {
		free_if_unused(client);
		return;
	}
	client->working = true;
	for (;;) {
		if (client->closed || client->output.broken)
			break;
		if (client->queue && !client->running && !output_full(&client->output))
			run_next(client);
		else if (client->input_at < client->input_end && may_parse(client))
			parse_some(client);
		else
			break;
	}
	client->working = false;
	if (!client->closed) {
		bool idle = !client->queue && !client->running && client->input_at == client->input_end;

		if (client->output.broken || (client->input_over && idle && output_empty(&client->output))) {
			const struct client_settings *settings = client->settings;

			shut(client);
			settings->closed(settings->opaque, client);
		} else {
			watch_input(client);
		}
	}
	free_if_unused(client);
}

static void on_readable(evutil_socket_t fd, short what, void *opaque)
{
	struct qmp_client *client = opaque;
	ssize_t n = fd_batch_receive(client->socket, client->input, sizeof(client->input), &client->fds);

	if (n == -EAGAIN)
		return;
	client->input_at = client->input_end = 0;
	if (n > 0) {
		client->input_end = (size_t)n;
	} else {
		client->input_over = true;
		if (n < 0)
			client->output.broken = true; /* reset by the peer: nobody is left to read */
		else if (reader_end(client->reader) == READER_ERROR)
			accept_input(client, NULL);
	}
	work(client);
}

static void on_output(void *opaque)
{
	work(opaque);
}

int client_new(struct qmp_client **out, const struct client_settings *settings, int socket, struct mortise_error *err)
{
	struct event_base *base = loop_base(settings->loop);
	struct qmp_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client) {
		close(socket);
		return mortise_fail(err, -ENOMEM, "Out of memory for a QMP client");
	}
	client->settings = settings;
	client->socket = socket;
	client->queue_tail = &client->queue;
	r = output_open(&client->output, base, socket, on_output, client);
	client->readable = event_new(base, socket, EV_READ | EV_PERSIST, on_readable, client);
	client->reader = reader_new();
	if (r < 0 || !client->readable || !client->reader || event_add(client->readable, NULL) < 0) {
		client_close(client);
		return mortise_fail(err, -ENOMEM, "Out of memory for a QMP client");
	}
	output_send(&client->output, settings->greeting->data, settings->greeting->length);
	*out = client;
	return 0;
}

void client_event(struct qmp_client *client, const struct text *line)
{
	if (client->negotiated && !client->closed)
		output_send_event(&client->output, line->data, line->length);
}

bool client_is_negotiated(const struct qmp_client *client)
{
	return client->negotiated;
}

bool client_allows_oob(const struct qmp_client *client)
{
	return client->oob;
}

void client_set_negotiated(struct qmp_client *client, bool oob)
{
	client->negotiated = true;
	client->oob = oob;
}

void client_answer(struct qmp_client *client, struct qmp_call *call, const struct text *line)
{
	if (!client->closed) {
		if (line->failed)
			client->output.broken = true;
		else
			output_send(&client->output, line->data, line->length);
		/* Descriptors that this command did not want are the next one's, unless newer ones have come. */
		if (call->fds.count && client->queue && !client->queue->fds.count)
			fd_batch_move(&client->queue->fds, &call->fds);
		else if (call->fds.count && !client->queue && !client->fds.count)
			fd_batch_move(&client->fds, &call->fds);
	}
	if (client->running == call)
		client->running = NULL;
	drop_call(client, call);
	work(client);
}
