/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-net.c - the registry of netdevs, and those that need no privileges: stream, dgram, user.
 */
#include "net-fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct rig rig;
static char directory[64];

static int set_up(void **state)
{
	strcpy(directory, "/tmp/mortise-net.XXXXXX");
	assert_non_null(mkdtemp(directory));
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	return rmdir(directory); /* sockets are gone with their netdevs */
}

/* Options with %s for the test's directory, up to three times. */
static const char *with_paths(const char *format)
{
	static char text[512];

	snprintf(text, sizeof(text), format, directory, directory, directory);
	return text;
}

/* A socket of the test's own, on the other side of a netdev. */
static int connect_to(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* --- the registry --- */

static void refusals(void **state)
{
	rig_refuses(&rig, "user", -EINVAL, "'id'");
	rig_refuses(&rig, "id=n", -EINVAL, "known types: tap, user, stream, dgram, socket");
	rig_refuses(&rig, "vde,id=n", -EINVAL, "'vde'");
	rig_refuses(&rig, "user,id=n,colour=red", -EINVAL, "'colour'");
	rig_refuses(&rig, "tap,id=n", -EINVAL, "'ifname'");
	rig_refuses(&rig, "tap,id=n,ifname=a,fd=3", -EINVAL, "'fd'");
	rig_refuses(&rig, "id=n,ifname=t,script=/etc/ifup", -EINVAL, "'script'");
	rig_refuses(&rig, "id=n,ifname=sixteen-letters-", -EINVAL, "sixteen-letters-");
	rig_refuses(&rig, "id=n,ifname=t,queues=9", -EINVAL, "'queues'");
	rig_refuses(&rig, "tap,id=n,fd=99999", -EBADF, "99999");
	rig_refuses(&rig, "tap,id=n,fd=net0", -EINVAL, "net0");
	rig_refuses(&rig, "tap,id=n,fd=0", -EINVAL, "no tap");
	rig_refuses(&rig, "stream,id=n", -EINVAL, "'addr.type'");
	rig_refuses(&rig, "stream,id=n,addr.type=inet,addr.host=h", -EINVAL, "'inet'");
	rig_refuses(&rig, "stream,id=n,addr.type=unix,addr.path=/nonexistent/s", -ENOENT, "/nonexistent/s");
	rig_refuses(&rig, "stream,id=n,server=on,addr.type=unix,addr.path=/nonexistent/s", -ENOENT, "/nonexistent/s");
	rig_refuses(&rig, "stream,id=n,addr.type=fd,addr.str=0", -ENOTSOCK, "0");
	rig_refuses(&rig, "dgram,id=n,local.type=unix,local.path=x", -EINVAL, "remote.path");
	rig_refuses(&rig, "socket,id=n", -EINVAL, "'fd'");
	rig_refuses(&rig, "socket,id=n,fd=0", -EINVAL, "no socket");
	rig_refuses(&rig, "user,id=n,net=10.0.2.0/33", -EINVAL, "10.0.2.0/33");
	rig_refuses(&rig, "user,id=n,host=10.0.3.1", -EINVAL, "10.0.3.1");
	rig_refuses(&rig, "user,id=n,hostfwd=tcp::0-:22", -EINVAL, "tcp::0-:22");
	rig_refuses(&rig, "user,id=n,hostfwd=sctp::5-:22", -EINVAL, "sctp");
	rig_refuses(&rig, "user,id=n,hostfwd=tcp::5", -EINVAL, "tcp::5");
	rig_refuses(&rig, "user,id=n,ipv4=off,ipv6=off", -EINVAL, "'ipv6'");
	assert_null(net_next(rig.nets, NULL));
}

static void claims(void **state)
{
	struct card card;
	struct net_description description;
	struct mortise_error err = {0};

	assert_int_equal(rig_add(&rig, "user,id=n"), 0);
	rig_refuses(&rig, "user,id=n", -EEXIST, "'n'");
	assert_int_equal(rig_del(&rig, "m"), -ENOENT);
	assert_names(&rig.error, "'m'");
	card_plug(&card, &rig, "n");
	assert_int_equal(net_claim(card.net, "other", card.loop, &err), -EBUSY);
	assert_names(&err, "in use by device 'n'");
	assert_int_equal(rig_del(&rig, "n"), -EBUSY);
	assert_names(&rig.error, "device 'n'");
	net_describe(card.net, &description);
	assert_string_equal(description.type, "user");
	assert_string_equal(description.owner, "n");
	assert_true(description.link_up);
	card_unplug(&card);
	card_plug(&card, &rig, "n");
	card_unplug(&card);
	assert_int_equal(rig_del(&rig, "n"), 0);
	assert_null(net_find(rig.nets, "n"));
	assert_int_equal(rig_add(&rig, "user,id=n"), 0);
}

static void link_taken(void **state)
{
	struct card card;
	uint8_t frame[64];

	make_frame(frame, sizeof(frame), 0);
	assert_int_equal(rig_add(&rig, "user,id=n"), 0);
	card_plug(&card, &rig, "n");
	assert_true(card.link_up);
	net_set_link(card.net, false);
	card_wait_link(&card, false);
	assert_int_equal(card_send(&card, frame, sizeof(frame)), -ENOTCONN);
	net_set_link(card.net, false);
	net_set_link(card.net, true);
	card_wait_link(&card, true);
	assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
	assert_int_equal(card.links, 2);
	card_unplug(&card);
	net_set_link(net_find(rig.nets, "n"), false); /* nobody to tell */
}

/* Each type says what it is and what it can be given. */
static void types(void **state)
{
	unsigned count = 0;

	for (const struct net_type *type = net_type_next(NULL); type; type = net_type_next(type), count++) {
		assert_non_null(type->name);
		assert_non_null(type->summary);
		for (const struct mortise_property *property = type->properties; property->name; property++)
			assert_non_null(property->help);
	}
	assert_int_equal(count, 5);
}

/* --- stream --- */

/* Two cards that are connected exchange frames of all sizes, and more of them than fit the sockets at once. */
static void exchange(const char *a_options, const char *b_options)
{
	enum { COUNT = 2000 };
	struct card a, b;
	uint8_t frame[1514];

	assert_int_equal(rig_add(&rig, with_paths(a_options)), 0);
	assert_int_equal(rig_add(&rig, with_paths(b_options)), 0);
	card_plug(&a, &rig, "a");
	card_plug(&b, &rig, "b");
	card_wait_link(&a, true);
	card_wait_link(&b, true);
	for (unsigned i = 0; i < COUNT; i++) {
		make_frame(frame, 14 + i % 1501, i);
		while (card_send(&a, frame, 14 + i % 1501) == -EAGAIN) {
			pthread_mutex_lock(&a.lock);
			a.writables = 0;
			pthread_mutex_unlock(&a.lock);
			card_poll(&a, MORTISE_NET_READABLE | MORTISE_NET_WRITABLE);
			card_wait_writable(&a);
		}
	}
	card_wait_frames(&b, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(is_frame(&b.frames[i], 14 + i % 1501, i));
		for (int zero = 0; zero < RIG_HEADER; zero++)
			assert_int_equal(b.frames[i].data[zero], 0);
	}
	make_frame(frame, 60, 7);
	assert_int_equal(card_send(&b, frame, 60), 0);
	card_wait_frames(&a, 1);
	assert_true(is_frame(&a.frames[0], 60, 7));
	assert_int_equal(card_send_raw(&a, frame, RIG_HEADER + 13), -EINVAL); /* too short */
	card_unplug(&a);
	card_unplug(&b);
}

static void stream_exchange(void **state)
{
	exchange("stream,id=a,server=on,addr.type=unix,addr.path=%s/s", "stream,id=b,addr.type=unix,addr.path=%s/s");
}

static void stream_peer_comes_and_goes(void **state)
{
	struct card server, client;
	uint8_t frame[60];

	make_frame(frame, sizeof(frame), 1);
	assert_int_equal(rig_add(&rig, with_paths("stream,id=s,server=on,addr.type=unix,addr.path=%s/s")), 0);
	card_plug(&server, &rig, "s");
	assert_false(server.link_up);
	assert_int_equal(card_send(&server, frame, sizeof(frame)), -ENOTCONN);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rig_add(&rig, with_paths("stream,id=c,addr.type=unix,addr.path=%s/s")), 0);
		card_wait_link(&server, true);
		assert_int_equal(card_send(&server, frame, sizeof(frame)), 0);
		assert_int_equal(rig_del(&rig, "c"), 0);
		card_wait_link(&server, false);
	}

	/* A client that may wait for its server. */
	card_unplug(&server);
	assert_int_equal(rig_del(&rig, "s"), 0);
	rig_refuses(&rig, with_paths("stream,id=c,addr.type=unix,addr.path=%s/s"), -ENOENT, "/s");
	assert_int_equal(rig_add(&rig, with_paths("stream,id=c,addr.type=unix,addr.path=%s/s,reconnect-ms=20")), 0);
	card_plug(&client, &rig, "c");
	assert_false(client.link_up);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_add(&rig, with_paths("stream,id=s,server=on,addr.type=unix,addr.path=%s/s")), 0);
		card_wait_link(&client, true);
		assert_int_equal(rig_del(&rig, "s"), 0);
		card_wait_link(&client, false);
	}
	card_unplug(&client);
}

/* A socket file that a killed process left behind is no obstacle; one in use is. */
static void stream_stale_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	rig_refuses(&rig, with_paths("stream,id=a,server=on,addr.type=unix,addr.path=%s/s"), -EADDRINUSE, "/s");
	close(fd);
	assert_int_equal(rig_add(&rig, with_paths("stream,id=a,server=on,addr.type=unix,addr.path=%s/s")), 0);
}

static void put_frame(uint8_t *out, const uint8_t *frame, uint32_t size)
{
	const uint32_t prefix = htonl(size);

	memcpy(out, &prefix, 4);
	memcpy(out + 4, frame, size);
}

static void stream_wire(void **state)
{
	struct card card;
	struct net_description description;
	uint8_t frame[100], wire[4 + sizeof(frame)], in[256];
	const uint8_t runt[] = {0, 0, 0, 3, 1, 2, 3}, monster[] = {0, 2, 0, 0, 9};
	int fd;

	assert_int_equal(rig_add(&rig, with_paths("stream,id=a,server=on,addr.type=unix,addr.path=%s/s")), 0);
	card_plug(&card, &rig, "a");
	fd = connect_to("s");
	card_wait_link(&card, true);

	/* Byte by byte, a runt that is dropped, then several at once. */
	make_frame(frame, sizeof(frame), 1);
	put_frame(wire, frame, sizeof(frame));
	for (size_t i = 0; i < sizeof(wire); i++)
		assert_int_equal(write(fd, wire + i, 1), 1);
	assert_int_equal(write(fd, runt, sizeof(runt)), sizeof(runt));
	memcpy(in, wire, sizeof(wire));
	memcpy(in + sizeof(wire), wire, sizeof(wire));
	assert_int_equal(write(fd, in, 2 * sizeof(wire)), 2 * sizeof(wire));
	card_wait_frames(&card, 3);
	for (int i = 0; i < 3; i++)
		assert_true(is_frame(&card.frames[i], sizeof(frame), 1));
	net_describe(card.net, &description);
	assert_int_equal(description.received, 3);
	assert_int_equal(description.received_bytes, 300);
	assert_int_equal(description.dropped, 1);

	assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
	assert_int_equal(recv(fd, in, sizeof(wire), MSG_WAITALL), sizeof(wire));
	assert_memory_equal(in, wire, sizeof(wire));

	/* A length that no frame has: the peer has lost its step, and is left. */
	assert_int_equal(write(fd, monster, sizeof(monster)), sizeof(monster));
	card_wait_link(&card, false);
	assert_int_equal(recv(fd, in, 1, 0), 0);
	close(fd);
	fd = connect_to("s");
	card_wait_link(&card, true);
	assert_int_equal(write(fd, wire, sizeof(wire)), sizeof(wire));
	card_wait_frames(&card, 4);
	card_unplug(&card);
	close(fd);
}

/* A peer that does not read: the card is told to wait, and to go on once there is room. */
static void stream_backpressure(void **state)
{
	struct card card;
	uint8_t frame[1514], in[65536];
	unsigned sent = 0;
	int fd;

	assert_int_equal(rig_add(&rig, with_paths("stream,id=a,server=on,addr.type=unix,addr.path=%s/s")), 0);
	card_plug(&card, &rig, "a");
	fd = connect_to("s");
	card_wait_link(&card, true);
	make_frame(frame, sizeof(frame), 1);
	while (card_send(&card, frame, sizeof(frame)) == 0)
		assert_true(++sent < 100000);
	assert_true(sent > 100);
	card_poll(&card, MORTISE_NET_READABLE | MORTISE_NET_WRITABLE);
	for (size_t left = sent * (4 + sizeof(frame)); left;) {
		ssize_t n = read(fd, in, MIN(left, sizeof(in)));

		assert_true(n > 0);
		left -= (size_t)n;
	}
	card_wait_writable(&card);
	assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
	assert_int_equal(recv(fd, in, 4 + sizeof(frame), MSG_WAITALL), 4 + sizeof(frame));
	assert_memory_equal(in + 4, frame, sizeof(frame));
	card_unplug(&card);
	close(fd);
}

/* What a guest left to be done is done before it leaves: segments with their checksums. */
static void stream_segments(void **state)
{
	uint8_t frame[RIG_HEADER + 54 + 4000] = {VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4};
	struct virtio_net_hdr *header = (struct virtio_net_hdr *)frame;
	struct card a, b;

	header->gso_size = 1460;
	header->csum_start = 34;
	header->csum_offset = 16;
	memcpy(frame + RIG_HEADER + 12, (const uint8_t[]){8, 0, 0x45}, 3);
	frame[RIG_HEADER + 23] = 6;
	frame[RIG_HEADER + 34 + 12] = 0x50;
	assert_int_equal(rig_add(&rig, with_paths("stream,id=a,server=on,addr.type=unix,addr.path=%s/s")), 0);
	assert_int_equal(rig_add(&rig, with_paths("stream,id=b,addr.type=unix,addr.path=%s/s")), 0);
	card_plug(&a, &rig, "a");
	card_plug(&b, &rig, "b");
	card_wait_link(&a, true);
	assert_int_equal(card_send_raw(&a, frame, sizeof(frame)), 0);
	card_wait_frames(&b, 3);
	assert_int_equal(b.frames[0].size, RIG_HEADER + 54 + 1460);
	assert_int_equal(b.frames[1].size, RIG_HEADER + 54 + 1460);
	assert_int_equal(b.frames[2].size, RIG_HEADER + 54 + 1080);
	header->gso_size = 0;
	assert_int_equal(card_send_raw(&a, frame, sizeof(frame)), -EINVAL);
	card_unplug(&a);
	card_unplug(&b);
}

/* --- dgram and inherited descriptors --- */

#define DGRAM(id, local, remote) \
	"dgram,id=" id ",local.type=unix,local.path=%s/" local ",remote.type=unix,remote.path=%s/" remote

static void dgram_exchange(void **state)
{
	exchange(DGRAM("a", "a", "b"), DGRAM("b", "b", "a"));
}

static void dgram_restart(void **state)
{
	struct card a, b;
	uint8_t frame[60];

	make_frame(frame, sizeof(frame), 5);
	assert_int_equal(rig_add(&rig, with_paths(DGRAM("a", "a", "b"))), 0);
	card_plug(&a, &rig, "a");
	assert_false(a.link_up);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_add(&rig, with_paths(DGRAM("b", "b", "a"))), 0);
		card_plug(&b, &rig, "b");
		card_wait_link(&a, true);
		card_wait_link(&b, true);
		assert_int_equal(card_send(&a, frame, sizeof(frame)), 0);
		card_wait_frames(&b, 1);
		assert_int_equal(card_send(&b, frame, sizeof(frame)), 0);
		card_wait_frames(&a, (unsigned)i + 1);
		card_unplug(&b);
		assert_int_equal(rig_del(&rig, "b"), 0);
		card_wait_link(&a, false);
	}
	card_unplug(&a);
}

static void inherited(int type)
{
	int pair[2];
	char a[64], b[64];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	snprintf(a, sizeof(a), "socket,id=a,fd=%d", pair[0]);
	snprintf(b, sizeof(b), "socket,id=b,fd=%d", pair[1]);
	exchange(a, b);
	assert_int_equal(rig_del(&rig, "a"), 0);
	assert_int_equal(rig_del(&rig, "b"), 0);
	assert_true(fcntl(pair[0], F_GETFD) < 0); /* it was the netdev's own */
}

static void inherited_stream(void **state)
{
	inherited(SOCK_STREAM);
}

static void inherited_dgram(void **state)
{
	inherited(SOCK_DGRAM);
}

static void inherited_refusals(void **state)
{
	int pair[2];
	char text[64];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
	snprintf(text, sizeof(text), "stream,id=a,fd=%d", pair[0]);
	rig_refuses(&rig, text, -EPROTOTYPE, "no stream socket");
	assert_true(fcntl(pair[0], F_GETFD) >= 0); /* still the caller's */
	close(pair[0]);
	close(pair[1]);
}

/* --- user --- */

static void arp_request(uint8_t *frame)
{
	static const uint8_t arp[42] = {255, 255, 255, 255, 255, 255, 0x52, 0x55, 0,	0,    0,  1, 8, 6,
					0,   1,	  8,   0,   6,	 4,   0,    1,	  0x52, 0x55, 0,  0, 0, 1,
					10,  0,	  2,   15,  0,	 0,   0,    0,	  0,	0,    10, 0, 2, 2};

	memset(frame, 0, 60);
	memcpy(frame, arp, sizeof(arp));
}

static void user_answers(void **state)
{
	struct card card;
	uint8_t frame[60];
	bool answered = false;

	assert_int_equal(rig_add(&rig, "user,id=n"), 0);
	card_plug(&card, &rig, "n");
	arp_request(frame);
	assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
	for (unsigned i = 1; !answered; i++) {
		const uint8_t *data;

		card_wait_frames(&card, i); /* it may announce a router first */
		data = card.frames[i - 1].data + RIG_HEADER;
		answered = data[12] == 8 && data[13] == 6 && data[21] == 2 && !memcmp(data + 28, frame + 38, 4);
	}
	card_unplug(&card);
}

static void user_forwards(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	struct card card;
	char text[128];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	bool asked = false;

	/* A port that is in use is refused, and leaves nothing behind. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(text, sizeof(text), "user,id=n,hostfwd.0=tcp:127.0.0.1:%d-:22", ntohs(address.sin_port));
	rig_refuses(&rig, text, -EADDRINUSE, "tcp:127.0.0.1");
	close(fd);

	/* Once free, a connection makes it look for the guest. */
	assert_int_equal(rig_add(&rig, text), 0);
	card_plug(&card, &rig, "n");
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
	for (unsigned i = 1; !asked; i++) {
		const uint8_t *data;

		card_wait_frames(&card, i);
		data = card.frames[i - 1].data + RIG_HEADER;
		asked = data[12] == 8 && data[13] == 6 && data[21] == 1 &&
			!memcmp(data + 38, (const uint8_t[]){10, 0, 2, 15}, 4);
	}
	close(client);
	card_unplug(&card);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refusals),
		TEST(claims),
		TEST(link_taken),
		TEST(types),
		TEST(stream_exchange),
		TEST(stream_peer_comes_and_goes),
		TEST(stream_stale_socket),
		TEST(stream_wire),
		TEST(stream_backpressure),
		TEST(stream_segments),
		TEST(dgram_exchange),
		TEST(dgram_restart),
		TEST(inherited_stream),
		TEST(inherited_dgram),
		TEST(inherited_refusals),
		TEST(user_answers),
		TEST(user_forwards),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
