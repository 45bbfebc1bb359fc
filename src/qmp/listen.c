/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/listen.c - addresses and listening sockets.
 */
#include "qmp/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/util.h"

#define BACKLOG 16

void listen_address_free(struct listen_address *address)
{
	free(address->path);
	free(address->host);
	free(address->port);
	*address = (struct listen_address){0};
}

static int copy(char **out, const char *text, size_t length, struct mortise_error *err)
{
	*out = strndup(text, length);
	return *out ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for a monitor's address");
}

/* server and wait, common to all forms. */
static int take_mode(struct listen_address *address, struct options *options, struct mortise_error *err)
{
	bool server = false, nowait = false;
	int r = options_bool(options, "server", &server, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!server)
		return mortise_fail(err, -ENOTSUP, "A monitor only listens: add 'server=on' to its address");
	address->wait = true;
	r = options_bool(options, "wait", &address->wait, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = options_bool(options, "nowait", &nowait, err);
	if (r < 0 && r != -ENOENT)
		return r;
	address->wait = address->wait && !nowait;
	return 0;
}

/* "HOST:PORT", "[::1]:PORT", ":PORT". */
static int parse_tcp(struct listen_address *address, const char *text, struct mortise_error *err)
{
	const char *host = text, *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	int r;

	if (!colon || !colon[1])
		return mortise_fail(err, -EINVAL, "Address 'tcp:%s' needs the form tcp:HOST:PORT", text);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	r = copy(&address->host, host, length, err);
	return r < 0 ? r : copy(&address->port, colon + 1, strlen(colon + 1), err);
}

static int take_host(struct listen_address *address, struct options *options, struct mortise_error *err)
{
	const char *host = "", *port;
	int r = options_string(options, "host", &host, err);

	if (r < 0 && r != -ENOENT)
		return r;
	r = options_string(options, "port", &port, err);
	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "A monitor's socket needs 'path', or 'host' and 'port'");
	if (r == 0)
		r = copy(&address->host, host, strlen(host), err);
	return r < 0 ? r : copy(&address->port, port, strlen(port), err);
}

static int parse_text(struct listen_address *address, const char *text, struct mortise_error *err)
{
	if (str_starts(text, "unix:"))
		return copy(&address->path, text + 5, strlen(text + 5), err);
	if (str_starts(text, "tcp:"))
		return parse_tcp(address, text + 4, err);
	return mortise_fail(err, -EINVAL, "Monitor '%s' needs an address of the form unix:PATH or tcp:HOST:PORT", text);
}

int listen_parse(struct listen_address *out, struct options *options, struct mortise_error *err)
{
	_cleanup_(listen_address_free) struct listen_address address = {0};
	const char *text;
	int r = options_string(options, "address", &text, err);

	if (r == 0) {
		r = parse_text(&address, text, err);
	} else if (r == -ENOENT) {
		r = options_string(options, "path", &text, err);
		if (r == 0)
			r = copy(&address.path, text, strlen(text), err);
		else if (r == -ENOENT)
			r = take_host(&address, options, err);
	}
	if (r == 0)
		r = take_mode(&address, options, err);
	if (r < 0)
		return r;
	*out = address;
	address = (struct listen_address){0};
	return 0;
}

/* Whether somebody listens on the socket file: 1, 0, or a negative errno where that cannot be told. */
static int is_alive(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return 1; /* EAGAIN: its backlog is full */
	return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
}

/* Binds, in the place of a socket file that nobody listens on any more. */
static int bind_file(int fd, const struct sockaddr_un *address, struct mortise_error *err)
{
	const char *path = address->sun_path;
	struct stat st;
	int r;

	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return mortise_fail(err, -errno, "Could not make socket '%s': %s", path, strerror(errno));
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return mortise_fail(err, -EEXIST,
				    "Could not make socket '%s': a file of that name is there, and is no socket", path);
	r = is_alive(address);
	if (r > 0)
		return mortise_fail(err, -EADDRINUSE, "Socket '%s' is in use by another process", path);
	if (r < 0)
		return mortise_fail(err, r, "Could not tell whether socket '%s' is in use: %s", path, strerror(-r));
	if (unlink(path) < 0 && errno != ENOENT)
		return mortise_fail(err, -errno, "Could not remove the stale socket '%s': %s", path, strerror(errno));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return mortise_fail(err, -errno, "Could not make socket '%s': %s", path, strerror(errno));
	return 0;
}

static int open_unix(const char *path, struct listen_file *file, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_free_ char *path_copy = strdup(path);
	struct stat st;
	int r;

	if (!path_copy)
		return mortise_fail(err, -ENOMEM, "Out of memory for socket '%s'", path);
	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return mortise_fail(err, -ENAMETOOLONG, "Socket path '%s' has %zu bytes, and 1 to %zu are possible",
				    path, strlen(path), sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Linux makes the file with the mode of the socket: nobody else can connect at any time. */
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return mortise_fail(err, -errno, "Could not make a socket: %s", strerror(errno));
	r = bind_file(fd, &address, err);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0 || lstat(path, &st) < 0)
		return mortise_fail(err, -errno, "Could not listen on '%s': %s", path, strerror(errno));
	*file = (struct listen_file){.path = steal_ptr(&path_copy), .device = st.st_dev, .inode = st.st_ino};
	return steal_fd(&fd);
}

static int open_tcp(const struct listen_address *address, struct mortise_error *err)
{
	const char *host = address->host[0] ? address->host : "127.0.0.1";
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	_cleanup_close_ int fd = -1;
	const int on = 1;
	int r = getaddrinfo(host, address->port, &hints, &found);

	if (r)
		return mortise_fail(err, -EINVAL, "Address tcp:%s:%s cannot be used: %s", host, address->port,
				    gai_strerror(r));
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		r = mortise_fail(err, -errno, "Could not listen on tcp:%s:%s: %s", host, address->port,
				 strerror(errno));
	freeaddrinfo(found);
	return r < 0 ? r : steal_fd(&fd);
}

int listen_open(const struct listen_address *address, struct listen_file *file, struct mortise_error *err)
{
	*file = (struct listen_file){0};
	return address->path ? open_unix(address->path, file, err) : open_tcp(address, err);
}

void listen_remove(struct listen_file *file)
{
	struct stat st;

	if (file->path && lstat(file->path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode)
		unlink(file->path);
	free(file->path);
	*file = (struct listen_file){0};
}
