/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-socket.h - unix sockets for the netdevs that run over one, and how long to wait for a peer.
 */
#pragma once

#include <stdbool.h>
#include <sys/un.h>

#include <mortise/error.h>

/* Fills in the address of `path`; -EINVAL where it is too long. */
int net_socket_address(struct sockaddr_un *out, const char *path, struct mortise_error *err);

/* A new non-blocking unix socket. */
int net_socket_new(int *out, int type, struct mortise_error *err);

/* Binds to `path`. A socket that an earlier process left behind there is removed; one in use is -EADDRINUSE. */
int net_socket_bind(int fd, int type, const char *path, struct mortise_error *err);

/* Checks that an inherited descriptor is a socket of this type. */
int net_socket_check(int fd, int type, const char *text, struct mortise_error *err);
