/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtio-net-vhost.c - a network card whose queues the kernel serves, and gives up on; needs /dev/vhost-net.
 */
#include "fake-host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_ring.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "../../plugins/virtio-net/virtio-net.h"

#define SKIP 77
#define RING_SIZE 4
#define GUEST_BASE 0x10000
#define PATIENCE 10000 /* milliseconds */

/* Guest memory: two rings, and a frame to be sent. */
static struct {
	struct {
		_Alignas(16) struct vring_desc desc[RING_SIZE];
		_Alignas(4) uint16_t avail[3 + RING_SIZE];
		_Alignas(4) struct {
			uint16_t flags, idx;
			struct vring_used_elem ring[RING_SIZE];
		} used;
	} ring[2];
	uint8_t frame[HEADER_SIZE + 60];
} memory;

static struct mortise_net {
	int vhost, tap;
} netdev;

static struct nic nic;
static const struct mortise_class *class;
static int kicks[2], calls[2];
static unsigned lent, returned;

static void host_net_info(struct mortise_net *net, struct mortise_net_info *info)
{
	info->queue_pairs = 1;
	info->link_up = 1;
}

static int host_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	return 0;
}

static int host_set_queues(struct mortise_net *net, uint32_t pairs)
{
	return 0;
}

static void host_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
}

static int host_vhost(struct mortise_net *net, uint32_t pair, struct mortise_net_vhost *vhost)
{
	vhost->vhost = net->vhost;
	vhost->frames = net->tap;
	return pair ? -ENOTSUP : 0;
}

static void host_offer_ring_features(struct mortise_device *device, uint64_t features)
{
}

static int host_memory_region(struct mortise_device *device, uint32_t index, struct mortise_memory_region *region)
{
	region->fd = -1;
	region->address = GUEST_BASE;
	region->size = sizeof(memory);
	region->host = &memory;
	return index ? -ENOENT : 0;
}

static int host_lend(struct mortise_device *device, uint32_t queue, struct mortise_vring *vring)
{
	if (queue > 1)
		return -ENODEV;
	vring->size = RING_SIZE;
	vring->descriptors = memory.ring[queue].desc;
	vring->available = memory.ring[queue].avail;
	vring->used = &memory.ring[queue].used;
	vring->next = memory.ring[queue].used.idx;
	vring->kick = kicks[queue];
	vring->call = calls[queue];
	lent++;
	return 0;
}

static void host_return(struct mortise_device *device, uint32_t queue, int32_t next)
{
	returned++;
}

static int open_tap(void)
{
	struct ifreq request = {.ifr_name = "t0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	const int size = HEADER_SIZE, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return -1;
	return system("ip link set t0 up") == 0 ? fd : -1;
}

/* The driver offers one descriptor on the transmit queue, and says so. */
static void send_from(uint64_t address)
{
	uint16_t *avail = memory.ring[1].avail;

	memory.ring[1].desc[0] = (struct vring_desc){.addr = address, .len = sizeof(memory.frame)};
	avail[2 + avail[1] % RING_SIZE] = 0;
	__atomic_store_n(&avail[1], (uint16_t)(avail[1] + 1), __ATOMIC_SEQ_CST);
	assert_int_equal(eventfd_write(kicks[1], 1), 0);
}

static bool signalled(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	return poll(&poller, 1, PATIENCE) == 1;
}

static int watched(void)
{
	for (unsigned fd = 0; fd < ARRAY_SIZE(fake.watches); fd++)
		if (fake.watches[fd])
			return (int)fd;
	return -1;
}

static void bind_driver(void)
{
	eventfd_t count;

	memset(&memory, 0, sizeof(memory));
	lent = returned = 0;
	fake.broken = NULL;
	eventfd_read(calls[1], &count);
	assert_int_equal(class->activate(&nic, fake.features, NULL), 0);
	assert_int_equal(lent, 2);
	send_from(GUEST_BASE + (uint64_t)((char *)memory.frame - (char *)&memory));
	assert_true(signalled(calls[1]));
	assert_int_equal(memory.ring[1].used.idx, 1);
}

/* What a driver points vhost to that is no memory of the guest's takes the card out, until a reset. */
static void gives_up(void **state)
{
	struct mortise_error err = {0};
	int errors;

	memcpy(nic.mac, (const uint8_t[]){0x52, 0x54, 0, 1, 2, 3}, 6);
	nic.netdev = &netdev;
	if (class->realize(&nic, &fake, &host, &err) < 0)
		fail_msg("%s", err.message);
	errors = watched();
	assert_true(errors >= 0);
	for (int i = 0; i < 3; i++) {
		bind_driver();
		send_from(GUEST_BASE + sizeof(memory) + 4096);
		assert_true(signalled(errors));
		class->fd_ready(&nic, errors, MORTISE_WATCH_READ, NULL);
		assert_non_null(fake.broken);
		assert_int_equal(returned, 2);
		assert_int_equal(class->quiesce(&nic, NULL), 0);
		class->reset(&nic);
	}
	class->unrealize(&nic);
	assert_int_equal(watched(), -1);
	assert_true(fcntl(errors, F_GETFD) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gives_up)};

	netdev.vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	netdev.tap = netdev.vhost >= 0 && unshare(CLONE_NEWNET) == 0 ? open_tap() : -1;
	if (netdev.tap < 0) {
		fprintf(stderr, "this needs root, /dev/vhost-net, /dev/net/tun and iproute2: scripts/with-kvm\n");
		return SKIP;
	}
	class = mortise_plugin_v1.classes[0];
	fake_open();
	host.net_info = host_net_info;
	host.net_set_offloads = host_set_offloads;
	host.net_set_queues = host_set_queues;
	host.net_poll = host_poll;
	host.net_vhost = host_vhost;
	host.offer_ring_features = host_offer_ring_features;
	host.memory_region = host_memory_region;
	host.vring_lend = host_lend;
	host.vring_return = host_return;
	for (int i = 0; i < 2; i++) {
		kicks[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		calls[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	return cmocka_run_group_tests_name("virtio-net-vhost", tests, NULL, NULL);
}
