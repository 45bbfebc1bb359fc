/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/fds.c - receiving file descriptors (unix(7), SCM_RIGHTS).
 */
#include "qmp/fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void fd_batch_close(struct fd_batch *batch)
{
	for (unsigned i = 0; i < batch->count; i++)
		close(batch->fds[i]);
	batch->count = 0;
}

void fd_batch_move(struct fd_batch *to, struct fd_batch *from)
{
	fd_batch_close(to);
	*to = *from;
	from->count = 0;
}

int fd_batch_take(struct fd_batch *batch)
{
	int fd;

	if (!batch->count)
		return -1;
	fd = batch->fds[0];
	batch->count--;
	memmove(batch->fds, batch->fds + 1, batch->count * sizeof(batch->fds[0]));
	return fd;
}

ssize_t fd_batch_receive(int socket, void *buffer, size_t room, struct fd_batch *batch)
{
	union {
		char bytes[CMSG_SPACE(FD_BATCH_MAX * sizeof(int))];
		struct cmsghdr alignment;
	} control;
	struct iovec iov = {.iov_base = buffer, .iov_len = room};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct fd_batch came;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		came.count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(came.fds, CMSG_DATA(c), came.count * sizeof(int));
		fd_batch_move(batch, &came);
	}
	return n;
}
