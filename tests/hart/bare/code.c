/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code.c - code that changes: in place, through other mappings, by stores of all kinds; and one page of code in several
 * places.
 */
#include "check.h"
#include "paging.h"
#include "sbi.h"

#define WINDOW UINT64_C(0x1000000000)
#define RET 0x8082
#define LI_A0(value) (0x00000513 | (uint32_t)(value) << 20) /* addi a0, x0, value */

static _Alignas(4096) uint16_t pages[4][2048];
static uint64_t *root;

static void fence_i(void)
{
	asm volatile("fence.i" : : : "memory");
}

static void set_up(void)
{
	root = new_root();
	csr_write("satp", satp_of(root, 0));
	fence_all();
}

/* Writes `addi a0, x0, value` and a `ret`. */
static void write_function(uint16_t *at, unsigned value)
{
	volatile uint16_t *to = at;

	to[0] = (uint16_t)LI_A0(value);
	to[1] = (uint16_t)(LI_A0(value) >> 16);
	to[2] = RET;
}

/* Calls code at any address that returns a number. */
static uint64_t call(uint64_t address)
{
	return ((uint64_t(*)(void))address)();
}

static void in_place(void)
{
	for (unsigned round = 0; round < 2000; round++) {
		write_function(pages[0], round & 1023);
		fence_i();
		EXPECT(call((uint64_t)pages[0]), round & 1023);
	}
}

/* Two mappings of one page; written through one, executed through the other. */
static void through_another_mapping(void)
{
	uint64_t code = WINDOW, data = WINDOW + 2 * MEGAPAGE;

	map(root, code, (uint64_t)pages[1], 0, PTE_V | PTE_R | PTE_X | PTE_A);
	map(root, data, (uint64_t)pages[1], 0, PTE_RW);
	fence_all();
	for (unsigned round = 0; round < 500; round++) {
		write_function((uint16_t *)(data + (round & 7) * 64), round);
		fence_i();
		EXPECT(call(code + (round & 7) * 64), round);
		EXPECT(call((uint64_t)pages[1] + (round & 7) * 64), round);
	}
}

/* The number in `addi a0, x0, number` is in the upper twelve bits: every kind of store can change it. */
static void by_every_store(void)
{
	uint16_t *at = pages[2];
	uint64_t word;

	write_function(at, 0);
	fence_i();
	for (unsigned round = 1; round < 100; round++) {
		uint32_t instruction = LI_A0(round);

		during("round %u", (uint64_t)round);
		switch (round % 8) {
		case 0:
			*(volatile uint8_t *)((char *)at + 2) = (uint8_t)(instruction >> 16);
			*(volatile uint8_t *)((char *)at + 3) = (uint8_t)(instruction >> 24);
			break;
		case 1:
			((volatile uint16_t *)at)[1] = (uint16_t)(instruction >> 16);
			break;
		case 2:
			*(volatile uint32_t *)at = instruction;
			break;
		case 3:
			*(volatile uint64_t *)at = (uint64_t)RET << 32 | instruction;
			break;
		case 4:
			asm volatile("amoswap.w zero, %0, (%1)" : : "r"(instruction), "r"(at) : "memory");
			break;
		case 5:
			asm volatile("1: lr.w t0, (%1)\n sc.w t0, %0, (%1)\n bnez t0, 1b"
				     :
				     : "r"(instruction), "r"(at)
				     : "memory", "t0");
			break;
		case 6: /* over the start of the instruction */
			word = (uint64_t)instruction << 24;
			asm volatile("sd %0, -3(%1)" : : "r"(word | (uint64_t)0x82 << 56), "r"(at + 0) : "memory");
			break;
		default: /* by the floating-point unit */
			word = (uint64_t)RET << 32 | instruction;
			asm volatile(".option push\n .option arch, +d\n fld f0, %0\n fsd f0, 0(%1)\n .option pop"
				     :
				     : "m"(word), "r"(at)
				     : "memory");
			break;
		}
		at[2] = RET;
		fence_i();
		EXPECT(call((uint64_t)at), round);
	}
}

/* A misaligned store from one page into the code at the start of the next, which lies elsewhere in memory. */
static void by_a_store_over_the_page(void)
{
	uint64_t first = WINDOW + 4 * MEGAPAGE, second = first + PAGE_SIZE;

	map(root, first, (uint64_t)pages[3], 0, PTE_RWX);
	map(root, second, (uint64_t)pages[0], 0, PTE_RWX);
	fence_all();
	write_function(pages[0], 0);
	fence_i();
	for (unsigned round = 1; round < 100; round++) {
		unsigned before = 1 + round % 3;
		uint64_t word = (uint64_t)LI_A0(round) << 8 * before;

		EXPECT(call(second), round - 1);
		if (before == 1)
			word |= (uint64_t)RET << 40;
		else if (before == 2)
			word |= (uint64_t)RET << 48;
		else
			word |= (uint64_t)(RET & 0xff) << 56;
		asm volatile("sd %0, 0(%1)" : : "r"(word), "r"(second - before) : "memory");
		fence_i();
		EXPECT(call(second), round);
	}
}

/* One instruction over the end of a page: either half is written alone. */
static void over_the_page(void)
{
	uint64_t first = WINDOW + 6 * MEGAPAGE, second = first + PAGE_SIZE;
	volatile uint16_t *low = &pages[2][2047], *high = &pages[0][0];

	map(root, first, (uint64_t)pages[2], 0, PTE_RWX);
	map(root, second, (uint64_t)pages[0], 0, PTE_RWX);
	fence_all();
	high[1] = RET;
	*low = (uint16_t)LI_A0(0);
	for (unsigned round = 0; round < 200; round++) {
		*high = (uint16_t)(LI_A0(round) >> 16);
		fence_i();
		EXPECT(call(second - 2), round);
	}
	for (unsigned round = 0; round < 10; round++) {
		/* addi or xori: of x0 both give the number. */
		*low = (uint16_t)(LI_A0(0) | (round & 1 ? 4 << 12 : 0));
		*high = (uint16_t)(LI_A0(round) >> 16);
		fence_i();
		EXPECT(call(second - 2), round);
	}
	/* The second page exchanged for another, with a fence for the translation alone. */
	pages[1][0] = (uint16_t)(LI_A0(777) >> 16);
	pages[1][1] = RET;
	pages[0][0] = (uint16_t)(LI_A0(778) >> 16);
	fence_i();
	for (unsigned round = 0; round < 10; round++) {
		map(root, second, (uint64_t)(round & 1 ? pages[1] : pages[0]), 0, PTE_RWX);
		fence_address(second);
		EXPECT(call(second - 2), round & 1 ? 777 : 778);
	}
}

/* auipc a0, 0; ret. The same page in two places knows where it is. */
static void in_two_places(void)
{
	uint64_t at[] = {WINDOW + 8 * MEGAPAGE, WINDOW + 9 * MEGAPAGE + 5 * PAGE_SIZE, (uint64_t)pages[3]};

	pages[3][0] = 0x0517;
	pages[3][1] = 0;
	pages[3][2] = RET;
	map(root, at[0], (uint64_t)pages[3], 0, PTE_RWX);
	map(root, at[1], (uint64_t)pages[3], 0, PTE_RWX);
	fence_all();
	fence_i();
	for (unsigned round = 0; round < 30; round++)
		EXPECT(call(at[round % 3]), at[round % 3]);
	/* jal a0, +4 and a return: the link. */
	pages[3][0] = 0x056f;
	pages[3][1] = 0x0040;
	fence_i();
	for (unsigned round = 0; round < 30; round++)
		EXPECT(call(at[round % 3]), at[round % 3] + 4);
}

/* Code that runs off its page goes on in what is mapped behind it there. */
static void off_the_page(void)
{
	uint64_t at[] = {WINDOW + 10 * MEGAPAGE, WINDOW + 11 * MEGAPAGE};

	write_function(pages[0], 100);
	write_function(pages[1], 200);
	for (unsigned n = 1024; n < 2048; n++)
		pages[2][n] = 0x0001;
	fence_i();
	for (unsigned place = 0; place < 2; place++) {
		map(root, at[place], (uint64_t)pages[2], 0, PTE_RWX);
		map(root, at[place] + PAGE_SIZE, (uint64_t)pages[place], 0, PTE_RWX);
	}
	fence_all();
	for (unsigned round = 0; round < 20; round++) {
		EXPECT(call(at[round & 1] + PAGE_SIZE - 64), round & 1 ? 200 : 100);
		EXPECT(call(at[round & 1] + PAGE_SIZE - 2), round & 1 ? 200 : 100);
	}
	/* Exchanged. */
	for (unsigned place = 0; place < 2; place++)
		map(root, at[place] + PAGE_SIZE, (uint64_t)pages[!place], 0, PTE_RWX);
	fence_all();
	for (unsigned round = 0; round < 20; round++)
		EXPECT(call(at[round & 1] + PAGE_SIZE - 64), round & 1 ? 100 : 200);
}

/* A jump from one page to another whose page is exchanged. */
static void jumps_between_pages(void)
{
	uint64_t base = WINDOW + 12 * MEGAPAGE;

	/* jal x0, +4096 */
	pages[3][0] = 0x006f;
	pages[3][1] = 0x0000;
	pages[3][0] |= 0x1000;
	fence_i();
	map(root, base, (uint64_t)pages[3], 0, PTE_RWX);
	for (unsigned round = 0; round < 40; round++) {
		map(root, base + PAGE_SIZE, (uint64_t)pages[round & 1], 0, PTE_RWX);
		fence_address(base + PAGE_SIZE);
		EXPECT(call(base), round & 1 ? 200 : 100);
		EXPECT(call(base), round & 1 ? 200 : 100);
	}
	map(root, base + PAGE_SIZE, (uint64_t)pages[0], 0, PTE_RW);
	fence_address(base + PAGE_SIZE);
	EXPECT(try_call(base), CAUSE_FETCH_PAGE);
	EXPECT(this_cpu()->seen.pc, base + PAGE_SIZE);
}

/* Code that changes the very next instructions, fences and runs into them. */
static void ahead_of_itself(void)
{
	for (uint64_t round = 0; round < 50; round++) {
		uint64_t result, instruction = LI_A0(round);

		asm volatile(".option push\n .option norvc\n"
			     "la t0, 1f\n sw %[instruction], 0(t0)\n fence.i\n"
			     "1: addi a0, x0, 0\n .option pop\n mv %[result], a0"
			     : [result] "=r"(result)
			     : [instruction] "r"(instruction)
			     : "t0", "a0", "memory");
		EXPECT(result, round);
	}
}

/* Data in a page of code: many stores between calls, seen by loads; the code stays. */
static void data_among_code(void)
{
	volatile uint32_t *data = (volatile uint32_t *)&pages[1][1024];
	uint64_t sum = 0;

	write_function(pages[1], 55);
	fence_i();
	for (uint32_t round = 0; round < 20000; round++) {
		data[round & 63] = round;
		sum += data[round & 63];
		if (!(round & 15))
			sum += call((uint64_t)pages[1]);
	}
	EXPECT(sum, UINT64_C(20000) * 19999 / 2 + 1250 * 55);
}

/* A page of code taken away and given back under another ASID. */
static void by_address_space(void)
{
	uint64_t *other = new_root(), at = WINDOW + 14 * MEGAPAGE;

	write_function(pages[0], 1);
	write_function(pages[1], 2);
	fence_i();
	map(root, at, (uint64_t)pages[0], 0, PTE_RWX);
	map(other, at, (uint64_t)pages[1], 0, PTE_RWX);
	fence_all();
	for (unsigned round = 0; round < 50; round++) {
		csr_write("satp", round & 1 ? satp_of(other, 7) : satp_of(root, 8));
		EXPECT(call(at), (round & 1) + 1);
	}
	csr_write("satp", satp_of(root, 0));
	fence_all();
}

void main(void)
{
	static const struct test tests[] = {
		{"changed in place", in_place},
		{"changed through another mapping", through_another_mapping},
		{"changed by every kind of store", by_every_store},
		{"changed by a store from the page before", by_a_store_over_the_page},
		{"an instruction over the end of a page", over_the_page},
		{"a page in two places", in_two_places},
		{"code that runs off its page", off_the_page},
		{"jumps between pages", jumps_between_pages},
		{"code that changes what comes next", ahead_of_itself},
		{"data among code", data_among_code},
		{"code by address space", by_address_space},
	};

	set_up();
	run_tests(tests, ARRAY_SIZE(tests));
}
