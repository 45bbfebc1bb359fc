/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/listen.h - the sockets on which monitors are reached.
 */
#pragma once

#include "base/options.h"

struct listen_address {
	char *path; /* of a unix socket; or NULL and: */
	char *host, *port;
	bool wait; /* the VM starts when somebody has connected */
};

void listen_address_free(struct listen_address *address);

/*
 * Takes `address` (unix:PATH, tcp:HOST:PORT) or path or host and port, and server and wait. No HOST is the loopback
 * interface.
 */
int listen_parse(struct listen_address *out, struct options *options, struct mortise_error *err);

/* A socket of the file system that is ours, to be removed at the end. */
struct listen_file {
	char *path;
	unsigned long long device, inode;
};

/*
 * Listens; returns a non-blocking socket. A unix socket is made with mode 0600; a socket file that nobody listens on
 * is replaced, one that somebody does is left alone: -EADDRINUSE.
 */
int listen_open(const struct listen_address *address, struct listen_file *file, struct mortise_error *err);

/* Removes the file, unless another has taken its place. */
void listen_remove(struct listen_file *file);
