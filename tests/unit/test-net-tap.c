/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-net-tap.c - taps, in a network namespace of the test's own; skipped where that cannot be made.
 */
#include "net-fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SKIP 77

static struct rig rig;

/* Runs a command of iproute2's; true when it ended well. */
static bool ip(const char *arguments)
{
	char command[256];

	snprintf(command, sizeof(command), "ip %s >/dev/null 2>&1", arguments);
	return system(command) == 0;
}

/* As another process would open it. */
static int open_tap(const char *name, short flags)
{
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags)};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	close(fd);
	return -1;
}

static int set_up(void **state)
{
	rig_open(&rig);
	assert_true(ip("tuntap add dev t0 mode tap"));
	assert_true(ip("link set t0 up"));
	return 0;
}

/* What the host's end of the tap has received. */
static uint64_t packets(const char *name)
{
	unsigned long long count = 0;
	FILE *file = fopen("/proc/net/dev", "re");
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, name);

		if (at && sscanf(at + strlen(name), ": %*u %llu", &count) == 1)
			break;
	}
	fclose(file);
	return count;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	ip("link del t0");
	return 0;
}

static void refusals(void **state)
{
	char text[64];
	int fd;

	rig_refuses(&rig, "id=n,ifname=t9", -ENOENT, "'t9'");
	assert_int_equal(if_nametoindex("t9"), 0); /* and was not made */
	rig_refuses(&rig, "id=n,ifname=lo", -EINVAL, "'lo' is not a tap");
	assert_true(ip("tuntap add dev n0 mode tun"));
	rig_refuses(&rig, "id=n,ifname=n0", -EINVAL, "'n0' is not a tap");
	rig_refuses(&rig, "id=n,ifname=t0,queues=2", -EINVAL, "multi_queue");
	if (access("/dev/vhost-net", F_OK) < 0)
		rig_refuses(&rig, "id=n,ifname=t0,vhost=on", -ENOENT, "kernel module 'vhost_net'");
	rig_refuses(&rig, "id=n,ifname=t0,vhostfd=0", -EINVAL, "0 is not of /dev/vhost-net");
	rig_refuses(&rig, "id=n,ifname=t0,vhostfds=1:2", -EINVAL, "not of /dev/vhost-net");
	rig_refuses(&rig, "id=n,ifname=t0,vhostfd=0,vhostfds=1", -EINVAL, "exclude each other");
	fd = open_tap("t0", IFF_VNET_HDR);
	assert_true(fd >= 0);
	rig_refuses(&rig, "id=n,ifname=t0", -EBUSY, "'t0' is in use");
	snprintf(text, sizeof(text), "tap,id=n,fds=%d:%d", fd, 0);
	rig_refuses(&rig, text, -EINVAL, "0 is no tap");
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	assert_int_equal(rig_add(&rig, "id=n,ifname=t0"), 0);
	rig_refuses(&rig, "id=m,ifname=t0", -EBUSY, "'t0'");
}

/* As another user, without privileges over the network. */
static void privileges(void **state)
{
	pid_t child;
	int status;

	/* The children of cmocka's process must not run its reports. */
	rig_close(&rig);
	child = fork();
	if (child == 0) {
		bool told;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		rig_open(&rig);
		if (access("/dev/net/tun", R_OK | W_OK) < 0)
			told = rig_add(&rig, "id=n,ifname=t0") == -EACCES && strstr(rig.error.message, "/dev/net/tun");
		else
			told = rig_add(&rig, "id=n,ifname=t0") == -EPERM && strstr(rig.error.message, "CAP_NET_ADMIN");
		_exit(told ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	rig_open(&rig);
}

/* Deleting the netdev gives the tap back to others at once. */
static void freed(void **state)
{
	struct card card;

	for (int i = 0; i < 20; i++) {
		int fd;

		assert_int_equal(rig_add(&rig, "id=n,ifname=t0"), 0);
		card_plug(&card, &rig, "n");
		card_unplug(&card);
		assert_int_equal(rig_del(&rig, "n"), 0);
		fd = open_tap("t0", 0);
		assert_true(fd >= 0);
		close(fd);
	}
}

static const uint8_t arp_for_host[60] = {255, 255, 255, 255, 255, 255, 2, 0,  0,  0, 0, 9, 8, 6, 0, 1, 8, 0,  6,  4, 0,
					 1,   2,   0,	0,   0,	  0,   9, 10, 77, 0, 2, 0, 0, 0, 0, 0, 0, 10, 77, 0, 1};

static bool is_arp_reply(const struct received *received)
{
	const uint8_t *frame = received->data + RIG_HEADER;

	return frame[12] == 8 && frame[13] == 6 && frame[21] == 2 && !memcmp(frame, arp_for_host + 6, 6);
}

/*
 * Asks for the host's address: the answer shows that frames go both ways. Asks again, as a tap that has just got its
 * carrier loses what the host sends before it has noticed.
 */
static void ask_host(struct card *card)
{
	unsigned i = card_count(card);

	for (int attempt = 0; attempt < 100; attempt++) {
		assert_int_equal(card_send(card, arp_for_host, sizeof(arp_for_host)), 0);
		while (card_has_frames(card, i + 1, 100))
			if (is_arp_reply(&card->frames[i++]))
				return;
	}
	fail_msg("the host does not answer");
}

static void frames(void **state)
{
	struct card card;
	struct mortise_net_info info = {.struct_size = sizeof(info)};
	uint8_t bad[RIG_HEADER + 60] = {VIRTIO_NET_HDR_F_NEEDS_CSUM};
	struct virtio_net_hdr *header = (struct virtio_net_hdr *)bad;
	struct net_description description;

	assert_true(ip("addr add 10.77.0.1/24 dev t0"));
	assert_int_equal(rig_add(&rig, "id=n,ifname=t0"), 0);
	card_plug(&card, &rig, "n");
	net_info(card.net, &info);
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.queue_pairs, 1);
	assert_int_equal(info.offloads & (MORTISE_NET_CSUM | MORTISE_NET_TSO4 | MORTISE_NET_TSO6),
			 MORTISE_NET_CSUM | MORTISE_NET_TSO4 | MORTISE_NET_TSO6);
	assert_int_equal(card_offloads(&card, info.offloads), 0);
	ask_host(&card);

	/* Headers that make no sense are the kernel's to refuse; the tap goes on. */
	memcpy(bad + RIG_HEADER, arp_for_host, sizeof(arp_for_host));
	header->csum_start = 1000;
	assert_true(card_send_raw(&card, bad, sizeof(bad)) < 0);
	header->flags = 0;
	header->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_true(card_send_raw(&card, bad, sizeof(bad)) < 0);
	net_describe(card.net, &description);
	assert_int_equal(description.dropped, 2);
	assert_string_equal(description.info, "ifname=t0");
	ask_host(&card);
	card_unplug(&card);
}

static void inherit(short flags)
{
	struct card card;
	char text[64];
	int fd = open_tap("t0", flags);

	assert_true(ip("addr add 10.77.0.1/24 dev t0"));
	snprintf(text, sizeof(text), "tap,id=n,fd=%d", fd);
	assert_int_equal(rig_add(&rig, text), 0);
	card_plug(&card, &rig, "n");
	ask_host(&card);
	assert_true(ip("link del t0"));
	card_wait_link(&card, false);
	card_unplug(&card);
	assert_int_equal(rig_del(&rig, "n"), 0);
	assert_true(fcntl(fd, F_GETFD) < 0);
}

static void inherited(void **state)
{
	inherit(IFF_VNET_HDR);
}

/* The headers that the card gives and takes are not the tap's. */
static void inherited_plain(void **state)
{
	inherit(0);
}

/* A guest that was told so leaves checksums and segmentation undone: it is done for this tap, frame by frame. */
static void finished(void **state)
{
	static const uint8_t start[] = {2, 0,  0,    0, 0,  1, 2, 0, 0,	 0,  0,	   2,	 8,  0,	 0x45, 0, 0, 0,
					0, 0,  0x40, 0, 64, 6, 0, 0, 10, 77, 0,	   2,	 10, 77, 0,    1, 0, 99,
					0, 80, 0,    0, 0,  1, 0, 0, 0,	 1,  0x50, 0x10, 1,  0,	 0,    0, 0, 0};
	uint8_t frame[RIG_HEADER + sizeof(start) + 3000] = {0};
	const struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					      .hdr_len = 54,
					      .gso_size = 1000,
					      .csum_start = 34,
					      .csum_offset = 16};
	struct card card;
	char text[64];
	uint64_t before;

	memcpy(frame, &header, sizeof(header));
	memcpy(frame + RIG_HEADER, start, sizeof(start));
	snprintf(text, sizeof(text), "tap,id=n,fd=%d", open_tap("t0", 0));
	assert_int_equal(rig_add(&rig, text), 0);
	card_plug(&card, &rig, "n");
	before = packets("t0");
	assert_int_equal(card_send_raw(&card, frame, sizeof(frame)), 0);
	assert_int_equal(packets("t0") - before, 3);
	((struct virtio_net_hdr *)frame)->gso_size = 0;
	assert_int_equal(card_send_raw(&card, frame, sizeof(frame)), -EINVAL);
	card_unplug(&card);
	assert_int_equal(rig_del(&rig, "n"), 0);
}

static void multi_queue(void **state)
{
	struct card card;
	struct mortise_net_info info = {.struct_size = sizeof(info)};

	assert_true(ip("tuntap add dev t1 mode tap multi_queue"));
	assert_int_equal(rig_add(&rig, "id=n,ifname=t1"), 0); /* a single queue of it is fine */
	assert_int_equal(rig_del(&rig, "n"), 0);
	assert_int_equal(rig_add(&rig, "id=n,ifname=t1,queues=3"), 0);
	card_plug(&card, &rig, "n");
	net_info(card.net, &info);
	assert_int_equal(info.queue_pairs, 3);
	card_unplug(&card);
	card_plug(&card, &rig, "n");
	card_unplug(&card);
}

/* The tap is deleted under the device, and made again: the link goes and comes. */
static void deleted(void **state)
{
	struct card card;

	assert_int_equal(rig_add(&rig, "id=n,ifname=t0"), 0);
	card_plug(&card, &rig, "n");
	for (int i = 0; i < 2; i++) {
		assert_true(ip("link del t0"));
		card_wait_link(&card, false);
		assert_int_equal(card_send(&card, arp_for_host, sizeof(arp_for_host)), -ENOTCONN);
		assert_int_equal(if_nametoindex("t0"), 0);
		assert_true(ip("tuntap add dev t0 mode tap") && ip("link set t0 up"));
		assert_true(ip("addr add 10.77.0.1/24 dev t0"));
		card_wait_link(&card, true);
		ask_host(&card);
	}

	/* Lost and back while nobody reads or sends here, under another name: as when vhost moves the frames. */
	card_poll(&card, 0);
	assert_true(ip("link set t0 down") && ip("link set t0 name t2"));
	assert_true(ip("link del t2"));
	card_wait_link(&card, false);
	assert_true(ip("tuntap add dev t2 mode tap") && ip("link set t2 name t0"));
	card_wait_link(&card, true);
	card_unplug(&card);
	assert_int_equal(rig_del(&rig, "n"), 0);

	/* And while no card is there. */
	assert_int_equal(rig_add(&rig, "id=n,ifname=t0"), 0);
	assert_true(ip("link del t0"));
	card_plug(&card, &rig, "n");
	card_wait_link(&card, false);
	card_unplug(&card);
	assert_int_equal(rig_del(&rig, "n"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refusals),	       TEST(privileges), TEST(freed),	    TEST(frames),  TEST(inherited),
		TEST(inherited_plain), TEST(finished),	 TEST(multi_queue), TEST(deleted),
	};

	if (unshare(CLONE_NEWNET) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0 || !ip("link set lo up")) {
		fprintf(stderr, "taps need root, /dev/net/tun and iproute2\n");
		return SKIP;
	}
	return cmocka_run_group_tests_name("net-tap", tests, NULL, NULL);
}
