/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-virtqueue.c - rings well-behaved and hostile, event indices, wrap-around.
 */
#include "unit.h"

#include <linux/virtio_config.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "ring.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define WITH_INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define WITH_EVENT_IDX (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)
#define BUFFER RING_BUFFERS
#define TABLE (RING_BUFFERS + 0x100000)

struct state {
	struct ram *ram;
	struct ring ring;
	struct virtqueue vq;
};

static void start(struct state *s, uint32_t size, uint64_t features)
{
	virtqueue_stop(&s->vq);
	ring_init(&s->ring, s->ram, 0, size, features & WITH_EVENT_IDX);
	assert_null(virtqueue_check(s->ram, &s->ring.place));
	assert_int_equal(virtqueue_start(&s->vq, s->ram, &s->ring.place, 3, features, 24), 0);
}

static int set_up(void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	ring_ram_new(&s->ram);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct state *s = *state;

	virtqueue_stop(&s->vq);
	ram_free(s->ram);
	free(s);
	return 0;
}

/* --- what drivers do --- */

static void one_chain(void **state)
{
	struct state *s = *state;
	struct mortise_chain *chain;
	struct vring_used_elem elem;

	start(s, 8, 0);
	assert_null(virtqueue_pop(&s->vq));
	ring_desc(&s->ring, 5, BUFFER, 16, NEXT, 2);
	ring_desc(&s->ring, 2, BUFFER + 0x1000, 512, NEXT | WRITE, 7);
	ring_desc(&s->ring, 7, BUFFER + 0x2000, 1, WRITE, 0);
	ring_offer(&s->ring, 5);
	chain = virtqueue_pop(&s->vq);
	assert_non_null(chain);
	assert_int_equal(chain->queue, 3);
	assert_int_equal(chain->out_count, 1);
	assert_int_equal(chain->out_size, 16);
	assert_ptr_equal(chain->out[0].iov_base, ram_at(s->ram, BUFFER, 16));
	assert_int_equal(chain->out[0].iov_len, 16);
	assert_int_equal(chain->in_count, 2);
	assert_int_equal(chain->in_size, 513);
	assert_ptr_equal(chain->in[1].iov_base, ram_at(s->ram, BUFFER + 0x2000, 1));
	assert_int_equal((uintptr_t)chain->priv % 16, 0);
	assert_int_equal(((uint8_t *)chain->priv)[23], 0);
	assert_null(virtqueue_pop(&s->vq));
	assert_false(ring_take(&s->ring, &elem));

	assert_true(virtqueue_push(&s->vq, chain, UINT64_MAX));
	assert_false(ring_take(&s->ring, &elem)); /* not before it is published */
	virtqueue_publish(&s->vq);
	assert_true(ring_take(&s->ring, &elem));
	assert_int_equal(elem.id, 5);
	assert_int_equal(elem.len, 513);
	assert_false(ring_take(&s->ring, &elem));
	assert_int_equal(s->vq.in_flight, 0);
	assert_false(virtqueue_push(&s->vq, chain, 0));
	assert_false(virtqueue_unpop(&s->vq, chain));
}

static void indirect(void **state)
{
	struct state *s = *state;
	struct mortise_chain *chain;

	/* The table may be longer than the ring, lie anywhere, and follow direct descriptors. */
	start(s, 2, WITH_INDIRECT);
	for (uint16_t i = 0; i < 300; i++)
		ring_table(s->ram, TABLE + 3, i, BUFFER + i, 1, i < 299 ? WRITE | NEXT : WRITE, (uint16_t)(i + 1));
	ring_desc(&s->ring, 0, BUFFER, 7, NEXT, 1);
	ring_desc(&s->ring, 1, TABLE + 3, 300 * 16, INDIRECT | WRITE, 0);
	ring_offer(&s->ring, 0);
	chain = virtqueue_pop(&s->vq);
	assert_non_null(chain);
	assert_int_equal(chain->out_count, 1);
	assert_int_equal(chain->in_count, 300);
	assert_int_equal(chain->in_size, 300);
	assert_ptr_equal(chain->in[299].iov_base, ram_at(s->ram, BUFFER + 299, 1));
	virtqueue_push(&s->vq, chain, 0);
}

/* Each is a first descriptor, and perhaps others, that end a queue; none may be accepted. */
struct attack {
	const char *name;
	const char *why;
	uint64_t features;
	uint16_t head;
	struct vring_desc desc[4], table[4];
};

static const struct attack attacks[] = {
	{"empty buffer", "empty", .desc = {{BUFFER, 0, 0, 0}}},
	{"below memory", "outside memory", .desc = {{RING_RAM_BASE - 1, 1, 0, 0}}},
	{"over the start", "outside memory", .desc = {{RING_RAM_BASE - 1, 2, 0, 0}}},
	{"over the end", "outside memory", .desc = {{RING_RAM_BASE + RING_RAM_SIZE - 1, 2, 0, 0}}},
	{"in the hole", "outside memory", .desc = {{RING_RAM_BASE + RING_RAM_SIZE, 1, 0, 0}}},
	{"across the hole", "outside memory", .desc = {{RING_RAM_HIGH - 1, 2, 0, 0}}},
	{"beyond all", "outside memory", .desc = {{RING_RAM_HIGH + RING_RAM_SIZE, 1, 0, 0}}},
	{"wraps", "outside memory", .desc = {{UINT64_MAX, 2, 0, 0}}},
	{"wraps into memory", "outside memory", .desc = {{UINT64_MAX - 0x7fffffff, 0xffffffff, 0, 0}}},
	{"far too long", "outside memory", .desc = {{BUFFER, 0xffffffff, WRITE, 0}}},
	{"read after write", "follows", .desc = {{BUFFER, 1, WRITE | NEXT, 1}, {BUFFER, 1, 0, 0}}},
	{"loop of one", "loop", .desc = {{BUFFER, 1, NEXT, 0}}},
	{"loop of two", "loop", .desc = {{BUFFER, 1, NEXT, 1}, {BUFFER, 1, NEXT, 0}}},
	{"next outside", "outside its table", .desc = {{BUFFER, 1, NEXT, 4}}},
	{"next far outside", "outside its table", .desc = {{BUFFER, 1, NEXT, 0xffff}}},
	{"head outside", "outside the descriptor table", .head = 4},
	{"head far outside", "outside the descriptor table", .head = 0xffff},
	{"not negotiated", "not negotiated", .desc = {{TABLE, 16, INDIRECT, 0}}, .table = {{BUFFER, 1, 0, 0}}},
	{"table with next", "inside or before", WITH_INDIRECT,
	 .desc = {{TABLE, 16, INDIRECT | NEXT, 1}, {BUFFER, 1, 0, 0}}, .table = {{BUFFER, 1, 0, 0}}},
	{"table in table", "inside or before", WITH_INDIRECT, .desc = {{TABLE, 16, INDIRECT, 0}},
	 .table = {{TABLE, 16, INDIRECT, 0}}},
	{"the ring as its own table", "inside or before", WITH_INDIRECT, .desc = {{RING_RAM_BASE, 64, INDIRECT, 0}}},
	{"empty table", "bad size", WITH_INDIRECT, .desc = {{TABLE, 0, INDIRECT, 0}}},
	{"odd table", "bad size", WITH_INDIRECT, .desc = {{TABLE, 24, INDIRECT, 0}}},
	{"huge table", "bad size", WITH_INDIRECT, .desc = {{TABLE, 1025 * 16, INDIRECT, 0}}},
	{"hugest table", "bad size", WITH_INDIRECT, .desc = {{TABLE, 0xfffffff0, INDIRECT, 0}}},
	{"table outside", "outside memory", WITH_INDIRECT, .desc = {{RING_RAM_BASE - 16, 32, INDIRECT, 0}}},
	{"table wraps", "outside memory", WITH_INDIRECT, .desc = {{UINT64_MAX - 15, 32, INDIRECT, 0}}},
	{"loop in table", "loop", WITH_INDIRECT, .desc = {{TABLE, 32, INDIRECT, 0}},
	 .table = {{BUFFER, 1, NEXT, 1}, {BUFFER, 1, NEXT, 0}}},
	{"next outside table", "outside its table", WITH_INDIRECT, .desc = {{TABLE, 32, INDIRECT, 0}},
	 .table = {{BUFFER, 1, NEXT, 2}}},
	{"read after write in table", "follows", WITH_INDIRECT,
	 .desc = {{BUFFER, 1, WRITE | NEXT, 1}, {TABLE, 16, INDIRECT, 0}}, .table = {{BUFFER, 1, 0, 0}}},
};

static void hostile(void **state)
{
	struct state *s = *state;
	struct vring_used_elem elem;

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		const struct attack *attack = &attacks[i];

		start(s, 4, attack->features);
		memcpy(s->ring.desc, attack->desc, sizeof(attack->desc));
		memcpy(ram_at(s->ram, TABLE, sizeof(attack->table)), attack->table, sizeof(attack->table));
		ring_offer(&s->ring, attack->head);
		if (virtqueue_pop(&s->vq))
			fail_msg("accepted: %s", attack->name);
		if (!s->vq.broken || !strstr(s->vq.broken, attack->why))
			fail_msg("%s: broken because '%s', expected '%s'", attack->name,
				 s->vq.broken ? s->vq.broken : "(not broken)", attack->why);
		assert_null(virtqueue_pop(&s->vq));
		assert_false(ring_take(&s->ring, &elem));
		assert_int_equal(s->vq.in_flight, 0);
	}
}

/* 2.7.5.2: no more than 4 GiB in a chain, which could not be told in the used ring either. */
static void too_long_together(void **state)
{
	struct state *s = *state;

	start(s, 128, 0);
	for (uint16_t i = 0; i < 65; i++)
		ring_desc(&s->ring, i, RING_RAM_HIGH, (uint32_t)RING_RAM_SIZE, i < 64 ? WRITE | NEXT : WRITE,
			  (uint16_t)(i + 1));
	ring_offer(&s->ring, 0);
	assert_null(virtqueue_pop(&s->vq));
	assert_non_null(strstr(s->vq.broken, "4 GiB"));
}

static void index_jumps(void **state)
{
	struct state *s = *state;

	start(s, 4, 0);
	ring_desc(&s->ring, 0, BUFFER, 1, 0, 0);
	s->ring.avail->idx = 5;
	assert_null(virtqueue_pop(&s->vq));
	assert_non_null(s->vq.broken);

	start(s, 4, 0);
	s->ring.avail->idx = 0xffff; /* backwards */
	assert_null(virtqueue_pop(&s->vq));
	assert_non_null(s->vq.broken);
}

/* The same descriptors made available over and over, never waiting for them to be used. */
static void more_than_the_ring_holds(void **state)
{
	struct state *s = *state;
	struct mortise_chain *chains[4];

	start(s, 4, 0);
	ring_desc(&s->ring, 0, BUFFER, 1, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		ring_offer(&s->ring, 0);
		chains[i] = virtqueue_pop(&s->vq);
		assert_non_null(chains[i]);
	}
	ring_offer(&s->ring, 0);
	assert_null(virtqueue_pop(&s->vq));
	assert_non_null(s->vq.broken);
	/* What is in flight ends, without a trace in a ring that the driver has to give up. */
	for (unsigned i = 0; i < 4; i++)
		assert_true(virtqueue_push(&s->vq, chains[i], 0));
	assert_int_equal(s->vq.in_flight, 0);
	assert_int_equal(s->ring.used->idx, 0);
	assert_false(virtqueue_publish(&s->vq));
}

static void bad_places(void **state)
{
	static const struct virtqueue_place places[] = {
		{.desc = BUFFER, .avail = BUFFER, .used = BUFFER, .size = 0},
		{.desc = BUFFER, .avail = BUFFER, .used = BUFFER, .size = 3},
		{.desc = BUFFER, .avail = BUFFER, .used = BUFFER, .size = 2048},
		{.desc = BUFFER, .avail = BUFFER, .used = BUFFER, .size = 0x80000000},
		{.desc = BUFFER + 8, .avail = BUFFER, .used = BUFFER, .size = 8},
		{.desc = BUFFER, .avail = BUFFER + 1, .used = BUFFER, .size = 8},
		{.desc = BUFFER, .avail = BUFFER, .used = BUFFER + 2, .size = 8},
		{.desc = RING_RAM_HIGH - 16, .avail = BUFFER, .used = BUFFER, .size = 8},
		{.desc = BUFFER, .avail = RING_RAM_BASE + RING_RAM_SIZE - 20, .used = BUFFER, .size = 8},
		{.desc = BUFFER, .avail = BUFFER, .used = RING_RAM_BASE + RING_RAM_SIZE - 68, .size = 8},
		{.desc = UINT64_MAX - 15, .avail = BUFFER, .used = BUFFER, .size = 8},
		{.desc = 0, .avail = 0, .used = 0, .size = 8},
	};
	struct state *s = *state;
	struct virtqueue_place good = {.desc = RING_RAM_BASE + RING_RAM_SIZE - 128,
				       .avail = RING_RAM_BASE + RING_RAM_SIZE - 22,
				       .used = RING_RAM_BASE + RING_RAM_SIZE - 72,
				       .size = 8};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!virtqueue_check(s->ram, &places[i]))
			fail_msg("place %zu was accepted", i);
	assert_null(virtqueue_check(s->ram, &good));
}

/* --- putting back --- */

static void unpop(void **state)
{
	struct state *s = *state;
	struct mortise_chain *a, *b;
	struct vring_used_elem elem;

	start(s, 4, 0);
	ring_desc(&s->ring, 1, BUFFER, 1, 0, 0);
	ring_desc(&s->ring, 2, BUFFER, 2, 0, 0);
	ring_offer(&s->ring, 1);
	ring_offer(&s->ring, 2);
	a = virtqueue_pop(&s->vq);
	b = virtqueue_pop(&s->vq);
	assert_false(virtqueue_unpop(&s->vq, a));
	assert_true(virtqueue_unpop(&s->vq, b));
	assert_true(virtqueue_unpop(&s->vq, a));
	assert_int_equal(s->vq.in_flight, 0);
	a = virtqueue_pop(&s->vq);
	assert_int_equal(a->out_size, 1);
	b = virtqueue_pop(&s->vq);
	assert_int_equal(b->out_size, 2);
	assert_null(virtqueue_pop(&s->vq));
	virtqueue_push(&s->vq, b, 0);
	virtqueue_push(&s->vq, a, 0);
	assert_false(ring_take(&s->ring, &elem)); /* neither is seen without the other */
	virtqueue_publish(&s->vq);
	assert_true(ring_take(&s->ring, &elem));
	assert_int_equal(elem.id, 2);
	assert_true(ring_take(&s->ring, &elem));
	assert_int_equal(elem.id, 1);
}

/* --- notification, both ways --- */

static void flags(void **state)
{
	struct state *s = *state;
	struct mortise_chain *chain;

	start(s, 4, 0);
	ring_desc(&s->ring, 0, BUFFER, 1, 0, 0);
	s->ring.used->flags = VRING_USED_F_NO_NOTIFY; /* an earlier instance's */
	assert_null(virtqueue_pop(&s->vq));
	ring_offer(&s->ring, 0);
	assert_true(ring_must_kick(&s->ring));
	chain = virtqueue_pop(&s->vq);
	ring_offer(&s->ring, 0);
	assert_false(ring_must_kick(&s->ring)); /* it is popping anyway */
	virtqueue_push(&s->vq, chain, 0);
	assert_true(virtqueue_publish(&s->vq));
	assert_false(virtqueue_publish(&s->vq));
	ring_want_no_interrupt(&s->ring);
	virtqueue_push(&s->vq, virtqueue_pop(&s->vq), 0);
	assert_false(virtqueue_publish(&s->vq));
	assert_null(virtqueue_pop(&s->vq));
	ring_offer(&s->ring, 0);
	assert_true(ring_must_kick(&s->ring));
}

static void event_index(void **state)
{
	struct state *s = *state;

	start(s, 8, WITH_EVENT_IDX);
	ring_desc(&s->ring, 0, BUFFER, 1, 0, 0);
	assert_null(virtqueue_pop(&s->vq));
	ring_offer(&s->ring, 0);
	assert_true(ring_must_kick(&s->ring));
	ring_offer(&s->ring, 0);
	assert_false(ring_must_kick(&s->ring)); /* one is enough */

	/* Nothing is known of the driver after an activation: the first interrupt comes in any case. */
	ring_want_no_interrupt(&s->ring);
	virtqueue_push(&s->vq, virtqueue_pop(&s->vq), 0);
	assert_true(virtqueue_publish(&s->vq));
	virtqueue_push(&s->vq, virtqueue_pop(&s->vq), 0);
	assert_false(virtqueue_publish(&s->vq));

	/* Wanted after index 4, that is once 5 are used: not before, and not again. */
	assert_null(virtqueue_pop(&s->vq));
	ring_want_interrupt_after(&s->ring, 4);
	for (unsigned used = 3; used <= 6; used++) {
		ring_offer(&s->ring, 0);
		virtqueue_push(&s->vq, virtqueue_pop(&s->vq), 0);
		assert_int_equal(virtqueue_publish(&s->vq), used == 5);
	}
	/* And when several at once pass it. */
	ring_want_interrupt_after(&s->ring, 8);
	for (unsigned i = 0; i < 6; i++) {
		ring_offer(&s->ring, 0);
		virtqueue_push(&s->vq, virtqueue_pop(&s->vq), 0);
	}
	assert_true(virtqueue_publish(&s->vq));
}

/* Chains that come between the last look and the request for a notification are not left lying. */
static void late_arrival(void **state)
{
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		struct state *s = *state;
		struct mortise_chain *chain;

		start(s, 8, event_idx ? WITH_EVENT_IDX : 0);
		ring_desc(&s->ring, 0, BUFFER, 1, 0, 0);
		ring_offer(&s->ring, 0);
		chain = virtqueue_pop(&s->vq);
		assert_non_null(chain);
		ring_offer(&s->ring, 0);
		ring_must_kick(&s->ring);
		assert_non_null(virtqueue_pop(&s->vq));
		assert_null(virtqueue_pop(&s->vq));
		ring_offer(&s->ring, 0);
		assert_true(ring_must_kick(&s->ring));
		assert_non_null(virtqueue_pop(&s->vq));
	}
}

#define RACES 100000

struct race {
	struct state *s;
	sem_t kick;
	_Atomic bool lost;
};

/* A device that sleeps once its queue is empty, and is woken by nothing but notifications. */
static void *race_device(void *opaque)
{
	struct race *race = opaque;

	for (unsigned done = 0; done < RACES;) {
		struct mortise_chain *chain = virtqueue_pop(&race->s->vq);
		struct timespec until;

		if (chain) {
			virtqueue_push(&race->s->vq, chain, 0);
			virtqueue_publish(&race->s->vq);
			done++;
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 10;
		if (sem_timedwait(&race->kick, &until) < 0) {
			atomic_store(&race->lost, true);
			break;
		}
	}
	return NULL;
}

/* Whatever is offered while the device is about to go to sleep is either seen by it or notified. */
static void no_lost_notification(void **state)
{
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		struct race race = {.s = *state};
		struct ring *ring = &race.s->ring;
		pthread_t device;

		start(race.s, 8, event_idx ? WITH_EVENT_IDX : 0);
		ring_desc(ring, 0, BUFFER, 1, 0, 0);
		sem_init(&race.kick, 0, 0);
		assert_int_equal(pthread_create(&device, NULL, race_device, &race), 0);
		for (unsigned i = 0; i < RACES && !atomic_load(&race.lost); i++) {
			struct vring_used_elem elem;

			for (volatile unsigned pause = i % 64; pause; pause--)
				; /* so that the moment varies */
			ring_offer(ring, 0);
			if (ring_must_kick(ring))
				sem_post(&race.kick);
			for (unsigned tries = 0; !ring_take(ring, &elem) && !atomic_load(&race.lost); tries++)
				if (tries > 200)
					sched_yield();
		}
		pthread_join(device, NULL);
		sem_destroy(&race.kick);
		assert_false(atomic_load(&race.lost));
	}
}

/* Both indices and both event indices pass 65535, at every ring size, three times. */
static void wrap_around(void **state)
{
	struct state *s = *state;

	for (uint32_t size = 1; size <= 1024; size *= 32) {
		uint32_t interrupts = 0, rounds = 0;

		start(s, size, WITH_EVENT_IDX);
		virtqueue_stop(&s->vq);
		ring_begin_at(&s->ring, 65000);
		assert_int_equal(virtqueue_start(&s->vq, s->ram, &s->ring.place, 0, WITH_EVENT_IDX, 0), 0);
		for (uint16_t i = 0; i < size; i++)
			ring_desc(&s->ring, i, BUFFER + i, 1, WRITE, 0);
		assert_null(virtqueue_pop(&s->vq));
		for (uint32_t total = 0; total < 200000; rounds++) {
			const uint32_t batch = size == 1 ? 1 : 1 + total % size;
			struct vring_used_elem elem;

			ring_want_interrupt_after(&s->ring, s->ring.used_idx);
			for (uint32_t i = 0; i < batch; i++)
				ring_offer(&s->ring, (uint16_t)i);
			assert_true(ring_must_kick(&s->ring));
			for (uint32_t i = 0; i < batch; i++) {
				struct mortise_chain *chain = virtqueue_pop(&s->vq);

				assert_non_null(chain);
				assert_int_equal(chain->head, i);
				assert_true(virtqueue_push(&s->vq, chain, 1));
			}
			assert_null(virtqueue_pop(&s->vq));
			interrupts += virtqueue_publish(&s->vq);
			for (uint32_t i = 0; i < batch; i++) {
				assert_true(ring_take(&s->ring, &elem));
				assert_int_equal(elem.id, i);
			}
			total += batch;
		}
		assert_int_equal(interrupts, rounds);
		assert_null(s->vq.broken);
	}
}

/* --- telling the accelerator what was written --- */

struct written {
	uint64_t gpa[8], len[8];
	unsigned count;
};

static void note_written(void *opaque, uint64_t gpa, uint64_t len)
{
	struct written *written = opaque;

	assert_true(written->count < ARRAY_SIZE(written->gpa));
	written->gpa[written->count] = gpa;
	written->len[written->count++] = len;
}

static void code_is_invalidated(void **state)
{
	struct state *s = *state;
	_cleanup_free_ uint8_t *map = malloc(s->ram->size >> RAM_PAGE_SHIFT);
	struct written written = {0};
	struct mortise_chain *chain;

	memset(map, 1, s->ram->size >> RAM_PAGE_SHIFT);
	s->ram->watch = (struct ram_watch){.written = note_written, .opaque = &written, .code_map = map};
	start(s, 8, 0);
	ring_desc(&s->ring, 0, BUFFER, 16, NEXT, 1);
	ring_desc(&s->ring, 1, BUFFER + 0x1000, 100, WRITE | NEXT, 2);
	ring_desc(&s->ring, 2, BUFFER + 0x3000, 100, WRITE | NEXT, 3);
	ring_desc(&s->ring, 3, BUFFER + 0x5000, 100, WRITE, 0);
	ring_offer(&s->ring, 0);
	chain = virtqueue_pop(&s->vq);
	chain->in++; /* the plugin's to alter */
	chain->in_count = 0;
	chain->in_size = 0;
	virtqueue_push(&s->vq, chain, 101);
	assert_int_equal(written.count, 2);
	assert_int_equal(written.gpa[0], BUFFER + 0x1000);
	assert_int_equal(written.len[0], 100);
	assert_int_equal(written.gpa[1], BUFFER + 0x3000);
	assert_int_equal(written.len[1], 1);
	assert_true(virtqueue_publish(&s->vq));
	assert_int_equal(written.count, 3);
	assert_int_equal(written.gpa[2], s->ring.place.used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(indirect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_long_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(index_jumps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_than_the_ring_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unpop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(event_index, set_up, tear_down),
		cmocka_unit_test_setup_teardown(late_arrival, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_lost_notification, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrap_around, set_up, tear_down),
		cmocka_unit_test_setup_teardown(code_is_invalidated, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
