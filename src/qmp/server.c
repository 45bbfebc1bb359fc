/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/server.c - listening sockets, clients, events.
 */
#include "qmp/server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "qmp/client.h"
#include "qmp/version.h"
#include "qmp/writer.h"

#define CLIENTS_MAX 64
#define RETRY_SECONDS 1

struct listener {
	struct qmp_server *server;
	int socket;
	struct event *acceptable;
	struct listen_file file;
	struct listener *next;
};

struct qmp_server {
	struct client_settings settings;
	struct text greeting;
	struct listener *listeners;
	struct qmp_client *clients[CLIENTS_MAX];
	unsigned client_count;
	bool started;
	struct event *retry; /* accept again after descriptors had run out */
};

static void watch_listeners(struct qmp_server *server)
{
	for (struct listener *listener = server->listeners; listener; listener = listener->next) {
		if (server->started && server->client_count < CLIENTS_MAX)
			event_add(listener->acceptable, NULL);
		else
			event_del(listener->acceptable);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *opaque)
{
	watch_listeners(opaque);
}

static void on_client_closed(void *opaque, struct qmp_client *client)
{
	struct qmp_server *server = opaque;

	for (unsigned i = 0; i < server->client_count; i++) {
		if (server->clients[i] == client) {
			server->clients[i] = server->clients[--server->client_count];
			break;
		}
	}
	watch_listeners(server);
}

static void make_greeting(struct text *greeting)
{
	cJSON *version = qmp_version();

	text_add(greeting, "{\"QMP\": {\"version\": ", 20);
	write_json(greeting, version);
	text_add(greeting, ", \"capabilities\": [\"oob\"]}}\r\n", 29);
	if (!version)
		greeting->failed = true;
	cJSON_Delete(version);
}

int qmp_server_new(struct qmp_server **out, struct loop *loop, const struct schema *schema, void *context,
		   struct mortise_error *err)
{
	_cleanup_(qmp_server_free_p) struct qmp_server *server = calloc(1, sizeof(*server));

	if (!server)
		return mortise_fail(err, -ENOMEM, "Out of memory for a QMP server");
	server->settings = (struct client_settings){
		.loop = loop,
		.schema = schema,
		.context = context,
		.greeting = &server->greeting,
		.closed = on_client_closed,
		.opaque = server,
	};
	make_greeting(&server->greeting);
	server->retry = evtimer_new(loop_base(loop), on_retry, server);
	if (!server->retry || server->greeting.failed)
		return mortise_fail(err, -ENOMEM, "Out of memory for a QMP server");
	*out = steal_ptr(&server);
	return 0;
}

static void listener_free(struct listener *listener)
{
	if (listener->acceptable)
		event_free(listener->acceptable);
	if (listener->socket >= 0)
		close(listener->socket);
	listen_remove(&listener->file);
	free(listener);
}

struct qmp_server *qmp_server_free(struct qmp_server *server)
{
	if (!server)
		return NULL;
	while (server->listeners) {
		struct listener *listener = server->listeners;

		server->listeners = listener->next;
		listener_free(listener);
	}
	for (unsigned i = 0; i < server->client_count; i++)
		client_close(server->clients[i]);
	if (server->retry)
		event_free(server->retry);
	text_free(&server->greeting);
	free(server);
	return NULL;
}

int qmp_server_adopt(struct qmp_server *server, int socket, struct mortise_error *err)
{
	struct qmp_client *client;
	int r;

	if (server->client_count == CLIENTS_MAX) {
		close(socket);
		return mortise_fail(err, -EMFILE, "%d QMP clients are connected already", CLIENTS_MAX);
	}
	if (fcntl(socket, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		close(socket);
		return mortise_fail(err, r, "Could not use a socket as a monitor: %s", strerror(-r));
	}
	r = client_new(&client, &server->settings, socket, err);
	if (r < 0)
		return r;
	server->clients[server->client_count++] = client;
	watch_listeners(server);
	return 0;
}

static void on_acceptable(evutil_socket_t fd, short what, void *opaque)
{
	static const struct timeval later = {.tv_sec = RETRY_SECONDS};
	struct listener *listener = opaque;
	struct mortise_error err;
	int socket = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (socket >= 0) {
		if (qmp_server_adopt(listener->server, socket, &err) < 0)
			log_error("%s", err.message);
		return;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_error("Could not accept a QMP client: %s", strerror(errno));
		event_del(listener->acceptable);
		event_add(listener->server->retry, &later);
	}
}

/* -qmp ...,wait=on: the VM is not started before a client is there. */
static int wait_for_client(int socket, struct mortise_error *err)
{
	struct pollfd pollfd = {.fd = socket, .events = POLLIN};

	log_info("Waiting for a QMP client");
	if (poll(&pollfd, 1, -1) < 0)
		return mortise_fail(err, -errno, "Waiting for a QMP client was interrupted");
	return 0;
}

int qmp_server_listen(struct qmp_server *server, const struct listen_address *address, struct mortise_error *err)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener)
		return mortise_fail(err, -ENOMEM, "Out of memory for a monitor");
	listener->server = server;
	listener->socket = r = listen_open(address, &listener->file, err);
	if (r >= 0 && address->wait)
		r = wait_for_client(listener->socket, err);
	if (r >= 0) {
		listener->acceptable = event_new(loop_base(server->settings.loop), listener->socket,
						 EV_READ | EV_PERSIST, on_acceptable, listener);
		if (!listener->acceptable)
			r = mortise_fail(err, -ENOMEM, "Out of memory for a monitor");
	}
	if (r < 0) {
		listener_free(listener);
		return r;
	}
	listener->next = server->listeners;
	server->listeners = listener;
	watch_listeners(server);
	return 0;
}

void qmp_server_start(struct qmp_server *server)
{
	server->started = true;
	watch_listeners(server);
}

void qmp_server_event(struct qmp_server *server, const char *name, cJSON *data)
{
	struct text line = {0};
	struct timeval now;
	char head[160];
	int n;

	assert(schema_event(server->settings.schema, name));
	gettimeofday(&now, NULL);
	n = snprintf(head, sizeof(head),
		     "{\"timestamp\": {\"seconds\": %lld, \"microseconds\": %lld}, \"event\": \"%s\"",
		     (long long)now.tv_sec, (long long)now.tv_usec, name);
	text_add(&line, head, (size_t)n);
	if (data) {
		text_add(&line, ", \"data\": ", 10);
		write_json(&line, data);
	}
	text_add(&line, "}\r\n", 3);
	for (unsigned i = 0; i < server->client_count && !line.failed; i++)
		client_event(server->clients[i], &line);
	text_free(&line);
	cJSON_Delete(data);
}
