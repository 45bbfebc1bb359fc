/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.c - the side of a connection that is a unix socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vsock.h"

struct connection *connection_new(struct vsock *vsock, int fd, enum state state)
{
	struct connection *connection = vsock->count < CONNECTIONS_MAX ? calloc(1, sizeof(*connection)) : NULL;

	if (!connection)
		return NULL;
	connection->vsock = vsock;
	connection->fd = fd;
	connection->state = state;
	connection->next = vsock->connections;
	vsock->connections = connection;
	vsock->count++;
	return connection;
}

struct connection *connection_find(struct vsock *vsock, uint32_t host_port, uint32_t guest_port)
{
	struct connection *connection = vsock->connections;

	while (connection && (connection->state == GREETING || connection->host_port != host_port ||
			      connection->guest_port != guest_port))
		connection = connection->next;
	return connection;
}

void connection_free(struct connection *connection)
{
	struct vsock *vsock = connection->vsock;
	struct connection **at = &vsock->connections;

	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	vsock->count--;
	vsock->host->watch(vsock->device, connection->fd, 0, NULL);
	close(connection->fd);
	free(connection->buffer);
	free(connection);
}

/* The guest is told when it has buffers, and the connection ends then; nothing more comes from outside. */
static void give_up(struct connection *connection)
{
	connection->telling = TELL_RESET;
	connection->count = 0;
}

void connection_want(struct connection *connection)
{
	const bool reads = connection->state == GREETING ||
			   (connection->state == OPEN && !connection->readable && !connection->host_ended &&
			    !(connection->shut & VIRTIO_VSOCK_SHUTDOWN_RCV));
	const uint32_t wanted =
		connection->telling & TELL_RESET
			? 0
			: (reads ? MORTISE_WATCH_READ : 0) | (connection->count ? MORTISE_WATCH_WRITE : 0);

	if (wanted == connection->watched)
		return;
	connection->watched = wanted;
	if (connection->vsock->host->watch(connection->vsock->device, connection->fd, wanted, connection) < 0)
		connection->telling = TELL_RESET;
}

/* --- the greeting: "CONNECT port\n", answered by "OK port\n" --- */

/* 1: a whole line; 0: not yet; -EPROTO. What follows the line is left in the
 * socket. */
static int read_line(int fd, char line[LINE_SIZE])
{
	ssize_t n = recv(fd, line, LINE_SIZE - 1, MSG_PEEK | MSG_DONTWAIT);
	char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || (!end && n == LINE_SIZE - 1))
		return -EPROTO;
	if (!end)
		return 0;
	n = recv(fd, line, (size_t)(end - line) + 1, MSG_DONTWAIT);
	*end = '\0';
	return n > 0 ? 1 : -EPROTO;
}

static uint32_t choose_port(struct vsock *vsock, uint32_t guest_port)
{
	do
		vsock->next_port = (vsock->next_port + 1) | UINT32_C(1) << 30;
	while (connection_find(vsock, vsock->next_port, guest_port));
	return vsock->next_port;
}

static void greet(struct connection *connection)
{
	char line[LINE_SIZE], more;
	unsigned port;
	int r = read_line(connection->fd, line);

	if (r == 0)
		return;
	if (r < 0 || sscanf(line, "CONNECT %9u%c", &port, &more) != 1) {
		connection_free(connection);
		return;
	}
	connection->host_port = choose_port(connection->vsock, port);
	connection->guest_port = port;
	connection->state = REQUESTED;
	connection->telling = TELL_REQUEST;
	connection_want(connection);
	packet_flush(connection->vsock);
}

void connection_opened(struct connection *connection)
{
	char line[LINE_SIZE];
	int size = snprintf(line, sizeof(line), "OK %u\n", connection->host_port);

	connection->state = OPEN;
	if (send(connection->fd, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) != size)
		give_up(connection);
	else
		connection_want(connection);
}

/* --- data from the guest --- */

/* Both directions have ended, and all is delivered: the guest is told so
 * (5.10.6.5). */
static void check_end(struct connection *connection)
{
	if (connection->count)
		return;
	if (connection->shut & VIRTIO_VSOCK_SHUTDOWN_SEND)
		shutdown(connection->fd, SHUT_WR);
	if ((connection->shut & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	    (connection->shut & VIRTIO_VSOCK_SHUTDOWN_RCV || connection->host_ended))
		give_up(connection);
}

static void taken(struct connection *connection, uint32_t size)
{
	connection->taken += size;
	if (connection->taken - connection->taken_told >= BUFFER_SIZE / 2)
		connection->telling |= TELL_CREDIT;
}

static bool keep(struct connection *connection, const uint8_t *data, size_t size)
{
	if (!connection->buffer)
		connection->buffer = malloc(BUFFER_SIZE);
	if (!connection->buffer || size > BUFFER_SIZE - connection->count)
		return false;
	for (size_t done = 0; done < size;) {
		uint32_t tail = (connection->first + connection->count) % BUFFER_SIZE;
		size_t part = size - done < BUFFER_SIZE - tail ? size - done : BUFFER_SIZE - tail;

		memcpy(connection->buffer + tail, data + done, part);
		connection->count += (uint32_t)part;
		done += part;
	}
	return true;
}

/* Straight to the socket, as long as nothing waits before it; -1: nobody is
 * there any more. */
static ssize_t pass_on(struct connection *connection, const void *data, size_t size)
{
	ssize_t n = connection->count ? 0 : send(connection->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	taken(connection, (uint32_t)n);
	return n;
}

bool connection_take(struct connection *connection, struct mortise_chain *chain, uint32_t size)
{
	for (; chain->out_count && size; chain->out++, chain->out_count--) {
		const uint8_t *data = chain->out->iov_base;
		const size_t part = chain->out->iov_len < size ? chain->out->iov_len : size;
		ssize_t n = pass_on(connection, data, part);

		if (n < 0 || !keep(connection, data + n, part - (size_t)n))
			return false;
		size -= (uint32_t)part;
	}
	connection_want(connection);
	return size == 0;
}

static void drain(struct connection *connection)
{
	while (connection->count) {
		uint32_t run = BUFFER_SIZE - connection->first < connection->count ? BUFFER_SIZE - connection->first
										   : connection->count;
		ssize_t n =
			send(connection->fd, connection->buffer + connection->first, run, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			give_up(connection);
			break;
		}
		connection->first = (connection->first + (uint32_t)n) % BUFFER_SIZE;
		connection->count -= (uint32_t)n;
		taken(connection, (uint32_t)n);
	}
	check_end(connection);
	connection_want(connection);
	packet_flush(connection->vsock);
}

void connection_shut(struct connection *connection, uint32_t flags)
{
	connection->shut |= flags;
	check_end(connection);
	connection_want(connection);
}

/* --- events --- */

/* The connection may be gone afterwards. */
void connection_ready(struct connection *connection, uint32_t events)
{
	if (connection->state == GREETING) {
		greet(connection);
	} else if (events & MORTISE_WATCH_WRITE) {
		drain(connection);
	} else {
		connection->readable = true;
		packet_flush(connection->vsock);
	}
}
