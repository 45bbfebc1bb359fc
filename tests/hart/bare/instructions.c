/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instructions.c - what the oracle is no oracle for.
 */
#include "check.h"

#define UNARY(name, value)                                                              \
	({                                                                              \
		uint64_t result_;                                                       \
		asm(".option push\n .option arch, +zbb\n " name " %0, %1\n .option pop" \
		    : "=r"(result_)                                                     \
		    : "r"((uint64_t)(value)));                                          \
		result_;                                                                \
	})

/* In the low half alone. */
static void trailing_zeros_of_words(void)
{
	EXPECT(UNARY("ctzw", 0), 32);
	EXPECT(UNARY("ctzw", UINT64_C(1) << 32), 32);
	EXPECT(UNARY("ctzw", UINT64_C(1) << 63), 32);
	EXPECT(UNARY("ctzw", UINT64_C(0xffffffff00000000)), 32);
	EXPECT(UNARY("ctzw", UINT64_C(0xffffffff80000000)), 31);
	EXPECT(UNARY("ctzw", UINT64_C(0xffffffff00000001)), 0);
}

/* A store-conditional ends the reservation, whether it succeeds or not. */
static void reservations(void)
{
	static uint64_t memory;
	uint64_t read, first, second;

	for (unsigned round = 0; round < 100; round++) {
		asm volatile("1: lr.d %0, (%3)\n sc.d %1, %4, (%3)\n bnez %1, 1b\n sc.d %2, zero, (%3)"
			     : "=&r"(read), "=&r"(first), "=&r"(second)
			     : "r"(&memory), "r"((uint64_t)round + 7)
			     : "memory");
		EXPECT(first, 0);
		EXPECT(second, 1);
		EXPECT(memory, round + 7);
	}
}

void main(void)
{
	static const struct test tests[] = {
		{"trailing zeros of words", trailing_zeros_of_words},
		{"reservations", reservations},
	};

	run_tests(tests, ARRAY_SIZE(tests));
}
