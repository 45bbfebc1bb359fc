/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-net-driver.c - mortise/net-driver.h from the driver's side: a loop
 * that gives frames back, and its lies.
 */
#include "net-fixture.h"

#include <mortise/net-driver.h>

#define ROOM 16

/* How the driver under test behaves, and what it saw. */
static struct {
	struct mortise_net_info info;
	int open_result, attach_result;
	int64_t lie; /* what receive() says once, where it is not 0 */
	unsigned opened, closed, attached, detached, flushed, used;
} probe;

struct loopback {
	struct mortise_net *net;
	const struct mortise_net_services *services;
	uint8_t frames[ROOM][2048];
	size_t sizes[ROOM];
	unsigned first, count;
	uint32_t wish;
};

static int loopback_open(void *self, struct mortise_net *net, const struct mortise_net_services *services,
			 struct mortise_net_info *info, struct mortise_error *err)
{
	struct loopback *loopback = self;

	if (probe.open_result < 0)
		return mortise_fail(err, probe.open_result, "the cable is cut");
	assert_string_equal(services->name(net), "n0");
	probe.opened++;
	loopback->net = net;
	loopback->services = services;
	services->describe(net, "loop");
	info->queue_pairs = probe.info.queue_pairs;
	info->link_up = probe.info.link_up;
	info->mtu = probe.info.mtu;
	return 0;
}

static void loopback_close(void *self)
{
	probe.closed++;
}

static int loopback_attach(void *self)
{
	struct loopback *loopback = self;

	probe.attached++;
	if (!probe.info.link_up) /* it comes up by itself a little later */
		loopback->services->timer_set(loopback->net, 0, loopback->services->clock_ns() + 20000000);
	return probe.attach_result;
}

static void loopback_detach(void *self)
{
	probe.detached++;
}

/* Has timer() look at what is wished for: ready() is for it and fd_ready()
 * alone. */
static void look_soon(struct loopback *loopback)
{
	loopback->services->timer_set(loopback->net, 1, loopback->services->clock_ns());
}

static int loopback_send(void *self, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct loopback *loopback = self;
	const unsigned at = (loopback->first + loopback->count) % ROOM;

	if (loopback->count == ROOM)
		return -EAGAIN;
	loopback->sizes[at] = 0;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(loopback->frames[at] + loopback->sizes[at], iov[i].iov_base, iov[i].iov_len);
		loopback->sizes[at] += iov[i].iov_len;
	}
	loopback->count++;
	loopback->services->flush_later(loopback->net);
	return 0;
}

static int64_t loopback_receive(void *self, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct loopback *loopback = self;
	const int64_t lie = probe.lie;
	size_t done = 0;

	probe.lie = 0;
	if (lie)
		return lie;
	if (!loopback->count)
		return -EAGAIN;
	for (uint32_t i = 0; i < count && done < loopback->sizes[loopback->first]; i++) {
		const size_t part = MIN(iov[i].iov_len, loopback->sizes[loopback->first] - done);

		memcpy(iov[i].iov_base, loopback->frames[loopback->first] + done, part);
		done += part;
	}
	loopback->first = (loopback->first + 1) % ROOM;
	loopback->count--;
	if (loopback->wish & MORTISE_NET_WRITABLE)
		look_soon(loopback);
	return (int64_t)done;
}

static void loopback_poll(void *self, uint32_t queue, uint32_t events)
{
	struct loopback *loopback = self;

	loopback->wish = events;
	look_soon(loopback);
}

static void loopback_flush(void *self)
{
	probe.flushed++;
	look_soon(self);
}

static void loopback_timer(void *self, uint32_t id)
{
	struct loopback *loopback = self;
	const uint32_t there = (loopback->count || probe.lie ? MORTISE_NET_READABLE : 0) |
			       (loopback->count < ROOM ? MORTISE_NET_WRITABLE : 0);

	if (id == 0)
		loopback->services->link_changed(loopback->net, 1);
	else if (there & loopback->wish)
		loopback->services->ready(loopback->net, 0, there);
}

static const struct mortise_property no_options[] = {{.name = NULL}};

static const struct mortise_net_driver driver = {
	.size = sizeof(driver),
	.property_size = sizeof(struct mortise_property),
	.driver = "loopback",
	.summary = "For tests",
	.net_size = sizeof(struct loopback),
	.properties = no_options,
	.open = loopback_open,
	.close = loopback_close,
	.attach = loopback_attach,
	.detach = loopback_detach,
	.send = loopback_send,
	.receive = loopback_receive,
	.poll = loopback_poll,
	.flush = loopback_flush,
	.timer = loopback_timer,
};

static int find_driver(void *opaque, const char *type, const struct mortise_net_driver **out, struct mortise_error *err)
{
	*out = &driver;
	return strcmp(type, "loopback") == 0 ? 0 : mortise_fail(err, -ENOENT, "there is no '%s'", type);
}

static void use_driver(void *opaque, const struct mortise_net_driver *of, int change)
{
	assert_ptr_equal(of, &driver);
	probe.used += (unsigned)change;
}

static const struct net_source source = {find_driver, use_driver, NULL};
static struct rig rig;

static int setup(void **state)
{
	memset(&probe, 0, sizeof(probe));
	probe.info = (struct mortise_net_info){.queue_pairs = 1, .link_up = 1, .mtu = 1400};
	rig_open(&rig);
	nets_set_source(rig.nets, &source);
	return 0;
}

static int teardown(void **state)
{
	rig_close(&rig);
	assert_int_equal(probe.opened, probe.closed);
	assert_int_equal(probe.used, 0);
	return 0;
}

static void test_open_fails(void **state)
{
	static const uint32_t pairs[] = {0, 2, 9, UINT32_MAX};

	probe.open_result = -ENODEV;
	rig_refuses(&rig, "loopback,id=n0", -ENODEV, "the cable is cut");
	probe.open_result = 0;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) { /* more than one, and no set_queues() */
		probe.info.queue_pairs = pairs[i];
		rig_refuses(&rig, "loopback,id=n0", -EPROTO, "queue pairs");
	}
	assert_int_equal(probe.opened, ARRAY_SIZE(pairs));
	rig_refuses(&rig, "loopback,id=n0,bogus=1", -EINVAL, "bogus");
	rig_refuses(&rig, "other,id=n0", -EINVAL, "other");
}

static void test_frames(void **state)
{
	struct card card;
	uint8_t frame[1000];

	assert_int_equal(rig_add(&rig, "loopback,id=n0"), 0);
	for (unsigned turn = 1; turn <= 3; turn++) {
		card_plug(&card, &rig, "n0");
		assert_true(card.link_up);
		for (unsigned i = 0; i < ROOM; i++) {
			make_frame(frame, 60 + i, i);
			assert_int_equal(card_send(&card, frame, 60 + i), 0);
		}
		card_wait_frames(&card, ROOM);
		for (unsigned i = 0; i < ROOM; i++)
			assert_true(is_frame(&card.frames[i], 60 + i, i));
		card_unplug(&card);
		assert_int_equal(probe.attached, turn);
	}
	assert_true(probe.flushed > 0);
	assert_int_equal(rig_del(&rig, "n0"), 0);
	assert_int_equal(probe.detached, 3);
}

/* A driver that is full is waited for, and says when it is not. */
static void test_full(void **state)
{
	struct card card;
	uint8_t frame[100];
	unsigned sent = 0;

	assert_int_equal(rig_add(&rig, "loopback,id=n0"), 0);
	card_plug(&card, &rig, "n0");
	card_poll(&card, 0); /* nothing is taken meanwhile */
	make_frame(frame, sizeof(frame), 1);
	while (card_send(&card, frame, sizeof(frame)) == 0)
		assert_true(++sent <= ROOM);
	assert_int_equal(sent, ROOM);
	card_poll(&card, MORTISE_NET_READABLE | MORTISE_NET_WRITABLE);
	card_wait_frames(&card, ROOM);
	card_wait_writable(&card);
	card_unplug(&card);
}

/* Lengths that no frame can have are no frames; what comes after them is. */
static void test_garbage(void **state)
{
	static const int64_t lies[] = {1, RIG_HEADER - 1, MORTISE_NET_FRAME_MAX + 1, INT64_MAX};
	struct card card;
	uint8_t frame[100];

	assert_int_equal(rig_add(&rig, "loopback,id=n0"), 0);
	card_plug(&card, &rig, "n0");
	make_frame(frame, sizeof(frame), 1);
	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		probe.lie = lies[i];
		assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
		assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
		card_wait_frames(&card, 2 * (i + 1));
	}
	for (unsigned i = 0; i < card.count; i++)
		assert_true(is_frame(&card.frames[i], sizeof(frame), 1));
	card_unplug(&card);
}

static void test_link(void **state)
{
	struct card card;
	uint8_t frame[100];

	probe.info.link_up = 0;
	assert_int_equal(rig_add(&rig, "loopback,id=n0"), 0);
	card_plug(&card, &rig, "n0");
	card_wait_link(&card, true);
	make_frame(frame, sizeof(frame), 1);
	assert_int_equal(card_send(&card, frame, sizeof(frame)), 0);
	card_wait_frames(&card, 1);
	card_unplug(&card);
}

static void no_news(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events)
{
}

static void test_attach_fails(void **state)
{
	struct mortise_net_info info = {.struct_size = sizeof(info)};
	struct mortise_net *net;
	struct loop *loop;

	probe.attach_result = -EACCES;
	assert_int_equal(rig_add(&rig, "loopback,id=n0"), 0);
	assert_int_equal(loop_new(&loop, NULL), 0);
	assert_int_equal(loop_start(loop, "n0", NULL), 0);
	net = net_find(rig.nets, "n0");
	assert_int_equal(net_claim(net, "n0", loop, &rig.error), 0);
	net_on_ready(net, no_news, NULL);
	net_release(net);
	loop_free(loop);
	assert_int_equal(probe.attached, 1);
	assert_int_equal(probe.detached, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_fails), TEST(test_frames), TEST(test_full),
		TEST(test_garbage),    TEST(test_link),	  TEST(test_attach_fails),
	};

	return cmocka_run_group_tests_name("net-driver", tests, NULL, NULL);
}
