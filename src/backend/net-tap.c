/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-tap.c - a tap: frames go between the guest's buffers and the kernel without a copy of ours.
 *
 * The kernel takes and gives frames with their virtio-net header, checks what the guest wrote into it, and does the
 * checksums and the segmentation that the guest left undone (Documentation/networking/tuntap.rst). A descriptor of a
 * tap that was opened without those headers does as well: then that work is done here.
 */
#include "backend/net-driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "backend/net-gso.h"
#include "backend/net-vhost.h"
#include "base/util.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TUN_DEVICE "/dev/net/tun"
#define NAME_MAX_LEN (IFNAMSIZ - 1)

struct tap_queue {
	struct tap *tap;
	unsigned index;
	int fd;	    /* -1: the tap is gone */
	short wish; /* EV_READ, EV_WRITE: what `event` waits for; 0: not armed */
	struct event *event;
};

struct tap {
	struct mortise_net net;
	const char *ifname, *fd, *fds, *script, *downscript, *vhostfd, *vhostfds;
	uint8_t vhost, vhostforce;
	uint32_t queues;

	struct tap_queue queue[NET_QUEUE_PAIRS_MAX];
	int vhosts[NET_QUEUE_PAIRS_MAX]; /* of /dev/vhost-net, one a queue; -1: not asked for */
	uint8_t *finished;     /* where frames are finished for a tap without virtio-net headers; otherwise NULL */
	unsigned tun_offloads; /* TUN_F_*: what the guest can receive */
	uint32_t pairs;	       /* queues in use */
	struct event *retry;   /* armed while the tap is gone */
};

/* --- opening --- */

static int check_options(struct mortise_net *net, struct options *options, struct mortise_error *err)
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
static int open_queue(const char *ifname, bool multi_queue, int *out, struct mortise_error *err)
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
	*out = steal_fd(&fd);
	return 0;
}

static void close_queues(struct tap *tap)
{
	for (size_t i = 0; i < ARRAY_SIZE(tap->queue); i++) {
		if (tap->queue[i].fd >= 0)
			close(tap->queue[i].fd);
		tap->queue[i].fd = -1;
	}
}

static int open_by_name(struct tap *tap, struct mortise_error *err)
{
	for (uint32_t i = 0; i < tap->net.queue_pairs; i++) {
		int r = open_queue(tap->ifname, tap->net.queue_pairs > 1, &tap->queue[i].fd, err);

		if (r < 0) {
			close_queues(tap);
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
	char ifname[IFNAMSIZ] = "", *rest = list, *item;
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
		r = check_fd(item, fds[count++], ifname, &headers, err);
		if (r < 0)
			return r;
	}
	if (!headers && !(tap->finished = malloc(NET_FRAME_MAX)))
		return mortise_fail(err, -ENOMEM, "Out of memory for netdev '%s'", tap->net.id);
	for (uint32_t i = 0; i < count; i++)
		tap->queue[i].fd = fds[i];
	tap->net.queue_pairs = count;
	snprintf(tap->net.info, sizeof(tap->net.info), "ifname=%s,fd%s=%s", ifname, tap->fd ? "" : "s",
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

	if (tap->finished) {
		tap->net.offloads = NET_SOFT_OFFLOADS;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (ioctl(tap->queue[0].fd, TUNSETOFFLOAD, tun | steps[i].tun) < 0)
			break;
		tun |= steps[i].tun;
		tap->net.offloads |= steps[i].offload;
	}
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

static int tap_open(struct mortise_net *net, struct mortise_error *err)
{
	struct tap *tap = container_of(net, struct tap, net);
	int r;

	for (unsigned i = 0; i < ARRAY_SIZE(tap->queue); i++)
		tap->queue[i] = (struct tap_queue){.tap = tap, .index = i, .fd = -1};
	memset(tap->vhosts, 0xff, sizeof(tap->vhosts));
	if (tap->ifname) {
		net->queue_pairs = MAX(tap->queues, 1);
		snprintf(net->info, sizeof(net->info), "ifname=%s", tap->ifname);
		r = open_by_name(tap, err);
	} else {
		r = open_by_fds(tap, err);
	}
	if (r == 0)
		r = open_vhost(tap, err);
	if (r < 0) {
		if (tap->ifname)
			close_queues(tap);
		free(steal_ptr(&tap->finished));
		return r;
	}
	probe_offloads(tap);
	if (tap->ifname)
		read_mtu(tap);
	return 0;
}

static void tap_close(struct mortise_net *net)
{
	struct tap *tap = container_of(net, struct tap, net);

	close_queues(tap);
	net_vhost_close(tap->vhosts, ARRAY_SIZE(tap->vhosts));
	free(steal_ptr(&tap->finished));
}

/* --- the instance's thread --- */

static void on_event(evutil_socket_t fd, short what, void *opaque)
{
	struct tap_queue *queue = opaque;

	net_ready(&queue->tap->net, queue->index,
		  (what & EV_READ ? MORTISE_NET_READABLE : 0) | (what & EV_WRITE ? MORTISE_NET_WRITABLE : 0));
}

static void watch(struct tap_queue *queue, short wish)
{
	struct loop *loop = queue->tap->net.loop;

	if (queue->fd < 0 || queue->index >= queue->tap->pairs) /* a detached queue would report errors for ever */
		wish = 0;
	if (wish == queue->wish)
		return;
	if (queue->event && queue->wish)
		event_del(queue->event);
	queue->wish = 0;
	if (!wish)
		return;
	if (!queue->event)
		queue->event = event_new(loop_base(loop), queue->fd, wish | EV_PERSIST, on_event, queue);
	else
		event_assign(queue->event, loop_base(loop), queue->fd, wish | EV_PERSIST, on_event, queue);
	if (queue->event && event_add(queue->event, NULL) == 0)
		queue->wish = wish;
}

static void unwatch_all(struct tap *tap)
{
	for (size_t i = 0; i < ARRAY_SIZE(tap->queue); i++) {
		if (tap->queue[i].event)
			event_free(tap->queue[i].event);
		tap->queue[i].event = NULL;
		tap->queue[i].wish = 0;
	}
}

static void tap_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	struct tap *tap = container_of(net, struct tap, net);

	watch(&tap->queue[queue],
	      (events & MORTISE_NET_READABLE ? EV_READ : 0) | (events & MORTISE_NET_WRITABLE ? EV_WRITE : 0));
}

static int apply(struct tap *tap)
{
	int header_size = (int)tap->net.header_size;

	/* Both are the tap's, not the queue's, and queue 0 is always attached. */
	if ((!tap->finished && ioctl(tap->queue[0].fd, TUNSETVNETHDRSZ, &header_size) < 0) ||
	    ioctl(tap->queue[0].fd, TUNSETOFFLOAD, tap->finished ? 0 : tap->tun_offloads) < 0)
		return -errno;
	for (uint32_t i = 1; i < tap->net.queue_pairs; i++) {
		struct ifreq request = {.ifr_flags = i < tap->pairs ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};

		/* A queue that is in the wished state already answers EINVAL. */
		if (ioctl(tap->queue[i].fd, TUNSETQUEUE, &request) < 0 && errno != EINVAL)
			return -errno;
	}
	return 0;
}

static int tap_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	struct tap *tap = container_of(net, struct tap, net);

	tap->tun_offloads = 0;
	if (offloads & MORTISE_NET_CSUM)
		tap->tun_offloads = TUN_F_CSUM | (offloads & MORTISE_NET_TSO4 ? TUN_F_TSO4 : 0) |
				    (offloads & MORTISE_NET_TSO6 ? TUN_F_TSO6 : 0) |
				    (offloads & MORTISE_NET_ECN ? TUN_F_TSO_ECN : 0) |
				    (offloads & MORTISE_NET_USO ? TUN_F_USO4 | TUN_F_USO6 : 0);
	return tap->queue[0].fd < 0 ? 0 : apply(tap);
}

static int tap_set_queues(struct mortise_net *net, uint32_t pairs)
{
	struct tap *tap = container_of(net, struct tap, net);

	tap->pairs = pairs;
	return tap->queue[0].fd < 0 ? 0 : apply(tap);
}

/* A tap made anew under the same name is taken over; looking costs one system call a second. */
static void on_retry(evutil_socket_t fd, short what, void *opaque)
{
	struct tap *tap = opaque;

	if (open_by_name(tap, NULL) < 0)
		return;
	if (apply(tap) < 0) {
		close_queues(tap);
		return;
	}
	event_del(tap->retry);
	log_info("Netdev '%s': tap '%s' is back", tap->net.id, tap->ifname);
	net_link_changed(&tap->net, true); /* which polls anew for what is wished */
}

static void wait_for_return(struct tap *tap)
{
	const struct timeval second = {.tv_sec = 1};

	if (tap->ifname && tap->retry)
		event_add(tap->retry, &second);
}

/* After a failed read or write: finds out whether the tap was deleted. */
static void check_lost(struct tap *tap)
{
	struct ifreq request = {0};

	if (tap->queue[0].fd < 0 || ioctl(tap->queue[0].fd, TUNGETIFF, &request) == 0 || errno != EBADFD)
		return;
	log_warning("Netdev '%s' lost its tap (%s)%s", tap->net.id, tap->net.info,
		    tap->ifname ? "; waiting for it to come back" : "");
	unwatch_all(tap);
	close_queues(tap);
	net_link_changed(&tap->net, false);
	wait_for_return(tap);
}

static int tap_attach(struct mortise_net *net)
{
	struct tap *tap = container_of(net, struct tap, net);

	tap->pairs = 1;
	tap->retry = event_new(loop_base(net->loop), -1, EV_PERSIST, on_retry, tap);
	if (!tap->retry)
		return -ENOMEM;
	if (tap->queue[0].fd < 0)
		wait_for_return(tap);
	return 0;
}

static void tap_detach(struct mortise_net *net)
{
	struct tap *tap = container_of(net, struct tap, net);

	unwatch_all(tap);
	event_free(steal_ptr(&tap->retry));
	tap->tun_offloads = 0;
}

static int tap_vhost(struct mortise_net *net, uint32_t pair, int *vhost, int *frames)
{
	const struct tap *tap = container_of(net, struct tap, net);

	if (tap->vhosts[pair] < 0)
		return -ENOTSUP;
	*vhost = tap->vhosts[pair];
	*frames = tap->queue[pair].fd;
	return 0;
}

static int put_frame(struct tap *tap, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	ssize_t n;
	int r;

	do
		n = writev(tap->queue[queue].fd, iov, (int)count);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	r = -errno;
	if (r != -EAGAIN)
		check_lost(tap);
	return r;
}

/* A tap that is full in the middle of it loses the rest, as a wire would. */
static int finish_and_put(struct tap *tap, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct net_gso gso;
	uint32_t length;
	int r = net_gso_begin(&gso, iov, count, tap->net.header_size);

	for (bool first = true; r == 0 && (length = net_gso_next(&gso, tap->finished)); first = false) {
		const struct iovec frame = {.iov_base = tap->finished, .iov_len = length};

		r = put_frame(tap, queue, &frame, 1);
		if (r == -EAGAIN && !first)
			return -ENOBUFS;
	}
	return r;
}

static int tap_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct tap *tap = container_of(net, struct tap, net);

	return tap->finished ? finish_and_put(tap, queue, iov, count) : put_frame(tap, queue, iov, count);
}

static int64_t tap_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct tap *tap = container_of(net, struct tap, net);
	const uint32_t header_size = tap->finished ? net->header_size : 0;
	struct iovec copy[NET_GSO_BUFFERS_MAX];
	ssize_t n;

	if (header_size)
		iov = net_gso_none(copy, iov, &count, header_size);
	do
		n = readv(tap->queue[queue].fd, iov, (int)count);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n + header_size;
	if (errno != EAGAIN)
		check_lost(tap);
	return -EAGAIN;
}

#define OPTION(kind, member, text) \
	.name = #member, .type = MORTISE_PROPERTY_##kind, .offset = offsetof(struct tap, member), .help = text

static const struct mortise_property tap_properties[] = {
	{OPTION(STRING, ifname, "name of a tap that exists")},
	{OPTION(STRING, fd, "descriptor of an open tap")},
	{OPTION(STRING, fds, "descriptors of a multi-queue tap, one for each queue pair, as in 3:4")},
	{OPTION(U32, queues, "queue pairs to open"), .min = 1, .max = NET_QUEUE_PAIRS_MAX},
	{OPTION(STRING, script, "no (taps are set up beforehand)")},
	{OPTION(STRING, downscript, "no")},
	{OPTION(BOOL, vhost, "move frames in the kernel (/dev/vhost-net)")},
	{OPTION(BOOL, vhostforce, "the same")},
	{OPTION(STRING, vhostfd, "descriptor of an open /dev/vhost-net, for vhost")},
	{OPTION(STRING, vhostfds, "such descriptors, one for each queue pair, as in 5:6")},
	{0},
};

const struct net_driver net_tap = {
	.type = {"tap", "a tap of the host's kernel", tap_properties},
	.size = sizeof(struct tap),
	.parse = check_options,
	.open = tap_open,
	.close = tap_close,
	.attach = tap_attach,
	.detach = tap_detach,
	.set_offloads = tap_set_offloads,
	.set_queues = tap_set_queues,
	.send = tap_send,
	.receive = tap_receive,
	.poll = tap_poll,
	.vhost = tap_vhost,
};
