/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-tap-open.c - opening taps: by name or by descriptors, with what the kernel can do for them.
 */
#include "backend/net-tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "backend/net-gso.h"
#include "backend/net-vhost.h"
#include "base/util.h"

#define TUN_DEVICE "/dev/net/tun"
#define NAME_MAX_LEN (IFNAMSIZ - 1)

int tap_check_options(struct mortise_net *net, struct options *options, struct mortise_error *err)
{
	struct tap *tap = container_of(net, struct tap, net);
	const char *const scripts[][2] = {{"script", tap->script}, {"downscript", tap->downscript}};

	if (!!tap->ifname + !!tap->fd + !!tap->fds != 1)
		return mortise_fail(err, -EINVAL, "A tap needs one of the parameters 'ifname', 'fd' and 'fds'");
	if (tap->ifname && (!*tap->ifname || strlen(tap->ifname) > NAME_MAX_LEN))
		return mortise_fail(err, -EINVAL, "'%s' is no name of a network interface: 1 to %d bytes", tap->ifname,
				    NAME_MAX_LEN);
	if (!tap->ifname && tap->queues)
		return mortise_fail(err, -EINVAL,
				    "Parameter 'queues' goes with 'ifname'; 'fds' has one for each queue");
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (scripts[i][1] && *scripts[i][1] && !streq(scripts[i][1], "no"))
			return mortise_fail(err, -EINVAL, "Parameter '%s' can only be 'no': set up the tap beforehand",
					    scripts[i][0]);
	return 0;
}

static int open_device(int *out, struct mortise_error *err)
{
	int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return mortise_fail(err, -ENOENT, TUN_DEVICE " is not there; load the kernel module 'tun'");
	if (fd < 0)
		return mortise_fail(err, -errno, "Could not open " TUN_DEVICE ": %s", strerror(errno));
	*out = fd;
	return 0;
}

static int explain(const char *ifname, int error, bool multi_queue, struct mortise_error *err)
{
	switch (error) {
	case EBUSY:
		return mortise_fail(err, -EBUSY, "Tap '%s' is in use already, here or by another process", ifname);
	case EPERM:
		return mortise_fail(err, -EPERM,
				    "Tap '%s' belongs to another user: it takes CAP_NET_ADMIN, or a tap made with "
				    "`ip tuntap add dev %s mode tap user NAME`",
				    ifname, ifname);
	case EINVAL:
		return mortise_fail(err, -EINVAL, "Network interface '%s' is not a tap%s", ifname,
				    multi_queue ? ", or was made without multi_queue" : "");
	default:
		return mortise_fail(err, -error, "Could not open tap '%s': %s", ifname, strerror(error));
	}
}

/* Attaches to a tap that exists; TUNSETIFF alone would make one where the name is free. */
static int open_queue(const char *ifname, bool multi_queue, int *out, int *index, struct mortise_error *err)
{
	const unsigned before = if_nametoindex(ifname);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi_queue ? IFF_MULTI_QUEUE : 0)};
	_cleanup_close_ int fd = -1;
	int r;

	if (before) {
		r = open_device(&fd, err);
		if (r < 0)
			return r;
		memcpy(request.ifr_name, ifname, strlen(ifname) + 1);
		r = ioctl(fd, TUNSETIFF, &request);
		if (r < 0 && errno == EINVAL && !multi_queue) {
			/* One made with multi_queue wants to be asked for that, even for a single queue. */
			request.ifr_flags |= IFF_MULTI_QUEUE;
			r = ioctl(fd, TUNSETIFF, &request);
		}
		if (r < 0)
			return explain(ifname, errno, multi_queue, err);
	}
	if (!before || if_nametoindex(ifname) != before)
		return mortise_fail(err, -ENOENT,
				    "There is no network interface '%s' in this network namespace; make it with "
				    "`ip tuntap add dev %s mode tap`",
				    ifname, ifname);
	*index = (int)before;
	*out = steal_fd(&fd);
	return 0;
}

void tap_close_queues(struct tap *tap)
{
	for (size_t i = 0; i < ARRAY_SIZE(tap->queue); i++) {
		if (tap->queue[i].fd >= 0)
			close(tap->queue[i].fd);
		tap->queue[i].fd = -1;
	}
}

int tap_open_queues(struct tap *tap, struct mortise_error *err)
{
	for (uint32_t i = 0; i < tap->net.queue_pairs; i++) {
		int r = open_queue(tap->ifname, tap->net.queue_pairs > 1, &tap->queue[i].fd, &tap->interface.index,
				   err);

		if (r < 0) {
			tap_close_queues(tap);
			return r;
		}
	}
	return 0;
}

static int check_fd(const char *text, int fd, char *ifname, bool *headers, struct mortise_error *err)
{
	struct ifreq request = {0};

	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return mortise_fail(err, -EINVAL, "File descriptor %s is no tap", text);
	if (!(request.ifr_flags & IFF_TAP))
		return mortise_fail(err, -EINVAL, "File descriptor %s is the tun '%s', not a tap", text,
				    request.ifr_name);
	if (*ifname && !streq(ifname, request.ifr_name))
		return mortise_fail(err, -EINVAL, "File descriptor %s is a queue of tap '%s', the others are of '%s'",
				    text, request.ifr_name, ifname);
	memcpy(ifname, request.ifr_name, IFNAMSIZ);
	/* The same for all queues: it is the tap's. Whether IFF_NO_PI was given cannot be told: its bit says
	 * IFF_NOFILTER. */
	*headers = request.ifr_flags & IFF_VNET_HDR;
	return 0;
}

/* The descriptors stay the caller's until all are found to be good. */
static int open_by_fds(struct tap *tap, struct mortise_error *err)
{
	_cleanup_free_ char *list = strdup(tap->fd ? tap->fd : tap->fds);
	int fds[NET_QUEUE_PAIRS_MAX];
	char *rest = list, *item;
	uint32_t count = 0;
	bool headers = true;

	if (!list)
		return mortise_fail(err, -ENOMEM, "Out of memory for netdev '%s'", tap->net.id);
	while ((item = strsep(&rest, tap->fd ? "" : ":"))) {
		int r;

		if (count == NET_QUEUE_PAIRS_MAX)
			return mortise_fail(err, -E2BIG, "A tap has at most %d queues; 'fds' lists more",
					    NET_QUEUE_PAIRS_MAX);
		r = net_inherit_fd(item, &fds[count], err);
		if (r < 0)
			return r;
		r = check_fd(item, fds[count++], tap->name, &headers, err);
		if (r < 0)
			return r;
	}
	if (!headers && !(tap->finished = malloc(NET_FRAME_MAX)))
		return mortise_fail(err, -ENOMEM, "Out of memory for netdev '%s'", tap->net.id);
	for (uint32_t i = 0; i < count; i++)
		tap->queue[i].fd = fds[i];
	tap->net.queue_pairs = count;
	tap->interface.index = (int)if_nametoindex(tap->name);
	snprintf(tap->net.info, sizeof(tap->net.info), "ifname=%s,fd%s=%s", tap->name, tap->fd ? "" : "s",
		 tap->fd ? tap->fd : tap->fds);
	return 0;
}

static int open_vhost(struct tap *tap, struct mortise_error *err)
{
	if (!tap->vhost && !tap->vhostforce && !tap->vhostfd && !tap->vhostfds)
		return 0;
	if (tap->finished)
		return mortise_fail(err, -EINVAL,
				    "vhost takes a tap that was opened with virtio-net headers (IFF_VNET_HDR)");
	return net_vhost_open(tap->vhostfd, tap->vhostfds, tap->net.queue_pairs, tap->vhosts, err);
}

static void probe_offloads(struct tap *tap)
{
	static const struct {
		unsigned tun;
		uint32_t offload;
	} steps[] = {
		{TUN_F_CSUM, MORTISE_NET_CSUM},
		{TUN_F_TSO4 | TUN_F_TSO6, MORTISE_NET_TSO4 | MORTISE_NET_TSO6},
		{TUN_F_TSO_ECN, MORTISE_NET_ECN},
		{TUN_F_USO4 | TUN_F_USO6, MORTISE_NET_USO},
	};
	unsigned tun = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		tun |= steps[i].tun;
	if (tap->finished) {
		tap->net.offloads = NET_SOFT_OFFLOADS;
		return;
	}
	/* Each needs those before it. Most kernels have all: then one call tells. */
	for (size_t i = ARRAY_SIZE(steps); i--; tun &= ~steps[i].tun)
		if (tap->net.offloads || ioctl(tap->queue[0].fd, TUNSETOFFLOAD, tun) == 0)
			tap->net.offloads |= steps[i].offload;
	ioctl(tap->queue[0].fd, TUNSETOFFLOAD, 0);
}

static void read_mtu(struct tap *tap)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	memcpy(request.ifr_name, tap->ifname, strlen(tap->ifname) + 1);
	if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0)
		tap->net.mtu = (uint32_t)request.ifr_mtu;
}

int tap_open(struct mortise_net *net, struct mortise_error *err)
{
	struct tap *tap = container_of(net, struct tap, net);
	int r;

	for (unsigned i = 0; i < ARRAY_SIZE(tap->queue); i++)
		tap->queue[i] = (struct tap_queue){.tap = tap, .index = i, .fd = -1};
	memset(tap->vhosts, 0xff, sizeof(tap->vhosts));
	if (tap->ifname) {
		memcpy(tap->name, tap->ifname, strlen(tap->ifname) + 1);
		net->queue_pairs = MAX(tap->queues, 1);
		snprintf(net->info, sizeof(net->info), "ifname=%s", tap->ifname);
		r = tap_open_queues(tap, err);
	} else {
		r = open_by_fds(tap, err);
	}
	if (r == 0)
		r = open_vhost(tap, err);
	if (r < 0) {
		if (tap->ifname)
			tap_close_queues(tap);
		free(steal_ptr(&tap->finished));
		return r;
	}
	probe_offloads(tap);
	if (tap->ifname)
		read_mtu(tap);
	return 0;
}

void tap_close(struct mortise_net *net)
{
	struct tap *tap = container_of(net, struct tap, net);

	tap_close_queues(tap);
	net_vhost_close(tap->vhosts, ARRAY_SIZE(tap->vhosts));
	free(steal_ptr(&tap->finished));
}
