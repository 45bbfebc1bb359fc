/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-vsock.c - a socket device (virtio 1.2, 5.10) on unix sockets: its
 * life, and where its ports are outside.
 *
 * A program outside reaches a port of the guest's by connecting to the socket
 * `path` and saying "CONNECT port\n"; it is answered "OK port\n". Port N of the
 * host's is whoever listens on the socket `path`_N.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vsock.h"

#define PATH_MAX_LENGTH 96 /* so that _4294967295 fits behind it into a socket's address */

static struct sockaddr_un address_of(const struct vsock *vsock, const char *suffix)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", vsock->path, suffix);
	return address;
}

int vsock_connect(struct vsock *vsock, uint32_t port)
{
	struct sockaddr_un address;
	char suffix[16];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(suffix, sizeof(suffix), "_%u", port);
	address = address_of(vsock, suffix);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The socket of one who does not listen any more is in the way, and is removed;
 * nothing else is. */
static int bind_path(struct vsock *vsock)
{
	const struct sockaddr_un address = address_of(vsock, "");
	struct stat st;

	if (bind(vsock->listen_fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno != EADDRINUSE || lstat(vsock->path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	unlink(vsock->path);
	return bind(vsock->listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct vsock *vsock = self;
	const uint64_t cid = htole64(vsock->guest_cid);
	struct stat st;
	int r;

	vsock->host = host;
	vsock->device = device;
	vsock->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = vsock->listen_fd < 0 ? -errno : bind_path(vsock);
	if (r == 0 && (listen(vsock->listen_fd, 16) < 0 || lstat(vsock->path, &st) < 0))
		r = -errno;
	if (r == 0)
		r = host->watch(device, vsock->listen_fd, MORTISE_WATCH_READ, NULL);
	if (r < 0) {
		if (vsock->listen_fd >= 0)
			close(vsock->listen_fd);
		return mortise_fail(err, r, "Could not listen on the unix socket '%s': %s", vsock->path, strerror(-r));
	}
	vsock->file_device = st.st_dev;
	vsock->file_inode = st.st_ino;
	host->write_config(device, offsetof(struct virtio_vsock_config, guest_cid), &cid, sizeof(cid));
	return 0;
}

static void end_connections(struct vsock *vsock)
{
	while (vsock->connections)
		connection_free(vsock->connections);
	vsock->refusal_count = 0;
}

static void unrealize(void *self)
{
	struct vsock *vsock = self;
	struct stat st;

	end_connections(vsock);
	close(vsock->listen_fd);
	if (lstat(vsock->path, &st) == 0 && st.st_dev == vsock->file_device && st.st_ino == vsock->file_inode)
		unlink(vsock->path);
}

/* Nobody can be connected to a guest without a driver. */
static void accept_one(struct vsock *vsock)
{
	int fd = accept4(vsock->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *connection;

	if (fd < 0)
		return;
	connection = vsock->active ? connection_new(vsock, fd, GREETING) : NULL;
	if (connection)
		connection_want(connection);
	else
		close(fd);
}

static void fd_ready(void *self, int fd, uint32_t events, void *opaque)
{
	if (opaque)
		connection_ready(opaque, events);
	else
		accept_one(self);
}

/* A driver that had connections over an earlier instance hears that they are no
 * more (5.10.6.7). */
static void tell_loss(struct vsock *vsock)
{
	const struct virtio_vsock_event event = {.id = htole32(VIRTIO_VSOCK_EVENT_TRANSPORT_RESET)};
	struct mortise_chain *chain = vsock->host->queue_pop(vsock->device, QUEUE_EVENT);

	if (!chain)
		return;
	vsock->restored = false;
	vsock->host->queue_push(vsock->device, chain,
				mortise_iov_put(&chain->in, &chain->in_count, &event, sizeof(event)));
}

static void notify(void *self, uint32_t queue)
{
	struct vsock *vsock = self;

	if (queue == QUEUE_EVENT && vsock->restored)
		tell_loss(vsock);
	else if (queue == QUEUE_TX)
		packet_take(vsock);
	else if (queue == QUEUE_RX)
		packet_take(vsock); /* what waits in the ring for room goes on, too */
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct vsock *vsock = self;

	vsock->active = true;
	return 0;
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct vsock *vsock = self;

	vsock->active = false;
	return 0;
}

static void resume(void *self)
{
	struct vsock *vsock = self;

	vsock->active = true;
}

static void reset(void *self)
{
	struct vsock *vsock = self;

	vsock->active = vsock->restored = false;
	end_connections(vsock);
}

/* --- handing over: connections do not outlive the instance --- */

#define SAVED_VERSION 1

static int64_t save(void *self, void *data, uint64_t room)
{
	const uint32_t version = htole32(SAVED_VERSION);

	if (room < sizeof(version))
		return -ENOSPC;
	memcpy(data, &version, sizeof(version));
	return sizeof(version);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct vsock *vsock = self;
	uint32_t version;

	if (size != sizeof(version))
		return mortise_fail(err, -EINVAL, "The state of a socket device is %llu bytes long, expected %zu",
				    (unsigned long long)size, sizeof(version));
	memcpy(&version, data, sizeof(version));
	if (le32toh(version) != SAVED_VERSION)
		return mortise_fail(err, -EINVAL, "The state of a socket device has version %u, expected %u",
				    le32toh(version), SAVED_VERSION);
	vsock->restored = true;
	return 0;
}

/* --- the description --- */

static const struct mortise_property properties[] = {
	{.name = "guest-cid",
	 .type = MORTISE_PROPERTY_U64,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct vsock, guest_cid),
	 .min = 3,
	 .max = UINT32_MAX - 1,
	 .help = "the guest's address"},
	{.name = "path",
	 .type = MORTISE_PROPERTY_STRING,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct vsock, path),
	 .max = PATH_MAX_LENGTH,
	 .help = "unix socket to listen on for connections to the guest; those "
		 "from it go to PATH_PORT"},
	{.name = NULL},
};

static const struct mortise_class virtio_vsock = {
	.size = sizeof(virtio_vsock),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-vsock",
	.summary = "Sockets between guest and host, as unix sockets",
	.virtio_id = 19,
	.queue_count = 3,
	.config_size = sizeof(struct virtio_vsock_config),
	.instance_size = sizeof(struct vsock),
	.properties = properties,
	.realize = realize,
	.unrealize = unrealize,
	.activate = activate,
	.notify = notify,
	.quiesce = quiesce,
	.resume = resume,
	.reset = reset,
	.save = save,
	.restore = restore,
	.fd_ready = fd_ready,
};

static const struct mortise_class *const classes[] = {&virtio_vsock, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 0,
	.name = "virtio-vsock",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Sockets between guest and host (virtio 1.2, 5.10)",
	.classes = classes,
};
