/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sharing.c - memory that two harts share: atomic operations, reservations, the order of loads and stores.
 */
#include "other.h"

#define COUNTS 50000

/* Counters that both count up, each in its own way. */
static uint64_t counters[8];

static void count(void)
{
	for (unsigned i = 0; i < COUNTS; i++) {
		uint64_t value, failed;

		asm volatile("amoadd.d zero, %0, (%1)" : : "r"(UINT64_C(1)), "r"(&counters[0]) : "memory");
		asm volatile("amoadd.w zero, %0, (%1)" : : "r"(UINT64_C(1)), "r"((char *)&counters[1] + 4) : "memory");
		asm volatile("1: lr.d %0, (%2)\n addi %0, %0, 1\n sc.d %1, %0, (%2)\n bnez %1, 1b"
			     : "=&r"(value), "=&r"(failed)
			     : "r"(&counters[2])
			     : "memory");
		asm volatile("1: lr.w.aqrl %0, (%2)\n addi %0, %0, 1\n sc.w.rl %1, %0, (%2)\n bnez %1, 1b"
			     : "=&r"(value), "=&r"(failed)
			     : "r"(&counters[3])
			     : "memory");
		asm volatile("amoxor.d zero, %0, (%1)" : : "r"(UINT64_C(1) << (i & 31)), "r"(&counters[4]) : "memory");
		asm volatile("amomax.d zero, %0, (%1)" : : "r"((uint64_t)i), "r"(&counters[5]) : "memory");
	}
}

static void contention(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(counters); i++)
		counters[i] = 0;
	other_post(count);
	count();
	other_wait();
	EXPECT(counters[0], 2 * COUNTS);
	EXPECT(counters[1], UINT64_C(2) * COUNTS << 32);
	EXPECT(counters[2], 2 * COUNTS);
	EXPECT(counters[3], 2 * COUNTS);
	EXPECT(counters[4], 0);
	EXPECT(counters[5], COUNTS - 1);
}

/* A lock of a swap, around a counter that is nothing special. */
static uint32_t lock;
static volatile uint64_t locked_count, locked_copy;

static void count_locked(void)
{
	for (unsigned i = 0; i < COUNTS / 5; i++) {
		uint64_t taken;

		do
			asm volatile("amoswap.w.aq %0, %1, (%2)"
				     : "=r"(taken)
				     : "r"(UINT64_C(1)), "r"(&lock)
				     : "memory");
		while (taken);
		locked_count = locked_count + 1;
		locked_copy = locked_count;
		asm volatile("amoswap.w.rl zero, zero, (%0)" : : "r"(&lock) : "memory");
	}
}

static void locking(void)
{
	locked_count = 0;
	other_post(count_locked);
	count_locked();
	other_wait();
	EXPECT(locked_count, 2 * (COUNTS / 5));
	EXPECT(locked_copy, locked_count);
}

/* Each of these lies in a cache line of its own. */
static struct {
	_Alignas(64) volatile uint64_t x;
	_Alignas(64) volatile uint64_t y;
	_Alignas(64) volatile uint64_t seen[2];
} line;
static uint64_t barrier;

static void meet(uint64_t round)
{
	__atomic_fetch_add(&barrier, 1, __ATOMIC_SEQ_CST);
	while (load(barrier) < 2 * round)
		;
}

#define FENCE(before, after) asm volatile("fence " #before ", " #after : : : "memory")

/* Message passing: who sees the flag sees the message. */
static void send_messages(void)
{
	for (uint64_t i = 1; i <= COUNTS; i++) {
		line.x = i;
		FENCE(w, w);
		line.y = i;
	}
}

static void messages(void)
{
	uint64_t flag;

	line.x = line.y = 0;
	other_post(send_messages);
	do {
		flag = line.y;
		FENCE(r, r);
		EXPECT_TRUE(line.x >= flag);
	} while (flag != COUNTS);
	other_wait();
}

/* Store buffering: with a full fence one of the two sees the other's store. */
static void store_and_look(unsigned who)
{
	for (uint64_t round = 1; round <= ROUNDS * 5; round++) {
		meet(2 * round - 1);
		if (who)
			line.y = round;
		else
			line.x = round;
		FENCE(rw, rw);
		line.seen[who] = who ? line.x : line.y;
		meet(2 * round);
		if (!who)
			EXPECT_TRUE(line.seen[0] == round || line.seen[1] == round);
	}
}

static void other_stores_and_looks(void)
{
	store_and_look(1);
}

static void store_buffering(void)
{
	line.x = line.y = 0;
	barrier = 0;
	other_post(other_stores_and_looks);
	store_and_look(0);
	other_wait();
}

/* A store of another hart between the two ends a reservation. */
static volatile uint64_t reserved, turn;

static void break_reservations(void)
{
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		while (turn != 2 * round - 1)
			;
		reserved = 1000 + round;
		FENCE(w, w);
		turn = 2 * round;
	}
}

static void reservations(void)
{
	uint64_t value, failed, now, wanted;

	reserved = turn = 0;
	other_post(break_reservations);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		now = 2 * round - 1;
		wanted = 2 * round;
		asm volatile("lr.d %[value], (%[reserved])\n sd %[now], 0(%[turn])\n"
			     "1: ld %[failed], 0(%[turn])\n bne %[failed], %[wanted], 1b\n"
			     "sc.d %[failed], zero, (%[reserved])"
			     : [value] "=&r"(value), [failed] "=&r"(failed)
			     : [reserved] "r"(&reserved), [turn] "r"(&turn), [now] "r"(now), [wanted] "r"(wanted)
			     : "memory");
		EXPECT_TRUE(failed != 0);
		EXPECT(reserved, 1000 + round);
	}
	other_wait();
}

void main(void)
{
	static const struct test tests[] = {
		{"counters of both", contention}, {"a lock", locking},
		{"message passing", messages},	  {"store buffering", store_buffering},
		{"reservations", reservations},
	};

	other_begin();
	run_tests(tests, ARRAY_SIZE(tests));
}
