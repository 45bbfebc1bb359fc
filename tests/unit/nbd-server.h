/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/nbd-server.h - an NBD server, nbdkit, and a relay in front of it that does what bad networks and servers do.
 */
#pragma once

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RELAY_CONNECTIONS 32

/* What the server's end of a relayed connection suffers once it has said `after` bytes. */
enum harm {
	HARM_NONE,
	HARM_CUT,    /* hung up */
	HARM_GARBLE, /* some noise, then hung up */
	HARM_STALL   /* nothing more is heard, and nothing is hung up */
};

struct server {
	char path[108]; /* of its unix socket */
	int listening;
	pid_t pid;
};

struct pump {
	struct relay *relay;
	int from, to;
	uint64_t after; /* bytes until the harm is done; UINT64_MAX: never */
	bool counted;	/* in what the server has said */
	pthread_t thread;
};

struct relay {
	const struct server *server;
	int listening;
	unsigned port; /* on 127.0.0.1 */
	enum harm harm;
	uint64_t after;
	_Atomic unsigned harmed;   /* connections still to be harmed */
	_Atomic unsigned accepted; /* connections so far */
	_Atomic uint64_t said;	   /* bytes from the server to all of them */
	pthread_t thread;
	struct pump pump[2 * RELAY_CONNECTIONS];
};

/* `arguments` are nbdkit's, a format, read by a shell. It is connected to as soon as this returns. */
void server_start(struct server *server, const char *dir, const char *arguments, ...)
	__attribute__((format(printf, 3, 4)));
void server_kill(struct server *server); /* as a machine dies: without a word */

/* From a TCP port of its own choice to the server. Harm is set before connections come. */
void relay_start(struct relay *relay, const struct server *server);
void relay_stop(struct relay *relay);
