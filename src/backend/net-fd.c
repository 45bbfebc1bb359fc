/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-fd.c - descriptors that netdevs are given instead of names.
 */
#include "backend/net-driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

int net_inherit_fd(const char *text, int *out, struct mortise_error *err)
{
	uint64_t number;
	int flags;

	if (parse_u64(text, &number) < 0 || number > INT_MAX)
		return mortise_fail(err, -EINVAL, "'%s' is no number of a file descriptor", text);
	flags = fcntl((int)number, F_GETFL);
	if (flags < 0)
		return mortise_fail(err, -EBADF, "File descriptor %s is not open in this process", text);
	if (fcntl((int)number, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
		return mortise_fail(err, -errno, "File descriptor %s cannot be set up: %s", text, strerror(errno));
	*out = (int)number;
	return 0;
}
