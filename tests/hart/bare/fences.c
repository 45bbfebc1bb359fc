/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fences.c - what one hart changes of translations and code, and another sees after a fence.
 */
#include "other.h"
#include "paging.h"

#define WINDOW UINT64_C(0x1000000000)

#define RET 0x8082
#define LI_A0(value) (0x00000513 | (uint32_t)(value) << 20) /* addi a0, x0, value */

/* The other hart reads through a page, again and again, whose place changes: after the remote fence it sees the new
 * one. */
static _Alignas(4096) volatile uint64_t pages[2][512];
static uint64_t *root;
static uint64_t asid;
static volatile uint64_t looks, looked, stop;

static void look(void)
{
	csr_write("satp", satp_of(root, asid));
	fence_all();
	while (!load(stop)) {
		looked = *(volatile uint64_t *)(WINDOW + 8);
		store(looks, looks + 1);
	}
	csr_write("satp", 0);
}

/* Waits until the other hart has begun and ended a look since. */
static void wait_for_look(void)
{
	uint64_t before = load(looks);

	while (load(looks) < before + 2)
		;
}

static void remote_fences(void)
{
	root = new_root();
	for (unsigned form = 0; form < 6; form++) {
		asid = form;
		stop = looks = 0;
		pages[0][1] = 100;
		pages[1][1] = 200;
		map(root, WINDOW, (uint64_t)pages[0], 0, PTE_RW);
		other_post(look);
		wait_for_look();
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint64_t mask = form == 4 ? 0 : 1, base = form == 4 ? UINT64_MAX : other_id();
			struct sbi_result result;

			during("form %u, round %u", (uint64_t)form, (uint64_t)round);
			map(root, WINDOW, (uint64_t)pages[!(round & 1)], 0, PTE_RW);
			if (form == 0)
				result = SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA, mask, base, 0, UINT64_MAX);
			else if (form == 1)
				result = SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA, mask, base, WINDOW, PAGE_SIZE);
			else if (form == 2)
				result = SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA_ASID, mask, base, WINDOW, PAGE_SIZE,
						  asid);
			else if (form == 3)
				result = SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA, mask, base,
						  WINDOW - 5 * PAGE_SIZE + 8, 8 * PAGE_SIZE);
			else
				result = SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA, mask, base, 0, 0);
			EXPECT(result.error, SBI_SUCCESS);
			wait_for_look();
			EXPECT(looked, round & 1 ? 100 : 200);
		}
		store(stop, 1);
		other_wait();
	}
}

/* The same for code: the other hart calls a function, this one writes it and fences. */
static _Alignas(64) volatile uint16_t function[32];

static void call_function(void)
{
	while (!load(stop)) {
		looked = ((uint64_t(*)(void))function)();
		store(looks, looks + 1);
	}
}

static void write_function(unsigned value)
{
	*(volatile uint32_t *)function = LI_A0(value);
	function[2] = RET;
}

static void remote_code(void)
{
	write_function(0);
	asm volatile("fence.i" : : : "memory");
	SBI_CALL(SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, other_id());
	stop = looks = 0;
	other_post(call_function);
	for (unsigned round = 0; round < 2 * ROUNDS; round++) {
		during("round %u", (uint64_t)round);
		write_function(round);
		if (round & 1) {
			EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, other_id()).error, SBI_SUCCESS);
		} else {
			asm volatile("fence.i" : : : "memory");
			EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_FENCE_I, 0, UINT64_MAX).error, SBI_SUCCESS);
			EXPECT(((uint64_t(*)(void))function)(), round);
		}
		wait_for_look();
		EXPECT(looked, round);
	}
	store(stop, 1);
	other_wait();
}

static volatile uint64_t turn;

/* Code that one hart writes and the other runs after a fence of its own. */
static void run_what_comes(void)
{
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		while (load(turn) != 2 * round - 1)
			;
		asm volatile("fence.i" : : : "memory");
		looked = ((uint64_t(*)(void))function)();
		store(turn, 2 * round);
	}
}

static void code_for_another(void)
{
	turn = 0;
	other_post(run_what_comes);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		write_function((unsigned)round);
		store(turn, 2 * round - 1);
		while (load(turn) != 2 * round)
			;
		EXPECT(looked, round);
	}
	other_wait();
}

/* Both set accessed and dirty bits and take pages away from each other; no bit is lost. */
static void touch(void)
{
	csr_write("satp", satp_of(root, 3));
	fence_all();
	for (uint64_t at = 0; at < MEGAPAGE; at += PAGE_SIZE)
		*(volatile uint64_t *)(WINDOW + GIGAPAGE + at + 8 * this_cpu()->hart_id) = at;
	csr_write("satp", 0);
}

static void accessed_and_dirty(void)
{
	uint64_t *table = entry_at(root, WINDOW + GIGAPAGE, 0);

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned n = 0; n < 512; n++)
			table[n] = make_pte((uint64_t)pages[n & 1], PTE_V | PTE_R | PTE_W);
		other_post(touch);
		touch();
		other_wait();
		for (unsigned n = 0; n < 512; n++)
			EXPECT(table[n], make_pte((uint64_t)pages[n & 1], PTE_RW));
	}
}

void main(void)
{
	static const struct test tests[] = {
		{"remote fences of translations", remote_fences},
		{"remote fences of code", remote_code},
		{"code for another hart", code_for_another},
		{"accessed and dirty bits", accessed_and_dirty},
	};

	other_begin();
	run_tests(tests, ARRAY_SIZE(tests));
}
