/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/net-fixture.c - the registry of netdevs on the test's thread, and cards on threads of their own.
 */
#include "net-fixture.h"

#include <time.h>

#define PATIENCE 20000 /* milliseconds */

/* --- the registry --- */

struct waiting {
	struct reply reply;
	struct loop *control;
	int result;
};

static void replied(struct reply *reply, int result)
{
	struct waiting *waiting = container_of(reply, struct waiting, reply);

	waiting->result = result;
	loop_quit(waiting->control);
}

static int wait_reply(struct rig *rig, struct waiting *waiting)
{
	loop_run(rig->control);
	rig->error = waiting->reply.error;
	return waiting->result;
}

void rig_open(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	assert_int_equal(loop_new(&rig->control, NULL), 0);
	assert_int_equal(nets_new(&rig->nets, rig->control, NULL), 0);
}

void rig_close(struct rig *rig)
{
	nets_free(rig->nets);
	loop_free(rig->control);
}

int rig_add(struct rig *rig, const char *text)
{
	struct waiting waiting = {.reply.done = replied, .control = rig->control};
	struct options *options;

	assert_int_equal(options_parse(&options, text, "type", NULL, &rig->error), 0);
	net_add(rig->nets, options, &waiting.reply);
	return wait_reply(rig, &waiting);
}

int rig_del(struct rig *rig, const char *id)
{
	struct waiting waiting = {.reply.done = replied, .control = rig->control};

	net_del(rig->nets, id, &waiting.reply);
	return wait_reply(rig, &waiting);
}

void rig_refuses(struct rig *rig, const char *options, int result, const char *what)
{
	assert_int_equal(rig_add(rig, options), result);
	assert_names(&rig->error, what);
}

/* --- cards --- */

static void take_all(struct card *card)
{
	for (;;) {
		static __thread uint8_t buffer[MORTISE_NET_FRAME_MAX];
		struct iovec iov[3] = {{buffer, 5}, {buffer + 5, 30}, {buffer + 35, sizeof(buffer) - 35}};
		int64_t n;

		memset(buffer, 0xee, 64);
		n = net_receive(card->net, 0, iov, 3);
		if (n < 0)
			break;
		assert_in_range(n, RIG_HEADER, sizeof(buffer));
		pthread_mutex_lock(&card->lock);
		if (card->count < RIG_FRAMES) {
			struct received *received = &card->frames[card->count++];

			received->data = malloc((size_t)n);
			received->size = (size_t)n;
			memcpy(received->data, buffer, (size_t)n);
		}
		pthread_cond_broadcast(&card->changed);
		pthread_mutex_unlock(&card->lock);
	}
}

static void on_ready(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events)
{
	struct card *card = opaque;
	struct mortise_net_info info = {.struct_size = sizeof(info)};

	if (events & MORTISE_NET_READABLE)
		take_all(card);
	net_info(net, &info);
	pthread_mutex_lock(&card->lock);
	card->link_up = info.link_up;
	card->links += !!(events & MORTISE_NET_LINK);
	card->writables += !!(events & MORTISE_NET_WRITABLE);
	pthread_cond_broadcast(&card->changed);
	pthread_mutex_unlock(&card->lock);
	if (events & MORTISE_NET_WRITABLE)
		net_poll(net, 0, MORTISE_NET_READABLE);
}

/* A call on the card's thread. */
struct call {
	struct task task;
	void (*run)(struct call *call);
	struct card *card;
	const void *data;
	size_t size;
	uint32_t number;
	int result;
	bool done;
};

static void run_call(struct task *task)
{
	struct call *call = container_of(task, struct call, task);
	struct card *card = call->card;

	call->run(call);
	pthread_mutex_lock(&card->lock);
	call->done = true;
	pthread_cond_broadcast(&card->changed);
	pthread_mutex_unlock(&card->lock);
}

static int make_call(struct card *card, void (*run)(struct call *call), const void *data, size_t size, uint32_t number)
{
	struct call call = {
		.task.run = run_call, .run = run, .card = card, .data = data, .size = size, .number = number};

	loop_post(card->loop, &call.task);
	pthread_mutex_lock(&card->lock);
	while (!call.done)
		pthread_cond_wait(&card->changed, &card->lock);
	pthread_mutex_unlock(&card->lock);
	return call.result;
}

static void do_send(struct call *call)
{
	struct iovec iov = {(void *)call->data, call->size};

	call->result = net_send(call->card->net, 0, &iov, 1);
}

int card_send_raw(struct card *card, const void *frame, size_t size)
{
	return make_call(card, do_send, frame, size, 0);
}

int card_send(struct card *card, const void *frame, size_t size)
{
	uint8_t *whole = calloc(1, size + RIG_HEADER);
	int r;

	memcpy(whole + RIG_HEADER, frame, size);
	r = card_send_raw(card, whole, size + RIG_HEADER);
	free(whole);
	return r;
}

static void do_poll(struct call *call)
{
	net_poll(call->card->net, 0, call->number);
}

void card_poll(struct card *card, uint32_t events)
{
	make_call(card, do_poll, NULL, 0, events);
}

static void do_offloads(struct call *call)
{
	call->result = net_set_offloads(call->card->net, call->number, RIG_HEADER);
}

int card_offloads(struct card *card, uint32_t offloads)
{
	return make_call(card, do_offloads, NULL, 0, offloads);
}

static void do_begin(struct call *call)
{
	struct card *card = call->card;
	struct mortise_net_info info = {.struct_size = sizeof(info)};

	assert_int_equal(net_set_offloads(card->net, 0, RIG_HEADER), 0);
	net_poll(card->net, 0, MORTISE_NET_READABLE);
	net_info(card->net, &info);
	pthread_mutex_lock(&card->lock);
	card->link_up = info.link_up;
	pthread_mutex_unlock(&card->lock);
}

void card_plug(struct card *card, struct rig *rig, const char *id)
{
	pthread_condattr_t attributes;

	memset(card, 0, sizeof(*card));
	pthread_mutex_init(&card->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&card->changed, &attributes);
	assert_int_equal(loop_new(&card->loop, NULL), 0);
	assert_int_equal(loop_start(card->loop, id, NULL), 0);
	card->net = net_find(rig->nets, id);
	assert_non_null(card->net);
	assert_int_equal(net_claim(card->net, id, card->loop, &rig->error), 0);
	net_on_ready(card->net, on_ready, card);
	make_call(card, do_begin, NULL, 0, 0);
}

void card_unplug(struct card *card)
{
	net_release(card->net);
	loop_free(card->loop);
	for (unsigned i = 0; i < card->count; i++)
		free(card->frames[i].data);
	pthread_cond_destroy(&card->changed);
	pthread_mutex_destroy(&card->lock);
}

static bool comes(struct card *card, bool (*there)(const struct card *card, unsigned wanted), unsigned wanted,
		  long milliseconds)
{
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += milliseconds % 1000 * 1000000;
	end.tv_sec += milliseconds / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&card->lock);
	while (!there(card, wanted) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&card->changed, &card->lock, &end);
	pthread_mutex_unlock(&card->lock);
	return r != ETIMEDOUT;
}

static void wait_until(struct card *card, bool (*there)(const struct card *card, unsigned wanted), unsigned wanted,
		       const char *what)
{
	if (!comes(card, there, wanted, PATIENCE))
		fail_msg("%s did not come: %u wanted, %u frames there", what, wanted, card_count(card));
}

unsigned card_count(struct card *card)
{
	unsigned count;

	pthread_mutex_lock(&card->lock);
	count = card->count;
	pthread_mutex_unlock(&card->lock);
	return count;
}

static bool frames_there(const struct card *card, unsigned wanted)
{
	return card->count >= wanted;
}

static bool link_there(const struct card *card, unsigned wanted)
{
	return card->link_up == !!wanted;
}

static bool writable_there(const struct card *card, unsigned wanted)
{
	return card->writables;
}

bool card_has_frames(struct card *card, unsigned count, long milliseconds)
{
	return comes(card, frames_there, count, milliseconds);
}

void card_wait_frames(struct card *card, unsigned count)
{
	wait_until(card, frames_there, count, "a frame");
}

void card_wait_link(struct card *card, bool up)
{
	wait_until(card, link_there, up, up ? "the link" : "the loss of the link");
}

void card_wait_writable(struct card *card)
{
	wait_until(card, writable_there, 1, "room for frames");
}

/* --- frames --- */

void make_frame(uint8_t *frame, size_t size, unsigned number)
{
	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(i * 13 + number);
	memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, 14);
	if (size >= 18)
		memcpy(frame + 14, &number, 4);
}

bool is_frame(const struct received *received, size_t size, unsigned number)
{
	uint8_t expected[2048];

	assert_true(size <= sizeof(expected));
	make_frame(expected, size, number);
	return received->size == size + RIG_HEADER && !memcmp(received->data + RIG_HEADER, expected, size);
}
