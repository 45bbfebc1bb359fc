/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-dgram.c - a datagram socket, one frame a datagram: to another VM.
 *
 * Frames to be sent are gathered and finished in memory and leave many at a time; received ones go straight into the
 * guest's buffers. With a path the socket is connected to its peer, for flow control and to hear from nobody else; a
 * peer that is not there yet, or was restarted, is looked for once a second.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "backend/net-driver.h"
#include "backend/net-fifo.h"
#include "backend/net-gso.h"
#include "backend/net-socket.h"
#include "base/util.h"

#include <mortise/queue.h>

#define FIFO_SIZE (512 * KIB)
#define SEND_BATCH 64
#define SEND_BUFFER (4 * (int)MIB) /* what may wait in the kernel for the peer; it may allow less */

struct dgram {
	struct mortise_net net;
	const char *local_type, *local, *str, *remote_type, *remote, *fd_text;

	int fd;
	struct net_fifo out;
	struct stat peer; /* the remote socket's inode while connected */

	/* Instance's thread. */
	struct event *event;
	struct event *look_event; /* every second, where the peer has a path */
	short watched;
	uint32_t wish;
};

static struct dgram *to_dgram(struct mortise_net *net)
{
	return container_of(net, struct dgram, net);
}

/* --- opening --- */

static int dgram_parse(struct mortise_net *net, struct options *options, struct mortise_error *err)
{
	struct dgram *dgram = to_dgram(net);
	const char *type = dgram->local_type;

	dgram->fd = -1;
	if (dgram->fd_text) {
		if (type || dgram->str || dgram->remote_type)
			return mortise_fail(err, -EINVAL, "Parameters 'fd' and 'local.type' exclude each other");
		dgram->str = dgram->fd_text;
		return 0;
	}
	if (type && streq(type, "fd") && dgram->str && !dgram->local && !dgram->remote_type && !dgram->remote)
		return 0;
	if (type && streq(type, "unix") && dgram->local && !dgram->str && dgram->remote_type &&
	    streq(dgram->remote_type, "unix") && dgram->remote)
		return 0;
	return mortise_fail(err, -EINVAL,
			    "A dgram needs local.type=unix,local.path=P,remote.type=unix,remote.path=P, or "
			    "local.type=fd,local.str=N");
}

/* Connects to the remote path; false while nobody is there who would take frames. */
static bool find_peer(struct dgram *dgram)
{
	struct sockaddr_un address;

	return net_socket_address(&address, dgram->remote, NULL) == 0 && stat(dgram->remote, &dgram->peer) == 0 &&
	       connect(dgram->fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static int open_path(struct dgram *dgram, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int r = net_socket_address(&address, dgram->remote, err);

	if (r < 0)
		return r;
	r = net_socket_new(&fd, SOCK_DGRAM, err);
	if (r < 0)
		return r;
	r = net_socket_bind(fd, SOCK_DGRAM, dgram->local, err);
	if (r < 0)
		return r;
	dgram->fd = steal_fd(&fd);
	return 0;
}

static int dgram_open(struct mortise_net *net, struct mortise_error *err)
{
	struct dgram *dgram = to_dgram(net);
	const int buffer = SEND_BUFFER;
	int fd = -1, r;

	if (net_fifo_new(&dgram->out, FIFO_SIZE) < 0)
		return mortise_fail(err, -ENOMEM, "Out of memory for netdev '%s'", net->id);
	if (dgram->str) {
		r = net_inherit_fd(dgram->str, &fd, err);
		if (r == 0)
			r = net_socket_check(fd, SOCK_DGRAM, dgram->str, err);
		if (r == 0)
			dgram->fd = fd;
	} else {
		r = open_path(dgram, err);
	}
	if (r < 0) {
		net_fifo_free(&dgram->out);
		return r;
	}
	setsockopt(dgram->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	net->offloads = NET_SOFT_OFFLOADS;
	if (dgram->str)
		snprintf(net->info, sizeof(net->info), "fd=%s", dgram->str);
	else
		snprintf(net->info, sizeof(net->info), "local=%s,remote=%s", dgram->local, dgram->remote);
	atomic_store(&net->link_up, dgram->str || find_peer(dgram));
	return 0;
}

static void dgram_close(struct mortise_net *net)
{
	struct dgram *dgram = to_dgram(net);

	close(dgram->fd);
	if (dgram->local)
		unlink(dgram->local);
	net_fifo_free(&dgram->out);
}

/* --- watching --- */

static void dgram_on_event(evutil_socket_t fd, short what, void *opaque);

static void update_watch(struct dgram *dgram)
{
	short wanted = 0;

	if (atomic_load(&dgram->net.link_up))
		wanted = (dgram->wish & MORTISE_NET_READABLE ? EV_READ : 0) |
			 (dgram->wish & MORTISE_NET_WRITABLE || net_fifo_used(&dgram->out) ? EV_WRITE : 0);
	if (wanted == dgram->watched)
		return;
	if (dgram->event)
		event_free(steal_ptr(&dgram->event));
	dgram->watched = 0;
	if (!wanted)
		return;
	dgram->event = event_new(loop_base(dgram->net.loop), dgram->fd, wanted | EV_PERSIST, dgram_on_event, dgram);
	if (dgram->event && event_add(dgram->event, NULL) == 0)
		dgram->watched = wanted;
}

static void dgram_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	to_dgram(net)->wish = events;
	update_watch(to_dgram(net));
}

static void lost(struct dgram *dgram)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	log_info("Netdev '%s' (%s) lost its peer", dgram->net.id, dgram->net.info);
	net_fifo_clear(&dgram->out);
	connect(dgram->fd, &nobody, sizeof(nobody)); /* so that the next peer may connect to us */
	net_link_changed(&dgram->net, false);
	update_watch(dgram);
}

/* A peer that was restarted made its socket anew; the one that we are connected to says nothing any more. */
static void on_look(evutil_socket_t none, short what, void *opaque)
{
	struct dgram *dgram = opaque;
	struct stat now;

	if (atomic_load(&dgram->net.link_up)) {
		if (stat(dgram->remote, &now) < 0 || now.st_ino != dgram->peer.st_ino ||
		    now.st_dev != dgram->peer.st_dev)
			lost(dgram);
	} else if (find_peer(dgram)) {
		log_info("Netdev '%s' (%s) has a peer", dgram->net.id, dgram->net.info);
		net_link_changed(&dgram->net, true);
		update_watch(dgram);
	}
}

/* --- frames --- */

/* Sends up to a batch from the front of the row; the number of frames gone, or a negative errno. */
static int send_batch(struct dgram *dgram)
{
	struct mmsghdr messages[SEND_BATCH] = {0};
	struct iovec iov[SEND_BATCH];
	struct net_fifo rest = dgram->out;
	const uint8_t *frame;
	unsigned count = 0;
	int64_t length;
	int n;

	while (count < SEND_BATCH && (length = net_fifo_front(&rest, &frame)) >= 0) {
		iov[count] = (struct iovec){.iov_base = (void *)frame, .iov_len = (size_t)length};
		messages[count].msg_hdr = (struct msghdr){.msg_iov = &iov[count], .msg_iovlen = 1};
		count++;
		net_fifo_drop(&rest, NET_FIFO_PREFIX + (size_t)length);
	}
	do
		n = sendmmsg(dgram->fd, messages, count, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		net_fifo_drop(&dgram->out, NET_FIFO_PREFIX + iov[i].iov_len);
	return n;
}

static void dgram_flush(struct mortise_net *net)
{
	struct dgram *dgram = to_dgram(net);
	const uint8_t *frame;

	while (net_fifo_used(&dgram->out)) {
		const int n = send_batch(dgram);

		if (n == -EAGAIN || n == -ENOBUFS)
			break;
		if (n == -EMSGSIZE) { /* the first frame does not fit a datagram */
			net_fifo_drop(&dgram->out, NET_FIFO_PREFIX + (size_t)net_fifo_front(&dgram->out, &frame));
			net_count(&net->dropped, 1);
		} else if (n < 0 && dgram->remote) {
			lost(dgram);
		} else if (n < 0) {
			net_fifo_clear(&dgram->out); /* nobody at the other end of the descriptor */
			net_count(&net->dropped, 1);
		}
	}
	update_watch(dgram);
}

static int dgram_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct dgram *dgram = to_dgram(net);
	struct net_gso gso;
	int r = net_gso_begin(&gso, iov, count, net->header_size);

	if (r < 0)
		return r;
	if (net_fifo_append(&dgram->out, &gso) < 0) {
		dgram_flush(net);
		r = net_gso_begin(&gso, iov, count, net->header_size);
		if (r == 0)
			r = net_fifo_append(&dgram->out, &gso) < 0 ? -EAGAIN : 0;
		if (r < 0)
			return r;
	}
	net_flush_later(net);
	return 0;
}

static int64_t dgram_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct iovec buffers[NET_GSO_BUFFERS_MAX], *at = net_gso_none(buffers, iov, &count, net->header_size);
	struct msghdr message = {0};
	ssize_t n;

	message.msg_iov = at;
	message.msg_iovlen = count;
	for (unsigned bad = 0; bad < SEND_BATCH; bad++) {
		n = recvmsg(to_dgram(net)->fd, &message, MSG_TRUNC);
		if (n >= NET_FRAME_MIN && n <= NET_FRAME_MAX)
			return n + net->header_size;
		if (n < 0 && errno != EINTR)
			break;
		if (n >= 0)
			net_count(&net->dropped, 1);
	}
	return -EAGAIN;
}

static void dgram_on_event(evutil_socket_t fd, short what, void *opaque)
{
	struct dgram *dgram = opaque;

	if (what & EV_WRITE) {
		dgram_flush(&dgram->net);
		if (dgram->wish & MORTISE_NET_WRITABLE && !net_fifo_used(&dgram->out))
			net_ready(&dgram->net, 0, MORTISE_NET_WRITABLE);
	}
	if (what & EV_READ && dgram->wish & MORTISE_NET_READABLE)
		net_ready(&dgram->net, 0, MORTISE_NET_READABLE);
}

/* --- attached --- */

static void dgram_detach(struct mortise_net *net)
{
	struct dgram *dgram = to_dgram(net);

	if (dgram->event)
		event_free(steal_ptr(&dgram->event));
	if (dgram->look_event)
		event_free(steal_ptr(&dgram->look_event));
	dgram->watched = 0;
	dgram->wish = 0;
}

static int dgram_attach(struct mortise_net *net)
{
	static const struct timeval second = {.tv_sec = 1};
	struct dgram *dgram = to_dgram(net);

	if (!dgram->remote)
		return 0;
	dgram->look_event = event_new(loop_base(net->loop), -1, EV_PERSIST, on_look, dgram);
	return dgram->look_event && event_add(dgram->look_event, &second) == 0 ? 0 : -ENOMEM;
}

static int dgram_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	return 0; /* what comes from the peer is finished */
}

#define OPTION(text, member, line) \
	.name = text, .type = MORTISE_PROPERTY_STRING, .offset = offsetof(struct dgram, member), .help = line

static const struct mortise_property dgram_properties[] = {
	{OPTION("local.type", local_type, "unix or fd")},
	{OPTION("local.path", local, "path of the unix socket to receive at")},
	{OPTION("local.str", str, "descriptor of a connected datagram socket")},
	{OPTION("remote.type", remote_type, "unix")},
	{OPTION("remote.path", remote, "path of the peer's unix socket")},
	{OPTION("fd", fd_text, "the same as local.type=fd,local.str=")},
	{0},
};

const struct net_driver net_dgram = {
	.type = {"dgram", "a datagram socket to another VM", dgram_properties},
	.size = sizeof(struct dgram),
	.parse = dgram_parse,
	.open = dgram_open,
	.close = dgram_close,
	.attach = dgram_attach,
	.detach = dgram_detach,
	.set_offloads = dgram_set_offloads,
	.send = dgram_send,
	.receive = dgram_receive,
	.poll = dgram_poll,
	.flush = dgram_flush,
};
