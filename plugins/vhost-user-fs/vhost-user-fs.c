/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-user-fs.c - a file system of the host's (virtio 1.2, 5.11), served by a process such as virtiofsd.
 *
 * The server may go and come back: meanwhile the driver's requests lie in its queues. One that was started anew knows
 * nothing of what the guest had open, and says so to those requests; the guest mounts again.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../vhost/vhost-user.h"

#define TAG_SIZE 36
#define REQUEST_QUEUES_MAX 63
#define QUEUE_SIZE 128
#define SECOND UINT64_C(1000000000)

/* Bit 32 is VERSION_1; 28 and 29 the ring's. */
#define RING_FEATURES (UINT64_C(1) << 28 | UINT64_C(1) << 29)
#define VERSION_1 (UINT64_C(1) << 32)

/* As the driver reads it (5.11.4), little endian. */
struct config {
	char tag[TAG_SIZE];
	uint32_t request_queues;
};

struct fs {
	/* properties */
	struct mortise_chardev *chardev;
	const char *tag;
	uint32_t request_queues;

	const struct mortise_host *host;
	struct mortise_device *device;
	struct vhost_user user;
	bool active;
	uint64_t features; /* negotiated */
};

/* Looks for the server once a second: one system call. */
static void retry_later(struct fs *fs)
{
	fs->host->timer_set(fs->device, 0, fs->host->clock_ns() + SECOND);
}

static int connect_server(struct fs *fs, struct mortise_error *err)
{
	int r = vhost_user_connect(&fs->user, err);

	if (r < 0)
		return r;
	if (!(fs->user.features & VERSION_1)) {
		vhost_user_gone(&fs->user);
		return mortise_fail(err, -ENOTSUP,
				    "The vhost-user server does not know virtio 1.0 (VIRTIO_F_VERSION_1)");
	}
	return 0;
}

/* Gives the queues to the server, or waits for it to come back. */
static void serve(struct fs *fs)
{
	struct mortise_error err = {0};
	int r;

	if (fs->user.vhost.lent)
		return;
	r = connect_server(fs, &err);
	if (r == 0 && fs->active)
		r = vhost_start(&fs->user.vhost, fs->features, &err);
	if (r == -ENOTSUP)
		fs->host->log(fs->device, MORTISE_LOG_ERROR, "%s", err.message);
	if (r < 0)
		retry_later(fs);
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct fs *fs = self;
	struct config config = {.request_queues = fs->request_queues};
	int r;

	if (!*fs->tag)
		return mortise_fail(err, -EINVAL, "Property 'tag' is empty; the guest mounts by it");
	fs->host = host;
	fs->device = device;
	fs->user = (struct vhost_user){
		.vhost = {.host = host, .device = device, .count = 1 + fs->request_queues, .fd = -1},
		.chardev = fs->chardev,
	};
	r = connect_server(fs, err);
	if (r < 0)
		return r;
	host->offer_features(device, 0);
	host->offer_ring_features(device, fs->user.features & RING_FEATURES);
	memcpy(config.tag, fs->tag, strlen(fs->tag));
	host->write_config(device, 0, &config, sizeof(config));
	return 0;
}

static void unrealize(void *self)
{
	struct fs *fs = self;

	vhost_user_gone(&fs->user);
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct fs *fs = self;

	fs->active = true;
	fs->features = features;
	serve(fs);
	return 0;
}

/* Only while there is no server: the requests wait. */
static void notify(void *self, uint32_t queue)
{
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct fs *fs = self;

	fs->active = false;
	vhost_stop(&fs->user.vhost);
	return 0;
}

static void resume(void *self)
{
	struct fs *fs = self;

	fs->active = true;
	serve(fs);
}

static void on_timer(void *self, uint32_t id)
{
	serve(self);
}

static void char_ready(void *self, struct mortise_chardev *chardev, uint32_t events)
{
	struct fs *fs = self;

	if (!(events & MORTISE_CHAR_PEER) || vhost_user_connected(&fs->user))
		return;
	fs->host->log(fs->device, MORTISE_LOG_WARNING,
		      "the file system's server has gone; waiting for it to come back");
	vhost_user_gone(&fs->user);
	retry_later(fs);
}

static const struct mortise_property properties[] = {
	{.name = "chardev",
	 .type = MORTISE_PROPERTY_CHARDEV,
	 .flags = MORTISE_PROPERTY_REQUIRED | MORTISE_PROPERTY_CLIENT,
	 .offset = offsetof(struct fs, chardev),
	 .help = "a socket chardev with the path where the server listens"},
	{.name = "tag",
	 .type = MORTISE_PROPERTY_STRING,
	 .flags = MORTISE_PROPERTY_REQUIRED,
	 .offset = offsetof(struct fs, tag),
	 .max = TAG_SIZE,
	 .help = "the name that the guest mounts the file system by"},
	{.name = "num-request-queues",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct fs, request_queues),
	 .fallback = "1",
	 .min = 1,
	 .max = REQUEST_QUEUES_MAX,
	 .help = "queues for the guest's CPUs to spread over; some servers know but one"},
	{.name = NULL},
};

static const struct mortise_class vhost_user_fs = {
	.size = sizeof(vhost_user_fs),
	.property_size = sizeof(struct mortise_property),
	.driver = "vhost-user-fs",
	.summary = "File system of the host, served by a vhost-user process",
	.virtio_id = 26,
	.queue_count = 1 + REQUEST_QUEUES_MAX,
	.config_size = sizeof(struct config),
	.instance_size = sizeof(struct fs),
	.queue_size = QUEUE_SIZE,
	.properties = properties,
	.realize = realize,
	.unrealize = unrealize,
	.activate = activate,
	.notify = notify,
	.quiesce = quiesce,
	.resume = resume,
	.timer = on_timer,
	.char_ready = char_ready,
};

static const struct mortise_class *const classes[] = {&vhost_user_fs, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "vhost-user-fs",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "File systems of the host, by virtiofsd (virtio 1.2, 5.11)",
	.classes = classes,
};
