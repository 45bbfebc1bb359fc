/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-vsock.c - sockets between host and guest (virtio 1.2, 5.10), served by the host's kernel.
 *
 * A guest has a context id of its own on the host, by which the host's programs connect to it, as to a machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/vhost.h>
#include <linux/virtio_vsock.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../vhost/vhost.h"

#define DEVICE "/dev/vhost-vsock"
#define CID_MIN 3 /* those below are taken: hypervisor, local, host */
#define CID_MAX (UINT32_MAX - UINT64_C(1))

/* Receive, transmit; the third queue, of events, is nobody's: they tell of migration, which there is none of. */
#define VHOST_QUEUES 2
#define QUEUES 3
#define QUEUE_SIZE 128

#define FEATURES (UINT64_C(1) << VIRTIO_VSOCK_F_SEQPACKET)

struct vsock {
	/* properties */
	uint64_t guest_cid;
	const char *vhostfd;

	struct vhost vhost;
	uint64_t features; /* negotiated */
};

/* --- the descriptor --- */

static int inherit(const char *text, int *out, struct mortise_error *err)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < 0 || number > INT_MAX)
		return mortise_fail(err, -EINVAL, "Property 'vhostfd' is '%s', no number of a file descriptor", text);
	if (fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
		return mortise_fail(err, -EBADF, "File descriptor %s is not open in this process", text);
	*out = (int)number;
	return 0;
}

static int open_device(int *out, struct mortise_error *err)
{
	const int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return mortise_fail(err, -ENOENT, DEVICE " is not there; load the kernel module 'vhost_vsock'");
	if (fd < 0)
		return mortise_fail(err, -errno,
				    "Could not open " DEVICE
				    ": %s; give this user access to it, or pass an open one with "
				    "vhostfd=",
				    strerror(errno));
	*out = fd;
	return 0;
}

static int set_up(struct vsock *vsock, int fd, uint64_t *features, struct mortise_error *err)
{
	int r = vhost_kernel_open(fd, features);

	if (r == 0 && ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &vsock->guest_cid) < 0)
		r = -errno;
	if (r == -EADDRINUSE)
		return mortise_fail(err, r,
				    "Context id %" PRIu64 " is in use by another guest; choose another guest-cid",
				    vsock->guest_cid);
	if (r == -ENOTTY)
		return mortise_fail(err, r, "File descriptor %s is not of " DEVICE, vsock->vhostfd);
	return r < 0 ? mortise_fail(err, r, DEVICE " cannot be set up: %s", strerror(-r)) : 0;
}

static int set_running(struct vhost *vhost, bool on)
{
	int value = on;

	return ioctl(vhost->fd, VHOST_VSOCK_SET_RUNNING, &value) < 0 ? -errno : 0;
}

/* --- life --- */

/* A descriptor that was passed in stays the caller's when this fails. */
static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct vsock *vsock = self;
	const struct virtio_vsock_config config = {.guest_cid = vsock->guest_cid};
	uint64_t features = 0;
	int fd = -1, errors = -1;
	int r = vsock->vhostfd ? inherit(vsock->vhostfd, &fd, err) : open_device(&fd, err);

	if (r == 0)
		r = set_up(vsock, fd, &features, err);
	if (r == 0) {
		r = vhost_kernel_watch(host, device, &errors);
		if (r < 0)
			mortise_fail(err, r, DEVICE " cannot be watched: %s", strerror(-r));
	}
	if (r < 0) {
		if (fd >= 0 && !vsock->vhostfd)
			close(fd);
		return r;
	}
	vsock->vhost = (struct vhost){.host = host,
				      .device = device,
				      .link = &vhost_kernel,
				      .run = set_running,
				      .fd = fd,
				      .errors = errors,
				      .count = VHOST_QUEUES};
	host->offer_features(device, features);
	host->offer_ring_features(device, features);
	host->write_config(device, 0, &config, sizeof(config));
	return 0;
}

static void unrealize(void *self)
{
	const struct vhost *vhost = &((struct vsock *)self)->vhost;

	vhost->host->watch(vhost->device, vhost->errors, 0, NULL);
	close(vhost->errors);
	close(vhost->fd);
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct vsock *vsock = self;

	vsock->features = features;
	return vhost_start(&vsock->vhost, features, err);
}

/* Of the event queue, whose buffers are kept. */
static void notify(void *self, uint32_t queue)
{
}

static void fd_ready(void *self, int fd, uint32_t events, void *opaque)
{
	struct vhost *vhost = &((struct vsock *)self)->vhost;

	vhost_stop(vhost);
	vhost_kernel_failed(vhost->host, vhost->device, vhost->errors);
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct vsock *vsock = self;

	vhost_stop(&vsock->vhost);
	return 0;
}

static void resume(void *self)
{
	struct vsock *vsock = self;
	struct mortise_error err = {0};

	if (vhost_start(&vsock->vhost, vsock->features, &err) < 0)
		vsock->vhost.host->needs_reset(vsock->vhost.device, err.message);
}

static const struct mortise_property properties[] = {
	{.name = "guest-cid",
	 .type = MORTISE_PROPERTY_U64,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct vsock, guest_cid),
	 .min = CID_MIN,
	 .max = CID_MAX,
	 .help = "the guest's context id, which no other guest of the host has"},
	{.name = "vhostfd",
	 .type = MORTISE_PROPERTY_STRING,
	 .offset = offsetof(struct vsock, vhostfd),
	 .help = "descriptor of an open " DEVICE ", in place of opening it"},
	{.name = NULL},
};

static const struct mortise_class vhost_vsock = {
	.size = sizeof(vhost_vsock),
	.property_size = sizeof(struct mortise_property),
	.driver = "vhost-vsock",
	.summary = "Sockets between host and guest, served by the host's kernel",
	.virtio_id = 19,
	.queue_count = QUEUES,
	.features = FEATURES,
	.config_size = sizeof(struct virtio_vsock_config),
	.instance_size = sizeof(struct vsock),
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.unrealize = unrealize,
	.activate = activate,
	.notify = notify,
	.quiesce = quiesce,
	.resume = resume,
	.fd_ready = fd_ready,
};

static const struct mortise_class *const classes[] = {&vhost_vsock, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "vhost-vsock",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Sockets between host and guest (virtio 1.2, 5.10), by vhost",
	.classes = classes,
};
