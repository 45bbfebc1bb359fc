/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-user.c - user-mode network: libslirp turns the guest's frames into this process's sockets.
 *
 * libslirp wants to be asked before each sleep what it waits for, and told after it what happened. Its sockets are in
 * an epoll set of their own, which the loop watches as one descriptor; asking and telling is done at the end of each
 * round in which something happened. Until a device claims the netdev, nothing moves.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libslirp.h>
#include <sys/epoll.h>
#include <time.h>

#include "backend/net-driver.h"
#include "backend/net-fifo.h"
#include "backend/net-gso.h"
#include "backend/net-user.h"
#include "base/util.h"

#define FIFO_SIZE (2 * MIB) /* frames that wait for the guest; what exceeds it is lost, and sent again by TCP */
#define EVENTS_MAX 64

struct user_timer {
	struct user *user;
	struct user_timer *next;
	SlirpTimerId id;
	void *opaque;
	int64_t expires; /* milliseconds of CLOCK_MONOTONIC; 0: not armed */
	struct event *event;
};

/* What is known of one descriptor of libslirp's. */
struct user_fd {
	uint32_t events; /* registered with epoll; 0: not registered */
	uint32_t happened;
	unsigned round; /* of the latest fill that asked for it */
};

struct user {
	struct mortise_net net;
	struct user_options options;

	Slirp *slirp;
	struct net_fifo in;
	uint8_t *frame; /* NET_FRAME_MAX bytes: one on its way to libslirp */
	struct user_timer *timers;

	int epoll;
	struct user_fd *fds; /* by descriptor */
	int *asked;	     /* descriptors in the order of the latest fill */
	int fd_count, asked_count, asked_room;
	unsigned round;

	/* Instance's thread. */
	struct event *epoll_event, *timeout, *readable;
	uint32_t wish;
};

static struct user *to_user(struct mortise_net *net)
{
	return container_of(net, struct user, net);
}

static int64_t now_ns(void *opaque)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- what libslirp calls --- */

static ssize_t on_packet(const void *data, size_t size, void *opaque)
{
	struct user *user = opaque;
	uint8_t *at = net_fifo_room(&user->in, NET_FIFO_PREFIX + size);
	const uint32_t prefix = __builtin_bswap32((uint32_t)size);

	if (!at || size < NET_FRAME_MIN || size > NET_FRAME_MAX || !user->readable) {
		net_count(&user->net.dropped, 1);
		return (ssize_t)size;
	}
	memcpy(at, &prefix, NET_FIFO_PREFIX);
	memcpy(at + NET_FIFO_PREFIX, data, size);
	user->in.end += NET_FIFO_PREFIX + size;
	if (user->wish & MORTISE_NET_READABLE)
		event_active(user->readable, EV_READ, 0);
	return (ssize_t)size;
}

static void on_guest_error(const char *message, void *opaque)
{
	log_debug("Netdev '%s': %s", ((struct user *)opaque)->net.id, message);
}

static void on_timer(evutil_socket_t none, short what, void *opaque)
{
	struct user_timer *timer = opaque;

	timer->expires = 0;
	slirp_handle_timer(timer->user->slirp, timer->id, timer->opaque);
	net_flush_later(&timer->user->net);
}

static void timer_arm(struct user_timer *timer)
{
	const int64_t left = timer->expires - now_ns(NULL) / 1000000;
	const struct timeval delay = {.tv_sec = left > 0 ? left / 1000 : 0,
				      .tv_usec = left > 0 ? left % 1000 * 1000 : 0};

	if (!timer->event && timer->user->net.loop)
		timer->event = event_new(loop_base(timer->user->net.loop), -1, 0, on_timer, timer);
	if (timer->event)
		event_add(timer->event, &delay);
}

static void *on_timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
	struct user *user = opaque;
	struct user_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->user = user;
	timer->id = id;
	timer->opaque = timer_opaque;
	timer->next = user->timers;
	user->timers = timer;
	return timer;
}

static void on_timer_free(void *opaque_timer, void *opaque)
{
	struct user *user = opaque;
	struct user_timer *timer = opaque_timer, **at = &user->timers;

	if (!timer)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	if (timer->event)
		event_free(timer->event);
	free(timer);
}

static void on_timer_mod(void *opaque_timer, int64_t expires, void *opaque)
{
	struct user_timer *timer = opaque_timer;

	if (!timer)
		return;
	timer->expires = expires;
	timer_arm(timer);
}

static void on_register(int fd, void *opaque)
{
}

/* The descriptor is about to be closed, and its number may come back for another socket. */
static void on_unregister(int fd, void *opaque)
{
	struct user *user = opaque;

	if (fd < user->fd_count && user->fds[fd].events) {
		epoll_ctl(user->epoll, EPOLL_CTL_DEL, fd, NULL);
		user->fds[fd] = (struct user_fd){0};
	}
}

static void on_notify(void *opaque)
{
	struct user *user = opaque;

	if (user->net.attached)
		net_flush_later(&user->net);
}

static const SlirpCb callbacks = {
	.send_packet = on_packet,
	.guest_error = on_guest_error,
	.clock_get_ns = now_ns,
	.timer_free = on_timer_free,
	.timer_mod = on_timer_mod,
	.register_poll_fd = on_register,
	.unregister_poll_fd = on_unregister,
	.notify = on_notify,
	.timer_new_opaque = on_timer_new,
};

/* --- asking and telling --- */

static const struct {
	int slirp;
	uint32_t epoll;
} event_names[] = {
	{SLIRP_POLL_IN, EPOLLIN},   {SLIRP_POLL_OUT, EPOLLOUT}, {SLIRP_POLL_PRI, EPOLLPRI},
	{SLIRP_POLL_ERR, EPOLLERR}, {SLIRP_POLL_HUP, EPOLLHUP},
};

static bool grow(struct user *user, int fd)
{
	struct user_fd *fds = user->fds;
	int *asked = user->asked;

	if (fd >= user->fd_count) {
		fds = realloc(fds, ((size_t)fd + 64) * sizeof(*fds));
		if (!fds)
			return false;
		memset(fds + user->fd_count, 0, ((size_t)fd + 64 - (size_t)user->fd_count) * sizeof(*fds));
		user->fds = fds;
		user->fd_count = fd + 64;
	}
	if (user->asked_count == user->asked_room) {
		asked = realloc(asked, ((size_t)user->asked_room + 64) * sizeof(*asked));
		if (!asked)
			return false;
		user->asked = asked;
		user->asked_room += 64;
	}
	return true;
}

static int on_add_poll(int fd, int events, void *opaque)
{
	struct user *user = opaque;
	struct epoll_event event = {.data.fd = fd};

	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++)
		event.events |= events & event_names[i].slirp ? event_names[i].epoll : 0;
	if (!event.events || !grow(user, fd))
		return -1;
	if (user->fds[fd].events != event.events) {
		const int operation = user->fds[fd].events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

		if (epoll_ctl(user->epoll, operation, fd, &event) < 0)
			return -1;
		user->fds[fd].events = event.events;
	}
	user->fds[fd].round = user->round;
	user->asked[user->asked_count] = fd;
	return user->asked_count++;
}

static int on_get_events(int index, void *opaque)
{
	const struct user *user = opaque;
	int events = 0;

	if (index < 0 || index >= user->asked_count)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++)
		if (user->fds[user->asked[index]].happened & event_names[i].epoll)
			events |= event_names[i].slirp;
	return events;
}

/* Tells libslirp what happened since it was asked. */
static void tell(struct user *user)
{
	struct epoll_event events[EVENTS_MAX];
	const int n = epoll_wait(user->epoll, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++)
		user->fds[events[i].data.fd].happened = events[i].events;
	slirp_pollfds_poll(user->slirp, n < 0, on_get_events, user);
	for (int i = 0; i < n; i++)
		user->fds[events[i].data.fd].happened = 0;
}

/* Asks libslirp what it waits for. */
static void ask(struct user *user)
{
	_cleanup_free_ int *before = user->asked;
	const int count = user->asked_count;
	uint32_t timeout = UINT32_MAX;

	user->asked = NULL;
	user->asked_count = user->asked_room = 0;
	user->round++;
	slirp_pollfds_fill(user->slirp, &timeout, on_add_poll, user);
	for (int i = 0; i < count; i++)
		if (user->fds[before[i]].events && user->fds[before[i]].round != user->round)
			on_unregister(before[i], user);
	if (timeout == UINT32_MAX) {
		event_del(user->timeout);
	} else {
		const struct timeval delay = {.tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000};

		event_add(user->timeout, &delay);
	}
}

static void user_flush(struct mortise_net *net)
{
	tell(to_user(net));
	ask(to_user(net));
}

static void on_activity(evutil_socket_t fd, short what, void *opaque)
{
	net_flush_later(opaque);
}

/* --- frames --- */

static void update_readable(struct user *user)
{
	static const struct timeval now;
	const uint8_t *frame;

	if (user->wish & MORTISE_NET_WRITABLE ||
	    (user->wish & MORTISE_NET_READABLE && net_fifo_front(&user->in, &frame) >= 0))
		event_add(user->readable, &now);
}

static void on_readable(evutil_socket_t none, short what, void *opaque)
{
	struct user *user = opaque;
	const uint32_t wish = user->wish & (MORTISE_NET_READABLE | MORTISE_NET_WRITABLE);

	if (wish)
		net_ready(&user->net, 0, wish);
	update_readable(user);
}

static void user_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	to_user(net)->wish = events;
	update_readable(to_user(net));
}

static int user_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct user *user = to_user(net);
	struct net_gso gso;
	uint32_t length;
	int r = net_gso_begin(&gso, iov, count, net->header_size);

	if (r < 0)
		return r;
	while ((length = net_gso_next(&gso, user->frame)))
		slirp_input(user->slirp, user->frame, (int)length);
	net_flush_later(net);
	return 0;
}

static int64_t user_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	return net_fifo_take(&to_user(net)->in, iov, count, net->header_size);
}

/* --- life --- */

static void user_detach(struct mortise_net *net)
{
	struct user *user = to_user(net);
	struct event **events[] = {&user->epoll_event, &user->timeout, &user->readable};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (*events[i])
			event_free(steal_ptr(events[i]));
	for (struct user_timer *timer = user->timers; timer; timer = timer->next)
		if (timer->event)
			event_free(steal_ptr(&timer->event));
	net_fifo_clear(&user->in);
	user->wish = 0;
}

static int user_attach(struct mortise_net *net)
{
	struct user *user = to_user(net);
	struct event_base *base = loop_base(net->loop);

	user->epoll_event = event_new(base, user->epoll, EV_READ | EV_PERSIST, on_activity, net);
	user->timeout = event_new(base, -1, 0, on_activity, net);
	user->readable = event_new(base, -1, 0, on_readable, user);
	if (!user->epoll_event || !user->timeout || !user->readable || event_add(user->epoll_event, NULL) < 0) {
		user_detach(net);
		return -ENOMEM;
	}
	for (struct user_timer *timer = user->timers; timer; timer = timer->next)
		if (timer->expires)
			timer_arm(timer);
	net_flush_later(net);
	return 0;
}

static void user_close(struct mortise_net *net)
{
	struct user *user = to_user(net);

	if (user->slirp)
		slirp_cleanup(user->slirp);
	while (user->timers)
		on_timer_free(user->timers, user);
	net_fifo_free(&user->in);
	free(user->frame);
	free(user->fds);
	free(user->asked);
	if (user->epoll >= 0)
		close(user->epoll);
}

static int user_open(struct mortise_net *net, struct mortise_error *err)
{
	struct user *user = to_user(net);
	SlirpConfig config = {.version = 4};
	int r;

	user->epoll = epoll_create1(EPOLL_CLOEXEC);
	user->frame = malloc(NET_FRAME_MAX);
	if (user->epoll < 0 || !user->frame || net_fifo_new(&user->in, FIFO_SIZE) < 0) {
		r = mortise_fail(err, -ENOMEM, "Out of memory or descriptors for netdev '%s'", net->id);
		user_close(net);
		return r;
	}
	user_options_config(&user->options, &config);
	user->slirp = slirp_new(&config, &callbacks, user);
	r = user->slirp ? user_options_forward(&user->options, user->slirp, err)
			: mortise_fail(err, -EINVAL, "libslirp does not take the options of netdev '%s'", net->id);
	if (r < 0) {
		user_close(net);
		return r;
	}
	net->offloads = NET_SOFT_OFFLOADS;
	user_options_describe(&user->options, net->info, sizeof(net->info));
	return 0;
}

static int user_parse(struct mortise_net *net, struct options *options, struct mortise_error *err)
{
	return user_options_parse(&to_user(net)->options, options, err);
}

static int user_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	return 0; /* libslirp's frames are finished */
}

#define OPTION(kind, text, member, line) \
	.name = text, .type = MORTISE_PROPERTY_##kind, .offset = offsetof(struct user, options.member), .help = line

static const struct mortise_property user_properties[] = {
	{OPTION(BOOL, "ipv4", ipv4, "IPv4"), .fallback = "on"},
	{OPTION(BOOL, "ipv6", ipv6, "IPv6"), .fallback = "on"},
	{OPTION(STRING, "net", net, "the guest's network, as in 10.0.2.0/24"), .fallback = "10.0.2.0/24"},
	{OPTION(STRING, "host", host, "this side's address; by default the network's second")},
	{OPTION(STRING, "dhcpstart", dhcp_start, "first address given out; by default the network's 15th")},
	{OPTION(STRING, "dns", dns, "the name server's address; by default the network's third")},
	{OPTION(STRING, "hostname", hostname, "name given to the guest by DHCP")},
	{OPTION(STRING, "domainname", domain, "domain given to the guest by DHCP")},
	{OPTION(BOOL, "restrict", restricted, "keep the guest from everything but the forwarded ports")},
	{.name = "hostfwd",
	 .type = MORTISE_PROPERTY_STRING,
	 .offset = offsetof(struct user, options.ignored),
	 .help = "[tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT; several on the command line as often, in QMP as a list"},
	{0},
};

const struct net_driver net_user = {
	.type = {"user", "user-mode network: no privileges needed", user_properties},
	.size = sizeof(struct user),
	.parse = user_parse,
	.open = user_open,
	.close = user_close,
	.attach = user_attach,
	.detach = user_detach,
	.set_offloads = user_set_offloads,
	.send = user_send,
	.receive = user_receive,
	.poll = user_poll,
	.flush = user_flush,
};
