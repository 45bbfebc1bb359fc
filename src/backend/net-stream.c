/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-stream.c - a stream socket with QEMU's framing: to another VM, to passt, to whatever speaks it.
 *
 * Frames are gathered in memory, finished there, and written once a round of the loop; what has arrived is read in one
 * go and handed out frame by frame. One peer at a time: a server's next ones wait in the kernel's queue. When the peer
 * goes the link is down until another comes (server) or until it can be reached again (client).
 */
#include <errno.h>
#include <sys/socket.h>

#include "backend/net-driver.h"
#include "backend/net-fifo.h"
#include "backend/net-gso.h"
#include "backend/net-socket.h"
#include "base/util.h"

#define FIFO_SIZE (512 * KIB) /* more than the worst that one frame can become */
#define BACKLOG 4
#define RECONNECT_DEFAULT 1000 /* milliseconds */
#define NOT_GIVEN UINT32_MAX

struct stream {
	struct mortise_net net;
	const char *addr_type, *path, *str, *fd_text;
	uint8_t server;
	uint32_t reconnect_ms, reconnect;

	int listener;	    /* -1: a client */
	int fd;		    /* -1: no peer */
	bool patient;	    /* the peer need not be there at first */
	uint32_t retry_ms;  /* 0: never */
	struct net_fifo in; /* as read; the last frame may not be there in full */
	struct net_fifo out;

	/* Instance's thread. */
	struct event *accept_event; /* armed while there is no peer */
	struct event *retry_event;  /* likewise, for a client */
	struct event *event;	    /* of fd */
	struct event *again;	    /* frames are left in `in`, or have room in `out` */
	short watched;
	uint32_t wish;
};

static struct stream *to_stream(struct mortise_net *net)
{
	return container_of(net, struct stream, net);
}

/* --- opening --- */

static int stream_parse(struct mortise_net *net, struct options *options, struct mortise_error *err)
{
	struct stream *stream = to_stream(net);
	const char *type = stream->addr_type;

	if (!options_find(options, "reconnect-ms"))
		stream->reconnect_ms = NOT_GIVEN;
	if (!options_find(options, "reconnect"))
		stream->reconnect = NOT_GIVEN;
	stream->listener = stream->fd = -1;
	if (stream->fd_text) {
		if (type || stream->str)
			return mortise_fail(err, -EINVAL, "Parameters 'fd' and 'addr.type' exclude each other");
		stream->str = stream->fd_text;
	} else if (!type || (!streq(type, "unix") && !streq(type, "fd"))) {
		return mortise_fail(err, -EINVAL, "Parameter 'addr.type' is %s%s%s, expected unix or fd",
				    type ? "'" : "", type ? type : "missing", type ? "'" : "");
	} else if (streq(type, "unix") ? !stream->path || stream->str : !stream->str || stream->path) {
		return mortise_fail(err, -EINVAL, "addr.type=%s goes with parameter '%s'", type,
				    streq(type, "unix") ? "addr.path" : "addr.str");
	}
	if (stream->reconnect != NOT_GIVEN && stream->reconnect_ms != NOT_GIVEN)
		return mortise_fail(err, -EINVAL, "Parameters 'reconnect' and 'reconnect-ms' exclude each other");
	if (stream->reconnect != NOT_GIVEN)
		stream->reconnect_ms = stream->reconnect * 1000;
	if (stream->reconnect_ms != NOT_GIVEN && (stream->server || stream->str))
		return mortise_fail(err, -EINVAL, "Parameter 'reconnect-ms' is for clients with 'addr.path' alone");
	stream->patient = stream->reconnect_ms != NOT_GIVEN && stream->reconnect_ms;
	stream->retry_ms = stream->reconnect_ms == NOT_GIVEN ? RECONNECT_DEFAULT : stream->reconnect_ms;
	return 0;
}

static int connect_to(const char *path, int *out, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int r = net_socket_address(&address, path, err);

	if (r < 0)
		return r;
	r = net_socket_new(&fd, SOCK_STREAM, err);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return mortise_fail(err, -errno,
				    "Nobody answers at unix socket '%s': %s; start the server first, or give "
				    "reconnect-ms",
				    path, strerror(errno));
	*out = steal_fd(&fd);
	return 0;
}

static int open_fd(struct stream *stream, struct mortise_error *err)
{
	int fd, listening = 0, r;
	socklen_t size = sizeof(listening);

	r = net_inherit_fd(stream->str, &fd, err);
	if (r < 0)
		return r;
	r = net_socket_check(fd, SOCK_STREAM, stream->str, err);
	if (r < 0)
		return r;
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
	if (!listening != !stream->server)
		return mortise_fail(err, -EINVAL, "File descriptor %s is %slistening; server=%s is for that",
				    stream->str, listening ? "" : "not ", listening ? "on" : "off");
	if (listening)
		stream->listener = fd;
	else
		stream->fd = fd;
	return 0;
}

static int open_server(struct stream *stream, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	int r = net_socket_new(&fd, SOCK_STREAM, err);

	if (r < 0)
		return r;
	r = net_socket_bind(fd, SOCK_STREAM, stream->path, err);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0) {
		r = mortise_fail(err, -errno, "Could not listen on '%s': %s", stream->path, strerror(errno));
		unlink(stream->path);
		return r;
	}
	stream->listener = steal_fd(&fd);
	return 0;
}

static int stream_open(struct mortise_net *net, struct mortise_error *err)
{
	struct stream *stream = to_stream(net);
	int r;

	if (net_fifo_new(&stream->in, FIFO_SIZE) < 0 || net_fifo_new(&stream->out, FIFO_SIZE) < 0)
		r = mortise_fail(err, -ENOMEM, "Out of memory for netdev '%s'", net->id);
	else if (stream->str)
		r = open_fd(stream, err);
	else if (stream->server)
		r = open_server(stream, err);
	else
		r = connect_to(stream->path, &stream->fd, err);
	if (r < 0 && !(stream->patient && (r == -ENOENT || r == -ECONNREFUSED))) {
		net_fifo_free(&stream->in);
		net_fifo_free(&stream->out);
		return r;
	}
	net->offloads = NET_SOFT_OFFLOADS;
	atomic_store(&net->link_up, stream->fd >= 0);
	snprintf(net->info, sizeof(net->info), "%s=%s%s", stream->str ? "fd" : "path",
		 stream->str ? stream->str : stream->path, stream->server ? ",server=on" : "");
	return 0;
}

static void stream_close(struct mortise_net *net)
{
	struct stream *stream = to_stream(net);

	cleanup_close(&stream->fd);
	cleanup_close(&stream->listener);
	if (stream->listener >= 0 && stream->path)
		unlink(stream->path);
	net_fifo_free(&stream->in);
	net_fifo_free(&stream->out);
}

/* --- the peer comes and goes --- */

static void update_watch(struct stream *stream);

static void wait_for_peer(struct stream *stream)
{
	const struct timeval delay = {.tv_sec = stream->retry_ms / 1000, .tv_usec = stream->retry_ms % 1000 * 1000};

	if (stream->listener >= 0)
		event_add(stream->accept_event, NULL);
	else if (stream->path && stream->retry_ms)
		event_add(stream->retry_event, &delay);
}

static void connected(struct stream *stream, int fd)
{
	stream->fd = fd;
	if (stream->accept_event)
		event_del(stream->accept_event);
	event_del(stream->retry_event);
	log_info("Netdev '%s' (%s) has a peer", stream->net.id, stream->net.info);
	net_link_changed(&stream->net, true);
	update_watch(stream);
}

static void lost(struct stream *stream, const char *why)
{
	log_info("Netdev '%s' (%s) lost its peer: %s", stream->net.id, stream->net.info, why);
	if (stream->event)
		event_free(steal_ptr(&stream->event));
	stream->watched = 0;
	event_del(stream->again);
	close(steal_fd(&stream->fd));
	net_fifo_clear(&stream->in);
	net_fifo_clear(&stream->out);
	net_link_changed(&stream->net, false);
	wait_for_peer(stream);
}

static void on_accept(evutil_socket_t listener, short what, void *opaque)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		connected(opaque, fd);
}

static void on_retry(evutil_socket_t none, short what, void *opaque)
{
	struct stream *stream = opaque;
	int fd;

	if (connect_to(stream->path, &fd, NULL) == 0)
		connected(stream, fd);
}

/* --- frames --- */

static void flush(struct stream *stream)
{
	while (net_fifo_used(&stream->out)) {
		ssize_t n = send(stream->fd, stream->out.data + stream->out.start, net_fifo_used(&stream->out),
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			lost(stream, strerror(errno));
			return;
		}
		if (n < 0)
			break;
		net_fifo_drop(&stream->out, (size_t)n);
	}
	update_watch(stream);
}

static void stream_flush(struct mortise_net *net)
{
	if (to_stream(net)->fd >= 0)
		flush(to_stream(net));
}

static bool has_frame(const struct stream *stream)
{
	const uint8_t *frame;

	return net_fifo_front(&stream->in, &frame) >= 0;
}

static void on_event(evutil_socket_t fd, short what, void *opaque)
{
	struct stream *stream = opaque;

	if (what & EV_WRITE) {
		flush(stream);
		if (stream->fd >= 0 && stream->wish & MORTISE_NET_WRITABLE && !net_fifo_used(&stream->out))
			net_ready(&stream->net, 0, MORTISE_NET_WRITABLE);
	}
	if (what & EV_READ && stream->wish & MORTISE_NET_READABLE)
		net_ready(&stream->net, 0, MORTISE_NET_READABLE);
	if (stream->fd >= 0)
		update_watch(stream);
}

/* Frames that were read already: the socket would not tell of them. */
static void on_again(evutil_socket_t none, short what, void *opaque)
{
	on_event(-1, EV_READ, opaque);
}

static void update_watch(struct stream *stream)
{
	static const struct timeval now;
	const short wanted = (stream->wish & MORTISE_NET_READABLE ? EV_READ : 0) |
			     (stream->wish & MORTISE_NET_WRITABLE || net_fifo_used(&stream->out) ? EV_WRITE : 0);

	if (stream->fd < 0)
		return;
	if (stream->wish & MORTISE_NET_READABLE && has_frame(stream))
		event_add(stream->again, &now);
	if (wanted == stream->watched)
		return;
	if (stream->event)
		event_free(steal_ptr(&stream->event));
	stream->watched = 0;
	if (!wanted)
		return;
	stream->event = event_new(loop_base(stream->net.loop), stream->fd, wanted | EV_PERSIST, on_event, stream);
	if (stream->event && event_add(stream->event, NULL) == 0)
		stream->watched = wanted;
}

static void stream_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	to_stream(net)->wish = events;
	update_watch(to_stream(net));
}

static int stream_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct stream *stream = to_stream(net);
	struct net_gso gso;
	int r = net_gso_begin(&gso, iov, count, net->header_size);

	if (r < 0)
		return r;
	if (net_fifo_append(&stream->out, &gso) < 0) {
		flush(stream);
		if (stream->fd < 0)
			return -ENOTCONN;
		r = net_gso_begin(&gso, iov, count, net->header_size);
		if (r == 0)
			r = net_fifo_append(&stream->out, &gso) < 0 ? -EAGAIN : 0;
		if (r < 0)
			return r;
	}
	net_flush_later(net);
	return 0;
}

/* Reads as much as there is, once; false when nothing came. */
static bool read_more(struct stream *stream)
{
	uint8_t *room = net_fifo_room(&stream->in, stream->in.size - net_fifo_used(&stream->in));
	ssize_t n;

	do
		n = recv(stream->fd, room, stream->in.size - stream->in.end, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		stream->in.end += (size_t)n;
		return true;
	}
	if (n == 0 || errno != EAGAIN)
		lost(stream, n ? strerror(errno) : "it hung up");
	return false;
}

static int64_t stream_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct stream *stream = to_stream(net);

	for (;;) {
		const uint8_t *frame;
		const int64_t length = net_fifo_front(&stream->in, &frame);

		if (length >= NET_FRAME_MIN)
			return net_fifo_take(&stream->in, iov, count, net->header_size);
		if (length >= 0) {
			net_fifo_drop(&stream->in, NET_FIFO_PREFIX + (size_t)length);
			net_count(&net->dropped, 1);
		} else if (length == -EPROTO) {
			lost(stream, "it sent a length that no frame has");
			return -EAGAIN;
		} else if (!read_more(stream)) {
			return -EAGAIN;
		}
	}
}

/* --- attached --- */

static void stream_detach(struct mortise_net *net)
{
	struct stream *stream = to_stream(net);
	struct event **events[] = {&stream->event, &stream->again, &stream->retry_event, &stream->accept_event};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (*events[i])
			event_free(steal_ptr(events[i]));
	stream->watched = 0;
	stream->wish = 0;
}

static int stream_attach(struct mortise_net *net)
{
	struct stream *stream = to_stream(net);
	struct event_base *base = loop_base(net->loop);

	stream->again = event_new(base, -1, 0, on_again, stream);
	stream->retry_event = event_new(base, -1, EV_PERSIST, on_retry, stream);
	if (stream->listener >= 0)
		stream->accept_event = event_new(base, stream->listener, EV_READ | EV_PERSIST, on_accept, stream);
	if (!stream->again || !stream->retry_event || (stream->listener >= 0 && !stream->accept_event)) {
		stream_detach(net);
		return -ENOMEM;
	}
	if (stream->fd < 0)
		wait_for_peer(stream);
	return 0;
}

static int stream_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	return 0; /* what comes from the peer is finished */
}

#define OPTION(kind, text, member, line) \
	.name = text, .type = MORTISE_PROPERTY_##kind, .offset = offsetof(struct stream, member), .help = line

static const struct mortise_property stream_properties[] = {
	{OPTION(BOOL, "server", server, "wait for the peer to connect")},
	{OPTION(STRING, "addr.type", addr_type, "unix or fd")},
	{OPTION(STRING, "addr.path", path, "path of the unix socket")},
	{OPTION(STRING, "addr.str", str, "descriptor of a connected (server=on: listening) socket")},
	{OPTION(STRING, "fd", fd_text, "the same as addr.type=fd,addr.str=")},
	{OPTION(U32, "reconnect-ms", reconnect_ms, "milliseconds between attempts to reach the server; 0: one alone"),
	 .max = 3600000},
	{OPTION(U32, "reconnect", reconnect, "the same in seconds"), .max = 3600},
	{0},
};

const struct net_driver net_stream = {
	.type = {"stream", "a stream socket to another VM or a helper such as passt", stream_properties},
	.size = sizeof(struct stream),
	.parse = stream_parse,
	.open = stream_open,
	.close = stream_close,
	.attach = stream_attach,
	.detach = stream_detach,
	.set_offloads = stream_set_offloads,
	.send = stream_send,
	.receive = stream_receive,
	.poll = stream_poll,
	.flush = stream_flush,
};
