/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-vhost.c - opening /dev/vhost-net.
 */
#include "backend/net-vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>

#include "backend/net-driver.h"
#include "base/util.h"

#define DEVICE "/dev/vhost-net"

static int open_one(int *out, struct mortise_error *err)
{
	const int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return mortise_fail(err, -ENOENT,
				    DEVICE " is not there; load the kernel module 'vhost_net', or leave out vhost=on");
	if (fd < 0)
		return mortise_fail(err, -errno,
				    "Could not open " DEVICE ": %s; give this user access to it, pass an open one with "
				    "vhostfd=, or leave out vhost=on",
				    strerror(errno));
	*out = fd;
	return 0;
}

static int inherit_one(const char *text, int *out, struct mortise_error *err)
{
	uint64_t features;
	int r = net_inherit_fd(text, out, err);

	if (r == 0 && ioctl(*out, VHOST_GET_FEATURES, &features) < 0)
		return mortise_fail(err, -EINVAL, "File descriptor %s is not of " DEVICE, text);
	return r;
}

static int inherit(const char *text, const char *separator, unsigned count, int *out, struct mortise_error *err)
{
	_cleanup_free_ char *list = strdup(text);
	int fds[NET_QUEUE_PAIRS_MAX];
	char *rest = list, *item;
	unsigned given = 0;

	if (!list)
		return mortise_fail(err, -ENOMEM, "Out of memory for the vhost descriptors '%s'", text);
	for (; (item = strsep(&rest, separator)); given++) {
		int r = given < count ? inherit_one(item, &fds[given], err) : 0;

		if (r < 0)
			return r;
	}
	if (given != count)
		return mortise_fail(err, -EINVAL, "The tap has %u queues, and %u vhost descriptors are given: '%s'",
				    count, given, text);
	memcpy(out, fds, count * sizeof(*out));
	return 0;
}

int net_vhost_open(const char *fd, const char *fds, unsigned count, int *out, struct mortise_error *err)
{
	int r = 0;

	if (fd && fds)
		return mortise_fail(err, -EINVAL, "Parameters 'vhostfd' and 'vhostfds' exclude each other");
	if (fd || fds)
		return inherit(fd ? fd : fds, fd ? "" : ":", count, out, err);
	for (unsigned i = 0; i < count && r == 0; i++)
		r = open_one(&out[i], err);
	if (r < 0)
		net_vhost_close(out, count);
	return r;
}

void net_vhost_close(int *vhosts, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (vhosts[i] >= 0)
			close(vhosts[i]);
		vhosts[i] = -1;
	}
}
