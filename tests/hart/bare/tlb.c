/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlb.c - what may be remembered of translations: ASIDs, global pages, and what each form of sfence.vma makes
 * forgotten.
 */
#include "check.h"
#include "paging.h"

#define WINDOW UINT64_C(0x1000000000)
/* Not at a multiple of megabytes from WINDOW or from the code: what a test wants to see forgotten must not be
 * displaced. */
#define OTHER (WINDOW + 3 * MEGAPAGE + 300 * PAGE_SIZE)
#define USER_CODE UINT64_C(0x2000000000)
#define MANY 4096 /* pages, more than a TLB holds */

extern char user_code[], user_load[];

static _Alignas(4096) uint64_t pages[8][512];
static uint64_t *roots[2];

static uint64_t page(unsigned n)
{
	return (uint64_t)pages[n];
}

static void set_up(void)
{
	for (unsigned n = 0; n < ARRAY_SIZE(pages); n++)
		pages[n][0] = n;
	for (unsigned n = 0; n < ARRAY_SIZE(roots); n++)
		roots[n] = new_root();
	csr_write("satp", satp_of(roots[0], 1));
	fence_all();
}

static void enter(unsigned root, uint64_t asid)
{
	csr_write("satp", satp_of(roots[root], asid));
}

static uint64_t number_at(uint64_t address)
{
	uint64_t value = 0;

	return try_load(address, &value) == NOTHING ? value : NOTHING;
}

static void put(uint64_t *entry, uint64_t value)
{
	*(volatile uint64_t *)entry = value;
}

/* Switching between address spaces needs no fence. */
static void address_spaces(void)
{
	map(roots[0], WINDOW, page(1), 0, PTE_RW);
	map(roots[1], WINDOW, page(2), 0, PTE_RW);
	map(roots[0], WINDOW + PAGE_SIZE, page(3), 0, PTE_RW);
	fence_all();
	for (unsigned round = 0; round < 100; round++) {
		during("round %u", (uint64_t)round);
		enter(0, 1);
		EXPECT(number_at(WINDOW), 1);
		EXPECT(number_at(WINDOW + PAGE_SIZE), 3);
		enter(1, 2);
		EXPECT(number_at(WINDOW), 2);
		EXPECT(number_at(WINDOW + PAGE_SIZE), NOTHING);
	}
	during("without translation");
	csr_write("satp", 0);
	EXPECT(number_at(page(4)), 4);
	EXPECT(number_at(WINDOW), NOTHING);
	enter(0, 1);
	EXPECT(number_at(WINDOW), 1);
}

/* More address spaces than a hart may have banks for. */
static void many_address_spaces(void)
{
	fence_all();
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t asid = 10; asid < 300; asid++) {
			during("asid %u", asid);
			enter(asid & 1, asid);
			EXPECT(number_at(WINDOW), asid & 1 ? 2 : 1);
		}
	during("the largest");
	enter(0, 0xffff);
	EXPECT(number_at(WINDOW), 1);
	enter(0, 1);
}

static void fence_forms(void)
{
	uint64_t *leaf = entry_at(roots[0], WINDOW, 0), *global = entry_at(roots[0], OTHER, 0);
	uint64_t other = OTHER;

	enter(0, 1);
	for (unsigned form = 0; form < 4; form++) {
		during("form %u", (uint64_t)form);
		put(leaf, make_pte(page(1), PTE_RW));
		fence_all();
		EXPECT(number_at(WINDOW), 1);
		put(leaf, make_pte(page(5), PTE_RW));
		if (form == 0)
			fence_all();
		else if (form == 1)
			fence_address(WINDOW + 123);
		else if (form == 2)
			fence_asid(1);
		else
			fence_address_asid(WINDOW, 1);
		EXPECT(number_at(WINDOW), 5);
	}
	/* Global ones are forgotten by the forms that name no ASID. */
	for (unsigned form = 0; form < 2; form++) {
		during("global, form %u", (uint64_t)form);
		put(global, make_pte(page(1), PTE_RW | PTE_G));
		fence_all();
		EXPECT(number_at(other), 1);
		put(global, make_pte(page(6), PTE_RW | PTE_G));
		if (form == 0)
			fence_all();
		else
			fence_address(other);
		EXPECT(number_at(other), 6);
	}
}

/* The fence that names another ASID than the one in force. */
static void fence_of_another(void)
{
	static const uint64_t asids[] = {2, 0x102, 0x8002, 0xffff};
	uint64_t *leaf = entry_at(roots[1], WINDOW, 0);

	for (unsigned round = 0; round < 8; round++) {
		uint64_t asid = asids[round / 2];

		during("asid %x, form %u", asid, (uint64_t)round % 2);
		put(leaf, make_pte(page(2), PTE_RW));
		fence_all();
		enter(1, asid);
		EXPECT(number_at(WINDOW), 2);
		enter(0, 1);
		EXPECT(number_at(WINDOW), 5);
		put(leaf, make_pte(page(7), PTE_RW));
		if (round % 2 == 0)
			fence_asid(asid);
		else
			fence_address_asid(WINDOW, asid);
		EXPECT(number_at(WINDOW), 5);
		enter(1, asid);
		EXPECT(number_at(WINDOW), 7);
		enter(0, 1);
	}
}

/* A fence without an ASID is for all of them, and for global pages in each. */
static void fence_of_all(void)
{
	uint64_t other = OTHER;

	for (unsigned form = 0; form < 2; form++) {
		during("form %u", (uint64_t)form);
		for (unsigned root = 0; root < 2; root++) {
			put(entry_at(roots[root], WINDOW, 0), make_pte(page(1), PTE_RW));
			put(entry_at(roots[root], other, 0), make_pte(page(2), PTE_RW | PTE_G));
		}
		fence_all();
		for (unsigned root = 0; root < 2; root++) {
			enter(root, root + 1);
			EXPECT(number_at(WINDOW), 1);
			EXPECT(number_at(other), 2);
		}
		for (unsigned root = 0; root < 2; root++) {
			put(entry_at(roots[root], WINDOW, 0), make_pte(page(3), PTE_RW));
			put(entry_at(roots[root], other, 0), make_pte(page(4), PTE_RW | PTE_G));
		}
		if (form == 0) {
			fence_all();
		} else {
			fence_address(WINDOW);
			fence_address(other);
		}
		for (unsigned root = 0; root < 2; root++) {
			enter(root, root + 1);
			EXPECT(number_at(WINDOW), 3);
			EXPECT(number_at(other), 4);
		}
	}
	enter(0, 1);
}

static uint64_t number_for_user(uint64_t address)
{
	uint64_t cause = run_user(USER_CODE + (uint64_t)(user_load - user_code), address, 0, 0);

	return cause == CAUSE_USER_ECALL ? this_cpu()->seen.x[10] : NOTHING;
}

/* One fence is for all that a page was used by: both privileges, with SUM and MXR and without. */
static void fence_of_all_uses(void)
{
	uint64_t *leaf = entry_at(roots[0], WINDOW, 0);

	map(roots[0], USER_CODE, (uint64_t)user_code, 0, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	for (unsigned form = 0; form < 4; form++)
		for (unsigned n = 1; n < 4; n++) {
			during("form %u, page %u", (uint64_t)form, (uint64_t)n);
			put(leaf, make_pte(page(n), PTE_RW | PTE_U));
			if (form == 0)
				fence_all();
			else if (form == 1)
				fence_address(WINDOW);
			else if (form == 2)
				fence_asid(1);
			else
				fence_address_asid(WINDOW, 1);
			EXPECT(number_for_user(WINDOW), n);
			csr_set("sstatus", STATUS_SUM);
			EXPECT(number_at(WINDOW), n);
			csr_set("sstatus", STATUS_MXR);
			EXPECT(number_at(WINDOW), n);
			EXPECT(number_for_user(WINDOW), n);
			csr_clear("sstatus", STATUS_SUM);
			EXPECT(number_at(WINDOW), NOTHING);
			csr_clear("sstatus", STATUS_MXR);
			EXPECT(number_at(WINDOW), NOTHING);
		}
}

static void permissions_taken(void)
{
	uint64_t *leaf = entry_at(roots[0], WINDOW, 0);

	put(leaf, make_pte(page(1), PTE_RW));
	fence_all();
	EXPECT(try_store(WINDOW + 8, 1), NOTHING);
	put(leaf, make_pte(page(1), PTE_RW & ~PTE_W));
	fence_address(WINDOW);
	EXPECT(try_load(WINDOW, NULL), NOTHING);
	EXPECT(try_store(WINDOW + 8, 1), CAUSE_STORE_PAGE);
	put(leaf, 0);
	fence_address(WINDOW);
	EXPECT(try_load(WINDOW, NULL), CAUSE_LOAD_PAGE);
	/* What is not valid is not remembered. */
	put(leaf, make_pte(page(1), PTE_RW));
	EXPECT(number_at(WINDOW), 1);
}

/* A fence on any address of a megapage forgets all of it; so does one after pages took its place. */
static void megapages(void)
{
	uint64_t base = WINDOW + 4 * GIGAPAGE, first = page(0) & ~(MEGAPAGE - 1), *entry = entry_at(roots[0], base, 1);
	uint64_t *table, at[2];

	for (unsigned round = 0; round < 3; round++) {
		during("round %u", (uint64_t)round);
		put(entry, make_pte(first, PTE_RW));
		fence_all();
		for (unsigned n = 0; n < 8; n++)
			EXPECT(number_at(base + (page(n) - first)), n);
		put(entry, make_pte(first + MEGAPAGE, PTE_RW));
		fence_address(base + 5 * PAGE_SIZE);
		at[0] = base + (page(0) - first);
		at[1] = base + (page(7) - first);
		*(uint64_t *)(at[0] - base + first + MEGAPAGE) = 100;
		*(uint64_t *)(at[1] - base + first + MEGAPAGE) = 101;
		EXPECT(number_at(at[0]), 100);
		EXPECT(number_at(at[1]), 101);
	}
	during("pages instead");
	put(entry, 0);
	table = entry_at(roots[0], base, 0);
	for (unsigned n = 0; n < 512; n++)
		put(&table[n], make_pte(page(n & 7), PTE_RW));
	fence_address(base);
	for (unsigned n = 0; n < 512; n++)
		EXPECT(number_at(base + n * PAGE_SIZE), n & 7);
	/* A pointer changed: every page below it. */
	during("another table");
	table = new_table();
	for (unsigned n = 0; n < 512; n++)
		put(&table[n], make_pte(page(7 - (n & 7)), PTE_RW));
	put(entry, make_pte((uint64_t)table, PTE_V));
	fence_all();
	for (unsigned n = 0; n < 512; n++)
		EXPECT(number_at(base + n * PAGE_SIZE), 7 - (n & 7));
}

static void gigapages(void)
{
	uint64_t base = WINDOW + 6 * GIGAPAGE, first = page(0) & ~(GIGAPAGE - 1), *entry = entry_at(roots[0], base, 2);

	for (unsigned round = 0; round < 3; round++) {
		during("round %u", (uint64_t)round);
		put(entry, make_pte(first, PTE_RW));
		fence_all();
		for (unsigned n = 0; n < 8; n++)
			EXPECT(number_at(base + (page(n) - first)), n);
		put(entry, 0);
		fence_address(base + 5 * MEGAPAGE);
		for (unsigned n = 0; n < 8; n++)
			EXPECT(number_at(base + (page(n) - first)), NOTHING);
	}
}

/* Far more pages than fit, in an order that makes them take each other's places. */
static void many_pages(void)
{
	uint64_t base = WINDOW + 5 * GIGAPAGE;

	for (unsigned n = 0; n < MANY; n++)
		map(roots[0], base + n * PAGE_SIZE, page(n * 5 / 7 & 7), 0, PTE_RW);
	fence_all();
	for (unsigned round = 0; round < 3; round++)
		for (unsigned n = 0; n < MANY; n++) {
			unsigned at = n * 1021 % MANY;

			EXPECT(number_at(base + at * PAGE_SIZE), at * 5 / 7 & 7);
		}
	/* One of them changes, in a place that others share. */
	for (unsigned n = 0; n < MANY; n += 511) {
		during("page %u", (uint64_t)n);
		EXPECT(number_at(base + n * PAGE_SIZE), n * 5 / 7 & 7);
		map(roots[0], base + n * PAGE_SIZE, page(~n & 7), 0, PTE_RW);
		fence_address(base + n * PAGE_SIZE);
		EXPECT(number_at(base + n * PAGE_SIZE), ~n & 7);
	}
}

/* The same address space under another root needs a fence, and one is enough. */
static void root_exchanged(void)
{
	uint64_t *leaf[] = {entry_at(roots[0], WINDOW, 0), entry_at(roots[1], WINDOW, 0)};

	put(leaf[0], make_pte(page(1), PTE_RW));
	put(leaf[1], make_pte(page(2), PTE_RW));
	fence_all();
	for (unsigned round = 0; round < 10; round++) {
		enter(round & 1, 9);
		fence_asid(9);
		EXPECT(number_at(WINDOW), (round & 1) + 1);
	}
	enter(0, 1);
}

void main(void)
{
	static const struct test tests[] = {
		{"address spaces switch without a fence", address_spaces},
		{"many address spaces", many_address_spaces},
		{"each form of sfence.vma", fence_forms},
		{"sfence.vma of another address space", fence_of_another},
		{"sfence.vma of all address spaces", fence_of_all},
		{"sfence.vma of all uses of a page", fence_of_all_uses},
		{"permissions taken and a page taken and given", permissions_taken},
		{"megapages", megapages},
		{"gigapages", gigapages},
		{"more pages than are remembered", many_pages},
		{"another root for an address space", root_exchanged},
	};

	set_up();
	run_tests(tests, ARRAY_SIZE(tests));
}
