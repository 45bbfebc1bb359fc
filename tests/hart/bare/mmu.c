/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmu.c - Sv39: the walk, what each bit of an entry allows, accessed and dirty bits, addresses at the edges.
 */
#include "check.h"
#include "paging.h"

#define WINDOW UINT64_C(0x1000000000) /* virtual; nothing is there but what a test maps */
#define USER_CODE UINT64_C(0x2000000000)
#define HOLE UINT64_C(0x28000000) /* physical; neither memory nor a device */
#define RAM UINT64_C(0x80000000)

#define RET 0x00008067
#define ECALL 0x00000073
#define PPN_ONE (UINT64_C(1) << 10) /* in a PTE */

extern char user_code[], user_load[], user_store[], user_code_end[];

static uint64_t *root;
static _Alignas(4096) uint64_t pages[8][512];

/* A page for every test: first a `ret`, then at 8 an `ecall`, at 16 something to read. */
#define AT_ECALL 8
#define AT_DATA 16
#define DATA UINT64_C(0x1122334455667788)

static uint64_t fresh_page(unsigned n)
{
	pages[n][0] = RET;
	pages[n][AT_ECALL / 8] = ECALL;
	pages[n][AT_DATA / 8] = DATA;
	asm volatile("fence.i" : : : "memory");
	return (uint64_t)pages[n];
}

static uint64_t user_address(const char *code)
{
	return USER_CODE + (uint64_t)(code - user_code);
}

static void set_up(void)
{
	root = new_root();
	for (uint64_t at = 0; at < (uint64_t)(user_code_end - user_code); at += PAGE_SIZE)
		map(root, USER_CODE + at, (uint64_t)user_code + at, 0, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	csr_write("satp", satp_of(root, 0));
	fence_all();
}

/* Replaces an entry. */
static void set(uint64_t *entry, uint64_t value)
{
	*(volatile uint64_t *)entry = value;
	fence_all();
}

static void levels(void)
{
	static const uint64_t sizes[] = {PAGE_SIZE, MEGAPAGE, GIGAPAGE};
	uint64_t physical = fresh_page(0), value;

	for (unsigned level = 0; level < 3; level++) {
		uint64_t base = WINDOW + level * GIGAPAGE, in_leaf = physical & (sizes[level] - 1);

		during("level %u", (uint64_t)level);
		map(root, base, physical - in_leaf, level, PTE_RWX);
		EXPECT(try_load(base + in_leaf + AT_DATA, &value), NOTHING);
		EXPECT(value, DATA);
		EXPECT(try_store(base + in_leaf + 64, level + 5), NOTHING);
		EXPECT(pages[0][8], level + 5);
		EXPECT(try_call(base + in_leaf), NOTHING);
	}
	/* Everything beyond the leaf is not there. */
	EXPECT(try_load(WINDOW + PAGE_SIZE, NULL), CAUSE_LOAD_PAGE);
	EXPECT(try_load(WINDOW + GIGAPAGE + MEGAPAGE, NULL), CAUSE_LOAD_PAGE);
	EXPECT(try_load(WINDOW + 3 * GIGAPAGE, NULL), CAUSE_LOAD_PAGE);
}

static void expect_page_faults(uint64_t address)
{
	EXPECT(try_load(address, NULL), CAUSE_LOAD_PAGE);
	EXPECT(this_cpu()->seen.value, address);
	EXPECT(try_store(address, 1), CAUSE_STORE_PAGE);
	EXPECT(this_cpu()->seen.value, address);
	EXPECT(try_call(address), CAUSE_FETCH_PAGE);
	EXPECT(this_cpu()->seen.value, address);
	EXPECT(this_cpu()->seen.pc, address);
}

static void misaligned_superpages(void)
{
	uint64_t giga = WINDOW + 4 * GIGAPAGE, mega = WINDOW + 5 * GIGAPAGE;

	for (unsigned bit = 0; bit < 18; bit++) {
		during("page number bit %u", (uint64_t)bit);
		set(entry_at(root, giga, 2), make_pte(RAM, PTE_RWX) | PPN_ONE << bit);
		expect_page_faults(giga);
		if (bit >= 9)
			continue;
		set(entry_at(root, mega, 1), make_pte(RAM, PTE_RWX) | PPN_ONE << bit);
		expect_page_faults(mega);
	}
}

static void reserved_entries(void)
{
	uint64_t address = WINDOW + 6 * GIGAPAGE, physical = fresh_page(0), *leaf = entry_at(root, address, 0);
	uint64_t *pointer = entry_at(root, address, 1), good = make_pte(physical, PTE_RWX), good_pointer = *pointer;

	set(leaf, good);
	EXPECT(try_load(address + AT_DATA, NULL), NOTHING);
	for (unsigned bit = 54; bit < 64; bit++) {
		during("bit %u of a leaf", (uint64_t)bit);
		set(leaf, good | UINT64_C(1) << bit);
		expect_page_faults(address);
		set(leaf, good);
		during("bit %u of a pointer", (uint64_t)bit);
		set(pointer, good_pointer | UINT64_C(1) << bit);
		expect_page_faults(address);
		set(pointer, good_pointer);
	}
	during("a pointer with U, A or D");
	for (uint64_t flag = PTE_U; flag <= PTE_D; flag <<= 1)
		if (flag != PTE_G) {
			set(pointer, good_pointer | flag);
			expect_page_faults(address);
			set(pointer, good_pointer);
		}
	during("an entry that is not valid");
	set(leaf, good & ~PTE_V);
	expect_page_faults(address);
	set(leaf, good);
	set(pointer, good_pointer & ~PTE_V);
	expect_page_faults(address);
	set(pointer, good_pointer);
	during("a pointer where only leaves are");
	set(leaf, make_pte(physical, PTE_V));
	expect_page_faults(address);
	during("software's bits and G");
	set(leaf, good | UINT64_C(3) << 8 | PTE_G);
	EXPECT(try_load(address + AT_DATA, NULL), NOTHING);
}

enum access { LOAD, STORE, FETCH };

static bool allowed(uint64_t flags, enum access access, bool user, bool sum, bool mxr)
{
	if ((flags & (PTE_R | PTE_W)) == PTE_W || !(flags & (PTE_R | PTE_W | PTE_X)))
		return false;
	if (user != !!(flags & PTE_U) && (user || access == FETCH || !sum))
		return false;
	if (access == LOAD)
		return flags & PTE_R || (mxr && flags & PTE_X);
	return flags & (access == STORE ? PTE_W : PTE_X);
}

/* Makes an access in one of the modes: its cause, or NOTHING. */
static uint64_t make_access(uint64_t address, enum access access, bool user)
{
	uint64_t cause;

	if (!user)
		return access == LOAD	 ? try_load(address + AT_DATA, NULL)
		       : access == STORE ? try_store(address + AT_DATA, DATA)
					 : try_call(address);
	if (access == LOAD)
		cause = run_user(user_address(user_load), address + AT_DATA, 0, 0);
	else if (access == STORE)
		cause = run_user(user_address(user_store), address + AT_DATA, DATA, 0);
	else
		cause = run_user(address + AT_ECALL, 0, 0, 0);
	return cause == CAUSE_USER_ECALL ? NOTHING : cause;
}

static void permissions(void)
{
	static const uint64_t causes[] = {CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, CAUSE_FETCH_PAGE};
	uint64_t address = WINDOW + 7 * GIGAPAGE, *leaf = entry_at(root, address, 0), physical = fresh_page(0);

	for (unsigned round = 0; round < 128 * 3; round++) {
		uint64_t flags = (round & 15) << 1; /* R, W, X, U */
		bool user = round & 16, sum = round & 32, mxr = round & 64;
		enum access access = round >> 7;
		uint64_t wanted = allowed(flags, access, user, sum, mxr) ? NOTHING : causes[access];

		during("flags %x, access %u, user %u, SUM %u, MXR %u", flags, (uint64_t)access, (uint64_t)user,
		       (uint64_t)sum, (uint64_t)mxr);
		set(leaf, make_pte(physical, PTE_V | PTE_A | PTE_D | flags));
		csr_clear("sstatus", STATUS_SUM | STATUS_MXR);
		csr_set("sstatus", (sum ? STATUS_SUM : 0) | (mxr ? STATUS_MXR : 0));
		EXPECT(make_access(address, access, user), wanted);
		EXPECT(make_access(address, access, user), wanted);
	}
	csr_clear("sstatus", STATUS_SUM | STATUS_MXR);
}

/* What is remembered of a page under one SUM, MXR or privilege must not serve under another. */
static void permissions_change(void)
{
	uint64_t address = WINDOW + 7 * GIGAPAGE + PAGE_SIZE, *leaf = entry_at(root, address, 0),
		 physical = fresh_page(0);

	set(leaf, make_pte(physical, PTE_RW | PTE_X | PTE_U));
	for (unsigned round = 0; round < 4; round++) {
		during("round %u", (uint64_t)round);
		csr_set("sstatus", STATUS_SUM);
		EXPECT(try_load(address, NULL), NOTHING);
		EXPECT(try_store(address + AT_DATA, DATA), NOTHING);
		csr_clear("sstatus", STATUS_SUM);
		EXPECT(try_load(address, NULL), CAUSE_LOAD_PAGE);
		EXPECT(try_store(address + AT_DATA, DATA), CAUSE_STORE_PAGE);
		EXPECT(make_access(address, FETCH, true), NOTHING);
		EXPECT(try_call(address), CAUSE_FETCH_PAGE);
		EXPECT(make_access(address, STORE, true), NOTHING);
		EXPECT(try_store(address + AT_DATA, DATA), CAUSE_STORE_PAGE);
	}
	set(leaf, make_pte(physical, PTE_V | PTE_X | PTE_A));
	for (unsigned round = 0; round < 4; round++) {
		csr_set("sstatus", STATUS_MXR);
		EXPECT(try_load(address, NULL), NOTHING);
		csr_clear("sstatus", STATUS_MXR);
		EXPECT(try_load(address, NULL), CAUSE_LOAD_PAGE);
		EXPECT(make_access(address, FETCH, true), CAUSE_FETCH_PAGE);
		EXPECT(try_call(address), NOTHING);
	}
}

static uint64_t accessed_and_dirty(const uint64_t *leaf)
{
	return *(const volatile uint64_t *)leaf & (PTE_A | PTE_D);
}

static void accessed_dirty(void)
{
	uint64_t physical = fresh_page(0);

	for (unsigned level = 0; level < 2; level++) {
		uint64_t base = WINDOW + (8 + level) * GIGAPAGE, in_leaf = level ? physical & (MEGAPAGE - 1) : 0;
		uint64_t address = base + in_leaf, *leaf = entry_at(root, base, level);
		uint64_t clean = make_pte(physical - in_leaf, PTE_V | PTE_R | PTE_W | PTE_X), value;

		during("level %u", (uint64_t)level);
		set(leaf, clean);
		EXPECT(try_load(address + AT_DATA, &value), NOTHING);
		EXPECT(value, DATA);
		EXPECT(accessed_and_dirty(leaf), PTE_A);
		EXPECT(try_store(address + AT_DATA, DATA), NOTHING);
		EXPECT(accessed_and_dirty(leaf), PTE_A | PTE_D);
		set(leaf, clean);
		EXPECT(try_call(address), NOTHING);
		EXPECT(accessed_and_dirty(leaf), PTE_A);
		set(leaf, clean);
		EXPECT(try_store(address + AT_DATA, DATA), NOTHING);
		EXPECT(accessed_and_dirty(leaf), PTE_A | PTE_D);

		/* Without a fence the bits may come late, but with one they come again. */
		set(leaf, clean | PTE_A);
		EXPECT(try_load(address + AT_DATA, NULL), NOTHING);
		EXPECT(accessed_and_dirty(leaf), PTE_A);
		EXPECT(ATTEMPT("amoadd.d zero, zero, (%[at])", , [at] "r"(address + AT_DATA)), NOTHING);
		EXPECT(accessed_and_dirty(leaf), PTE_A | PTE_D);

		/* An access that is refused leaves no trace. */
		set(leaf, clean & ~PTE_W);
		EXPECT(try_store(address + AT_DATA, DATA), CAUSE_STORE_PAGE);
		EXPECT(accessed_and_dirty(leaf), 0);
		set(leaf, clean | PTE_U);
		EXPECT(try_load(address, NULL), CAUSE_LOAD_PAGE);
		EXPECT(accessed_and_dirty(leaf), 0);
	}
}

static void canonical_addresses(void)
{
	static const uint64_t wrong[] = {
		UINT64_C(0x4000000000),	      UINT64_C(0x7ffffffffe),	    UINT64_C(0x8000000000),
		UINT64_C(0xffffffbffffff000), UINT64_C(0x8000001000000000), UINT64_C(0x7000000000000000),
		UINT64_C(0xfffffe0000000000), UINT64_C(0x0000011000000000),
	};
	uint64_t high = UINT64_C(0xffffffffc0000000), highest = UINT64_C(0xfffffffffffff000), value;

	map(root, WINDOW, fresh_page(0), 0, PTE_RWX);
	fence_all();
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		during("address %x", wrong[i]);
		expect_page_faults(wrong[i]);
	}
	/* An address that is a mapped one but for its upper bits. */
	EXPECT(try_load(WINDOW + AT_DATA, NULL), NOTHING);
	for (unsigned bit = 39; bit < 64; bit++) {
		during("bit %u", (uint64_t)bit);
		expect_page_faults(WINDOW | UINT64_C(1) << bit);
	}
	during("the upper half");
	map(root, high, fresh_page(1), 0, PTE_RWX);
	map(root, highest, fresh_page(2), 0, PTE_RWX);
	fence_all();
	EXPECT(try_load(high + AT_DATA, &value), NOTHING);
	EXPECT(value, DATA);
	EXPECT(try_call(high), NOTHING);
	EXPECT(try_load(highest + AT_DATA, &value), NOTHING);
	EXPECT(try_load(UINT64_MAX - 7, &value), NOTHING);
	expect_page_faults(high & ~(UINT64_C(1) << 63));
}

static void no_such_memory(void)
{
	uint64_t address = WINDOW + 10 * GIGAPAGE, *leaf = entry_at(root, address, 0),
		 *pointer = entry_at(root, address, 1);
	uint64_t good_pointer = *pointer;

	for (unsigned paged = 0; paged < 3; paged++) {
		uint64_t at = paged ? address : HOLE;

		during(paged == 2 ? "a table in a hole" : paged ? "a page in a hole" : "no translation");
		if (paged == 0)
			csr_write("satp", 0);
		else
			csr_write("satp", satp_of(root, 0));
		set(leaf, make_pte(HOLE, PTE_RWX));
		set(pointer, paged == 2 ? make_pte(HOLE, PTE_V) : good_pointer);
		EXPECT(try_load(at, NULL), CAUSE_LOAD_ACCESS);
		EXPECT(this_cpu()->seen.value, at);
		EXPECT(try_store(at, 1), CAUSE_STORE_ACCESS);
		EXPECT(this_cpu()->seen.value, at);
		EXPECT(try_call(at), CAUSE_FETCH_ACCESS);
		EXPECT(this_cpu()->seen.value, at);
		EXPECT(this_cpu()->seen.pc, at);
	}
	set(pointer, good_pointer);
	during("a physical address of 56 bits");
	set(leaf, make_pte(UINT64_C(0x00fffffffffff000), PTE_RWX));
	EXPECT(try_load(address, NULL), CAUSE_LOAD_ACCESS);
}

static void unsupported_modes(void)
{
	uint64_t before = csr_read("satp");

	for (uint64_t mode = 1; mode < 16; mode++) {
		if (mode == 8)
			continue;
		during("mode %u", mode);
		csr_write("satp", mode << 60 | UINT64_C(0x1234) << SATP_ASID_SHIFT | 0x80200);
		EXPECT(csr_read("satp"), before);
		csr_write("satp", before);
	}
	during(NULL);
	csr_write("satp", satp_of(root, 0xffff));
	EXPECT(csr_read("satp"), satp_of(root, 0xffff));
	csr_write("satp", before);
}

/* A misaligned access over the end of a page, of which one is missing. */
static void page_crossing(void)
{
	uint64_t first = WINDOW + 11 * GIGAPAGE, second = first + PAGE_SIZE;
	uint64_t *leaf[] = {entry_at(root, first, 0), entry_at(root, second, 0)};
	uint64_t physical[] = {fresh_page(3), fresh_page(1)};

	for (unsigned missing = 0; missing < 2; missing++) {
		for (unsigned offset = 1; offset < 8; offset++) {
			uint64_t address = second - offset, wanted = missing ? second : address;

			during("page %u is missing, offset %u", (uint64_t)missing, (uint64_t)offset);
			pages[3][511] = pages[1][0] = DATA;
			set(leaf[missing], make_pte(physical[missing], PTE_RWX) & ~PTE_V);
			set(leaf[!missing], make_pte(physical[!missing], PTE_RWX));
			EXPECT(try_load(address, NULL), CAUSE_LOAD_PAGE);
			EXPECT(this_cpu()->seen.value, wanted);
			EXPECT(try_store(address, ~DATA), CAUSE_STORE_PAGE);
			EXPECT(this_cpu()->seen.value, wanted);
			EXPECT(pages[3][511], DATA);
			EXPECT(pages[1][0], DATA);

			/* What may be read but not written counts as missing for a store. */
			set(leaf[missing], make_pte(physical[missing], PTE_RWX) & ~PTE_W);
			EXPECT(try_load(address, NULL), NOTHING);
			EXPECT(try_store(address, ~DATA), CAUSE_STORE_PAGE);
			EXPECT(this_cpu()->seen.value, wanted);
			EXPECT(pages[3][511], DATA);
			EXPECT(pages[1][0], DATA);

			set(leaf[missing], make_pte(physical[missing], PTE_RWX));
			EXPECT(try_store(address, ~DATA), NOTHING);
			EXPECT(*(uint8_t *)((char *)pages[3] + PAGE_SIZE - offset), ~DATA & 0xff);
			EXPECT(*(uint8_t *)((char *)pages[1] + 7 - offset), ~DATA >> 56 & 0xff);
		}
	}
}

/* An instruction over the end of a page, the page after it missing: the trap is the instruction's, the value the
 * page's. */
static void fetch_crossing(void)
{
	uint64_t first = WINDOW + 12 * GIGAPAGE, second = first + PAGE_SIZE, *leaf = entry_at(root, second, 0);

	map(root, first, (uint64_t)pages[4], 0, PTE_RWX);
	((uint16_t *)pages[4])[2047] = 0x0513; /* addi a0, a0, 0 */
	((uint16_t *)pages[2])[0] = 0x0005;
	((uint16_t *)pages[2])[1] = 0x8082; /* ret */
	asm volatile("fence.i");
	for (unsigned round = 0; round < 3; round++) {
		set(leaf, 0);
		EXPECT(try_call(second - 2), CAUSE_FETCH_PAGE);
		EXPECT(this_cpu()->seen.pc, second - 2);
		EXPECT(this_cpu()->seen.value, second);
		set(leaf, make_pte((uint64_t)pages[2], PTE_RWX));
		EXPECT(try_call(second - 2), NOTHING);
		set(leaf, make_pte((uint64_t)pages[2], PTE_RW));
		EXPECT(try_call(second - 2), CAUSE_FETCH_PAGE);
		EXPECT(this_cpu()->seen.value, second);
	}
	/* The same first half with another second one, which makes it an ebreak: in another page, and by a write. */
	((uint16_t *)pages[4])[2047] = 0x0073;
	((uint16_t *)pages[1])[0] = 0x0010;
	for (unsigned round = 0; round < 3; round++) {
		((uint16_t *)pages[2])[0] = 0x1200; /* sfence.vma */
		asm volatile("fence.i");
		set(leaf, make_pte((uint64_t)pages[2], PTE_RWX));
		EXPECT(try_call(second - 2), NOTHING);
		set(leaf, make_pte((uint64_t)pages[1], PTE_RWX));
		EXPECT(try_call(second - 2), CAUSE_BREAKPOINT);
		EXPECT(this_cpu()->seen.pc, second - 2);
		set(leaf, make_pte((uint64_t)pages[2], PTE_RWX));
		((uint16_t *)pages[2])[0] = 0x0010;
		asm volatile("fence.i");
		EXPECT(try_call(second - 2), CAUSE_BREAKPOINT);
	}
}

/* Atomic operations ask for what they do: both for AMOs, whose faults are a store's. */
static void atomics(void)
{
	uint64_t address = WINDOW + 13 * GIGAPAGE, *leaf = entry_at(root, address, 0), physical = fresh_page(0), value;

	set(leaf, make_pte(physical, PTE_V | PTE_R | PTE_A | PTE_D));
	EXPECT(ATTEMPT("amoadd.d %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(address)),
	       CAUSE_STORE_PAGE);
	EXPECT(this_cpu()->seen.value, address);
	EXPECT(ATTEMPT("lr.d %[value], (%[at])", AND[value] "=r"(value), [at] "r"(address)), NOTHING);
	EXPECT(ATTEMPT("lr.d %[value], (%[at])\n sc.d %[value], %[value], (%[at])",
		       AND[value] "=&r"(value), [at] "r"(address)),
	       CAUSE_STORE_PAGE);
	EXPECT(this_cpu()->seen.value, address);
	set(leaf, make_pte(physical, PTE_V | PTE_X | PTE_A | PTE_D));
	EXPECT(ATTEMPT("lr.d %[value], (%[at])", AND[value] "=r"(value), [at] "r"(address)), CAUSE_LOAD_PAGE);
	EXPECT(ATTEMPT("amoswap.w %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(address)),
	       CAUSE_STORE_PAGE);
	set(leaf, 0);
	EXPECT(ATTEMPT("amoor.d %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(address)), CAUSE_STORE_PAGE);
	EXPECT(ATTEMPT("lr.w %[value], (%[at])", AND[value] "=r"(value), [at] "r"(address)), CAUSE_LOAD_PAGE);
	set(leaf, make_pte(HOLE, PTE_RW));
	EXPECT(ATTEMPT("amoor.d %[value], zero, (%[at])", AND[value] "=r"(value), [at] "r"(address)),
	       CAUSE_STORE_ACCESS);
	EXPECT(ATTEMPT("lr.w %[value], (%[at])", AND[value] "=r"(value), [at] "r"(address)), CAUSE_LOAD_ACCESS);
}

void main(void)
{
	static const struct test tests[] = {
		{"pages, megapages and gigapages", levels},
		{"misaligned superpages", misaligned_superpages},
		{"reserved bits and entries", reserved_entries},
		{"what R, W, X, U, SUM and MXR allow", permissions},
		{"permissions follow SUM, MXR and privilege", permissions_change},
		{"accessed and dirty bits", accessed_dirty},
		{"canonical addresses", canonical_addresses},
		{"no such memory", no_such_memory},
		{"unsupported modes leave satp unchanged", unsupported_modes},
		{"loads and stores over the end of a page", page_crossing},
		{"instructions over the end of a page", fetch_crossing},
		{"atomic operations", atomics},
	};

	set_up();
	run_tests(tests, ARRAY_SIZE(tests));
}
