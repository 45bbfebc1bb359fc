/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-tap.c - a tap: frames go between the guest's buffers and the kernel without a copy of ours.
 *
 * The kernel takes and gives frames with their virtio-net header, checks what the guest wrote into it, and does the
 * checksums and the segmentation that the guest left undone (Documentation/networking/tuntap.rst). A descriptor of a
 * tap that was opened without those headers does as well: then that work is done here.
 */
#include "backend/net-tap.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "backend/net-gso.h"
#include "base/util.h"

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
	return tap_is_open(tap) ? apply(tap) : 0;
}

static int tap_set_queues(struct mortise_net *net, uint32_t pairs)
{
	struct tap *tap = container_of(net, struct tap, net);

	tap->pairs = pairs;
	return tap_is_open(tap) ? apply(tap) : 0;
}

/* Finds out whether the tap was deleted. */
static void check_lost(struct tap *tap)
{
	struct ifreq request = {0};

	if (!tap_is_open(tap) || ioctl(tap->queue[0].fd, TUNGETIFF, &request) == 0 || errno != EBADFD)
		return;
	log_warning("Netdev '%s' lost its tap (%s)%s", tap->net.id, tap->net.info,
		    tap->ifname ? "; waiting for it to come back" : "");
	unwatch_all(tap);
	tap_close_queues(tap);
	net_link_changed(&tap->net, false);
}

/* A tap made anew under the same name is taken over, as soon as whoever makes it lets go of it. */
static void take_over(struct tap *tap)
{
	if (tap_open_queues(tap, NULL) < 0)
		return;
	if (apply(tap) < 0) {
		tap_close_queues(tap);
		return;
	}
	log_info("Netdev '%s': tap '%s' is back", tap->net.id, tap->ifname);
	net_link_changed(&tap->net, true); /* which polls anew for what is wished */
}

static void on_interface(void *opaque)
{
	struct tap *tap = opaque;

	check_lost(tap);
	if (!tap_is_open(tap) && tap->ifname)
		take_over(tap);
}

static int tap_attach(struct mortise_net *net)
{
	struct tap *tap = container_of(net, struct tap, net);
	int r;

	tap->pairs = 1;
	r = net_interface_watch(&tap->interface, net->loop, tap->name, on_interface, tap);
	if (r == 0)
		on_interface(tap); /* nobody watched until now */
	return r;
}

static void tap_detach(struct mortise_net *net)
{
	struct tap *tap = container_of(net, struct tap, net);

	unwatch_all(tap);
	net_interface_unwatch(&tap->interface);
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
		check_lost(tap); /* sooner than the kernel tells, or in another namespace, of which it does not tell */
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
	.parse = tap_check_options,
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
