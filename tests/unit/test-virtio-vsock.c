/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtio-vsock.c - the virtio-vsock plugin against a host made of arrays: credit both ways, packets that a
 * hostile driver may send, refusals without buffers, what a new instance tells.
 */
#include "fake-host.h"

#include <sys/socket.h>

#include "../../plugins/virtio-vsock/vsock.h"

static struct vsock vsock;
static const struct mortise_class *class;
static char path[64];
static int fds[2]; /* the plugin's end of a connection, and ours */

static int set_up(void **state)
{
	struct mortise_error err = {0};

	class = mortise_plugin_v1.classes[0];
	fake_open();
	snprintf(path, sizeof(path), "/tmp/vsock-test.%d", getpid());
	vsock = (struct vsock){.guest_cid = 3, .path = path};
	if (class->realize(&vsock, &fake, &host, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(fake.config[0], 3);
	class->activate(&vsock, 0, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	return 0;
}

static int tear_down(void **state)
{
	class->unrealize(&vsock);
	close(fds[1]);
	fake_close();
	assert_int_equal(access(path, F_OK), -1);
	return 0;
}

/* An open connection, of port 7 outside with port 8 of the guest's. */
static struct connection *open_connection(uint32_t room)
{
	struct connection *connection = connection_new(&vsock, fds[0], OPEN);

	connection->host_port = 7;
	connection->guest_port = 8;
	connection->guest_room = room;
	connection_want(connection);
	return connection;
}

static void guest_sends(struct virtio_vsock_hdr packet, const void *data)
{
	uint8_t *bytes = calloc(1, sizeof(packet) + packet.len);

	packet.src_cid = packet.src_cid ? packet.src_cid : 3;
	packet.dst_cid = HOST_CID;
	packet.src_port = packet.src_port ? packet.src_port : 8;
	packet.dst_port = 7;
	packet.type = packet.type ? packet.type : VIRTIO_VSOCK_TYPE_STREAM;
	memcpy(bytes, &packet, sizeof(packet));
	if (data)
		memcpy(bytes + sizeof(packet), data, packet.len);
	fake_offer(QUEUE_TX, bytes, sizeof(packet) + (data ? packet.len : 0), 0, 2);
	free(bytes);
	class->notify(&vsock, QUEUE_TX);
}

static void offer_buffers(unsigned count)
{
	while (count--)
		fake_offer(QUEUE_RX, NULL, 0, 1024, 2);
	class->notify(&vsock, QUEUE_RX);
}

static const struct virtio_vsock_hdr *told(unsigned number)
{
	const struct fake_chain *chain = &fake.queues[QUEUE_RX].chains[number];

	assert_true(chain->pushed);
	return (const void *)chain->memory;
}

/* Data for the guest: no more than it has room for, and none without buffers. */
static void test_guest_credit(void **state)
{
	struct connection *connection = open_connection(10);
	char data[20] = "0123456789abcdefghi";

	assert_int_equal(write(fds[1], data, 20), 20);
	assert_int_equal(fake.watches[fds[0]], MORTISE_WATCH_READ);
	class->fd_ready(&vsock, fds[0], MORTISE_WATCH_READ, connection);
	assert_int_equal(fake.watches[fds[0]], MORTISE_WATCH_READ); /* what came first: nothing to put it into */
	offer_buffers(4);
	assert_int_equal(fake.queues[QUEUE_RX].pushed, 1);
	assert_int_equal(told(0)->op, VIRTIO_VSOCK_OP_RW);
	assert_int_equal(told(0)->len, 10);
	assert_memory_equal(told(0) + 1, data, 10);
	assert_int_equal(fake.watches[fds[0]], 0);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = 10, .fwd_cnt = 10},
		    NULL);
	assert_int_equal(told(1)->len, 10);
	close(fds[1]);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = 10, .fwd_cnt = 20},
		    NULL);
	assert_int_equal(told(2)->op, VIRTIO_VSOCK_OP_SHUTDOWN);
	assert_int_equal(told(2)->flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = 3}, NULL);
	assert_int_equal(told(3)->op, VIRTIO_VSOCK_OP_RST);
	assert_int_equal(vsock.count, 0);
	fds[1] = -1;
}

/* Data from the guest: kept while nobody reads, as far as it was allowed to send; more ends the connection. */
static void test_our_credit(void **state)
{
	struct connection *connection = open_connection(1000);
	static uint8_t data[32768];
	const int small = 1;
	unsigned sent = 0;

	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (!connection->count && sent++ < 64)
		guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RW, .len = sizeof(data)}, data);
	assert_true(connection->count > 0);
	assert_true(fake.watches[fds[0]] & MORTISE_WATCH_WRITE);
	while (recv(fds[1], data, sizeof(data), 0) > 0)
		class->fd_ready(&vsock, fds[0], MORTISE_WATCH_WRITE, connection);
	assert_int_equal(connection->count, 0);
	assert_int_equal(connection->taken, sent * sizeof(data));
	offer_buffers(1);
	assert_int_equal(told(0)->op, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(told(0)->fwd_cnt, sent * sizeof(data));
	for (unsigned i = 0; i < 64 && vsock.count; i++) {
		guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RW, .len = sizeof(data)}, data);
		offer_buffers(1);
	}
	assert_int_equal(vsock.count, 0);
}

static void test_nonsense(void **state)
{
	open_connection(1000);
	fake_offer(QUEUE_TX, "short", 5, 0, 1);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RW, .src_cid = 99}, NULL); /* not its address */
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RW, .src_port = 99}, NULL);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RW, .type = 2}, NULL);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RST, .src_port = 99}, NULL);
	assert_int_equal(vsock.refusal_count, 2);
	assert_int_equal(vsock.count, 1);
	guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_RW, .len = 1000000}, NULL); /* more than there is */
	offer_buffers(8);
	assert_int_equal(fake.queues[QUEUE_RX].pushed, 3);
	assert_int_equal(vsock.count, 0);
	assert_int_equal(fake.queues[QUEUE_TX].pushed, fake.queues[QUEUE_TX].offered);
}

/* A guest that gives no buffers cannot have refusals pile up. */
static void test_refusals(void **state)
{
	close(fds[0]);
	for (uint32_t i = 0; i < 2 * REFUSALS_MAX; i++)
		guest_sends((struct virtio_vsock_hdr){.op = VIRTIO_VSOCK_OP_REQUEST, .src_port = 100 + i}, NULL);
	assert_int_equal(fake.queues[QUEUE_TX].popped, REFUSALS_MAX);
	offer_buffers(3 * REFUSALS_MAX);
	class->notify(&vsock, QUEUE_TX);
	assert_int_equal(fake.queues[QUEUE_TX].popped, 2 * REFUSALS_MAX);
	assert_int_equal(fake.queues[QUEUE_RX].pushed, 2 * REFUSALS_MAX);
}

static void test_handed_over(void **state)
{
	struct mortise_error err = {0};
	uint8_t data[16];
	const int64_t size = class->save(&vsock, data, sizeof(data));

	close(fds[0]);
	assert_int_equal(class->restore(&vsock, data, (uint64_t)size, &err), 0);
	class->notify(&vsock, QUEUE_EVENT);
	fake_offer(QUEUE_EVENT, NULL, 0, 4, 1);
	fake_offer(QUEUE_EVENT, NULL, 0, 4, 1);
	class->notify(&vsock, QUEUE_EVENT);
	class->notify(&vsock, QUEUE_EVENT);
	assert_int_equal(fake.queues[QUEUE_EVENT].pushed, 1);
	data[0]++;
	assert_int_equal(class->restore(&vsock, data, (uint64_t)size, &err), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_guest_credit), TEST(test_our_credit), TEST(test_nonsense),
					   TEST(test_refusals), TEST(test_handed_over)};

	return cmocka_run_group_tests_name("virtio-vsock", tests, NULL, NULL);
}
