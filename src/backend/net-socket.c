/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-socket.c - descriptors and unix sockets that netdevs are given; and `-netdev socket`, the older name of
 * stream and dgram.
 */
#include "backend/net-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

#include "backend/net-driver.h"
#include "base/util.h"

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

int net_socket_address(struct sockaddr_un *out, const char *path, struct mortise_error *err)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(out->sun_path))
		return mortise_fail(err, -EINVAL, "'%s' is no path for a unix socket: 1 to %zu bytes", path,
				    sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, strlen(path) + 1);
	return 0;
}

int net_socket_new(int *out, int type, struct mortise_error *err)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return mortise_fail(err, -errno, "Could not make a unix socket: %s", strerror(errno));
	*out = fd;
	return 0;
}

/* Whether nobody has the socket at `address` open any more. */
static bool left_behind(const struct sockaddr_un *address, int type)
{
	_cleanup_close_ int fd = -1;

	return net_socket_new(&fd, type, NULL) == 0 &&
	       connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED;
}

int net_socket_bind(int fd, int type, const char *path, struct mortise_error *err)
{
	struct sockaddr_un address;
	int r = net_socket_address(&address, path, err);

	if (r < 0)
		return r;
	r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	if (r < 0 && errno == EADDRINUSE && left_behind(&address, type) && unlink(path) == 0)
		r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	if (r < 0)
		return mortise_fail(err, -errno, "Could not make the unix socket '%s': %s", path, strerror(errno));
	return 0;
}

int net_socket_check(int fd, int type, const char *text, struct mortise_error *err)
{
	int found;
	socklen_t size = sizeof(found);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &size) < 0)
		return mortise_fail(err, -ENOTSOCK, "File descriptor %s is no socket", text);
	if (found != type)
		return mortise_fail(err, -EPROTOTYPE, "File descriptor %s is no %s socket", text,
				    type == SOCK_STREAM ? "stream" : "datagram");
	return 0;
}

/* --- the older name --- */

static const struct net_driver *resolve(struct options *options, struct mortise_error *err)
{
	const struct option *option = options_find(options, "fd");
	int fd, type;
	socklen_t size = sizeof(type);

	if (!option) {
		mortise_fail(err, -EINVAL,
			     "Netdev type 'socket' needs parameter 'fd'; for a path use type 'stream' or "
			     "'dgram'");
		return NULL;
	}
	if (net_inherit_fd(option->value, &fd, err) < 0)
		return NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
		mortise_fail(err, -ENOTSOCK, "File descriptor %s is no socket", option->value);
		return NULL;
	}
	return type == SOCK_STREAM ? &net_stream : &net_dgram;
}

static const struct mortise_property socket_properties[] = {
	{.name = "fd", .type = MORTISE_PROPERTY_STRING, .help = "descriptor of a connected socket"},
	{0},
};

const struct net_driver net_socket = {
	.type = {"socket", "stream or dgram, by the kind of an inherited socket", socket_properties},
	.resolve = resolve,
};
