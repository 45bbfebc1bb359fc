/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/nbd-server.c - nbdkit as a child, on a socket that is there before it is; and a relay, two threads a connection.
 */
#include "nbd-server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "unit.h"

#define NOISE 256 /* bytes */

/* --- the server --- */

static int listen_at(int family, const void *address, socklen_t size)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, address, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

void server_start(struct server *server, const char *dir, const char *arguments, ...)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	posix_spawn_file_actions_t actions;
	char command[1024] = "export LISTEN_PID=$$ LISTEN_FDS=1; exec setpriv --pdeathsig KILL nbdkit -f ";
	char *const words[] = {(char *)"sh", (char *)"-c", command, NULL};
	const size_t length = strlen(command);
	va_list args;

	va_start(args, arguments);
	vsnprintf(command + length, sizeof(command) - length, arguments, args);
	va_end(args);
	snprintf(server->path, sizeof(server->path), "%s/nbd.sock", dir);
	memcpy(address.sun_path, server->path, sizeof(address.sun_path));
	unlink(server->path);
	server->listening = listen_at(AF_UNIX, &address, sizeof(address));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, server->listening, 3);
	assert_int_equal(posix_spawn(&server->pid, "/bin/sh", &actions, NULL, words, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
}

void server_kill(struct server *server)
{
	if (!server->pid)
		return;
	close(server->listening);
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

/* --- the relay --- */

static void hang_up(const struct pump *pump)
{
	shutdown(pump->from, SHUT_RDWR);
	shutdown(pump->to, SHUT_RDWR);
}

static bool say(const struct pump *pump, const uint8_t *data, size_t size)
{
	ssize_t n;

	for (; size; data += n, size -= (size_t)n) {
		n = send(pump->to, data, size, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static void do_harm(const struct pump *pump)
{
	uint8_t noise[NOISE];

	for (unsigned i = 0; i < NOISE; i++)
		noise[i] = (uint8_t)(i * 151 + 7);
	if (pump->relay->harm == HARM_GARBLE)
		say(pump, noise, sizeof(noise));
	if (pump->relay->harm != HARM_STALL)
		hang_up(pump);
}

static void *pump_thread(void *opaque)
{
	struct pump *pump = opaque;
	uint8_t data[65536];
	ssize_t n;

	while ((n = recv(pump->from, data, sizeof(data), 0)) > 0) {
		const size_t passes = MIN((uint64_t)n, pump->after);

		if (pump->counted)
			atomic_fetch_add(&pump->relay->said, passes);
		if (!say(pump, data, passes))
			break;
		if (pump->after == UINT64_MAX)
			continue;
		pump->after -= passes;
		if (!pump->after) {
			do_harm(pump);
			if (pump->relay->harm == HARM_STALL)
				return NULL;
			break;
		}
	}
	hang_up(pump);
	return NULL;
}

static bool is_harmed(struct relay *relay)
{
	unsigned left = atomic_load(&relay->harmed);

	return relay->harm != HARM_NONE && left && atomic_compare_exchange_strong(&relay->harmed, &left, left - 1);
}

static void *accept_thread(void *opaque)
{
	struct relay *relay = opaque;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client, server;

	memcpy(address.sun_path, relay->server->path, sizeof(address.sun_path));
	while ((client = accept4(relay->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct pump *pump = &relay->pump[2 * atomic_load(&relay->accepted)];

		server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (atomic_load(&relay->accepted) == RELAY_CONNECTIONS ||
		    connect(server, (struct sockaddr *)&address, sizeof(address)) < 0) {
			close(server);
			close(client);
			continue;
		}
		pump[0] = (struct pump){.relay = relay, .from = client, .to = server, .after = UINT64_MAX};
		pump[1] = (struct pump){
			.relay = relay,
			.from = server,
			.to = client,
			.counted = true,
			.after = is_harmed(relay) ? relay->after : UINT64_MAX,
		};
		pthread_create(&pump[0].thread, NULL, pump_thread, &pump[0]);
		pthread_create(&pump[1].thread, NULL, pump_thread, &pump[1]);
		atomic_fetch_add(&relay->accepted, 1);
	}
	return NULL;
}

void relay_start(struct relay *relay, const struct server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	relay->server = server;
	atomic_store(&relay->accepted, 0);
	atomic_store(&relay->said, 0);
	relay->listening = listen_at(AF_INET, &address, sizeof(address));
	assert_int_equal(getsockname(relay->listening, (struct sockaddr *)&address, &size), 0);
	relay->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&relay->thread, NULL, accept_thread, relay), 0);
}

void relay_stop(struct relay *relay)
{
	if (!relay->server)
		return;
	shutdown(relay->listening, SHUT_RDWR);
	pthread_join(relay->thread, NULL);
	close(relay->listening);
	for (unsigned i = 0; i < 2 * atomic_load(&relay->accepted); i++)
		hang_up(&relay->pump[i]);
	for (unsigned i = 0; i < 2 * atomic_load(&relay->accepted); i++)
		pthread_join(relay->pump[i].thread, NULL);
	for (unsigned i = 0; i < 2 * atomic_load(&relay->accepted); i += 2) {
		close(relay->pump[i].from);
		close(relay->pump[i].to);
	}
	relay->server = NULL;
}
