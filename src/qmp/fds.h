/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/fds.h - file descriptors that come with bytes over a unix socket (SCM_RIGHTS), until a command claims them.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define FD_BATCH_MAX 16

/* Owned descriptors that came together; zero-initialised it is empty. */
struct fd_batch {
	unsigned count;
	int fds[FD_BATCH_MAX];
};

void fd_batch_close(struct fd_batch *batch);

/* Moves all of `from`; what `to` held and nobody claimed is closed. */
void fd_batch_move(struct fd_batch *to, struct fd_batch *from);

/* The first descriptor, now the caller's; -1 when there is none. */
int fd_batch_take(struct fd_batch *batch);

/*
 * recv(2), not blocking. Descriptors that came along replace those in `batch`, close-on-exec; the kernel closes what
 * is more than fits. Returns bytes, 0 at the end of the stream, or a negative errno.
 */
ssize_t fd_batch_receive(int socket, void *buffer, size_t room, struct fd_batch *batch);
