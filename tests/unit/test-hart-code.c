/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-hart-code.c - decoded code follows what is in memory, whoever changes it and through whichever address.
 */
#include "unit.h"

#include <sys/mman.h>

#include "hart-rig.h"

#define ROUTINE (RIG_RAM + 0x10000)
#define ALIAS UINT64_C(0x20000)
#define FILES (RIG_RAM + RAM_MAX)

static struct rig *rig;

static int setup(void **state)
{
	rig = rig_new(1);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	return 0;
}

/* A routine at ROUTINE: s8 += `step`. */
static void put_routine(int step)
{
	uint64_t at = rig->at;

	rig->at = ROUTINE;
	EMIT(rig, ADDI(s8, s8, step), RET());
	rig->at = at;
}

/* Calls the routine, overwrites its first instruction through t1 with t2, and calls it again. */
static void emit_patching(void)
{
	rig_li(rig, t0, ROUTINE);
	rig_li(rig, t2, ADDI(s8, s8, 100));
	EMIT(rig, JALR(ra, t0), SW(t2, 0, t1), FENCE_I(), JALR(ra, t0));
	rig_end(rig);
}

static void stores_to_code(void **state)
{
	put_routine(1);
	rig_li(rig, t1, ROUTINE);
	emit_patching();
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s8), 101);
}

static void stores_through_an_alias(void **state)
{
	put_routine(1);
	rig_tables(rig);
	rig_map(rig, ALIAS, ROUTINE, PTE_V | PTE_R | PTE_W);
	rig_li(rig, t0, RIG_SATP(0));
	EMIT(rig, CSRW(satp, t0));
	rig_li(rig, t1, ALIAS);
	/* The alias is known as plainly writable before the page becomes code. */
	EMIT(rig, SD(zero, 1024, t1));
	emit_patching();
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s8), 101);
}

/* Two addresses run one page, and a relative address in it is by where it runs. */
static void runs_under_two_addresses(void **state)
{
	rig->at = ROUTINE;
	EMIT(rig, AUIPC(s8, 0), RET());
	rig->at = RIG_RAM;
	rig_tables(rig);
	rig_map(rig, ALIAS, ROUTINE, PTE_V | PTE_R | PTE_X);
	rig_li(rig, t0, RIG_SATP(0));
	rig_li(rig, t1, ROUTINE);
	rig_li(rig, t2, ALIAS);
	EMIT(rig, CSRW(satp, t0), JALR(ra, t1), ADD(s2, s8, zero), JALR(ra, t2));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s2), ROUTINE);
	assert_int_equal(rig_x(rig, s8), ALIAS);
}

/* A page that was remapped runs what is there now. */
static void remapped_code(void **state)
{
	uint64_t at;

	put_routine(1);
	rig->at = ROUTINE + 8192;
	EMIT(rig, ADDI(s8, s8, 50), RET());
	rig->at = RIG_RAM;
	rig_tables(rig);
	at = rig_map(rig, ALIAS, ROUTINE, PTE_V | PTE_R | PTE_X | PTE_A);
	rig_li(rig, t0, RIG_SATP(0));
	rig_li(rig, t1, ALIAS);
	rig_li(rig, t2, at);
	rig_li(rig, s2, (ROUTINE + 8192) >> 12 << 10 | PTE_V | PTE_R | PTE_X | PTE_A);
	EMIT(rig, CSRW(satp, t0), JALR(ra, t1), SD(s2, 0, t2), SFENCE_VMA(t1, zero), JALR(ra, t1));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s8), 51);
}

/* A loop of calls into the routine, until it returns more than one step. */
static void device_writes_code(void **state)
{
	uint32_t insn = ADDI(s8, s8, 7);
	struct hart *hart;

	put_routine(1);
	rig_li(rig, t0, ROUTINE);
	EMIT(rig, ADDI(t1, zero, 1), ADDI(s8, zero, 0), JALR(ra, t0), BEQ(s8, t1, -8));
	rig_end(rig);
	rig_start(rig);
	hart = &rig->soft->harts[0];
	/* Until the routine is decoded, which its claim shows. */
	while (code_page_clean(&rig->soft->code, soft_page(rig->soft, (uintptr_t)ram_at(rig->ram, ROUTINE, 1))))
		sched_yield();
	__atomic_store_n((uint32_t *)ram_at(rig->ram, ROUTINE, 4), insn, __ATOMIC_SEQ_CST);
	ram_written(rig->ram, ROUTINE, 4);
	assert_true(rig_wait(rig));
	rig_pause(rig);
	assert_int_equal(hart->x[s8], 7);
}

/* A loop of calls into the routine, with a fence.i before each if `fenced`, until it returns more than one step. */
static void start_waiting(bool fenced)
{
	put_routine(1);
	rig_li(rig, t0, ROUTINE);
	EMIT(rig, ADDI(t1, zero, 1), ADDI(s8, zero, 0), fenced ? FENCE_I() : ADDI(zero, zero, 0), JALR(ra, t0),
	     BEQ(s8, t1, -12));
	rig_end(rig);
	rig_start(rig);
	while (code_page_clean(&rig->soft->code, soft_page(rig->soft, (uintptr_t)ram_at(rig->ram, ROUTINE, 1))))
		sched_yield();
	__atomic_store_n((uint32_t *)ram_at(rig->ram, ROUTINE, 4), ADDI(s8, s8, 7), __ATOMIC_SEQ_CST);
}

/* What somebody writes who does not tell is seen after fence.i, and at the latest when he has ceased. */
static void unseen_writes(void **state)
{
	ram_unseen(rig->ram, true);
	start_waiting(true);
	assert_true(rig_wait(rig));
	rig_pause(rig);
	assert_int_equal(rig->soft->harts[0].x[s8], 7);
	ram_unseen(rig->ram, false);
}

static void unseen_writes_cease(void **state)
{
	ram_unseen(rig->ram, true);
	start_waiting(false);
	ram_unseen(rig->ram, false);
	assert_true(rig_wait(rig));
	rig_pause(rig);
	assert_int_equal(rig->soft->harts[0].x[s8], 7);
}

/* Data beside code: stores to other lines of the page leave its blocks alone. */
static void data_beside_code(void **state)
{
	struct hart *hart = &rig->soft->harts[0];
	struct block *block;

	put_routine(1);
	rig_li(rig, t0, ROUTINE);
	EMIT(rig, JALR(ra, t0), SD(t0, 128, t0), SD(t0, 1024, t0), JALR(ra, t0));
	rig_end(rig);
	assert_true(rig_run(rig));
	block = cache_find(&hart->cache, soft_page(rig->soft, (uintptr_t)ram_at(rig->ram, ROUTINE, 1)), 0);
	assert_non_null(block);
	assert_int_not_equal(block->ops[0].code, OP_DEAD);
	assert_int_equal(rig_x(rig, s8), 2);
}

/* Code that rewrites itself in a loop: the count goes through a patched immediate, ever anew. */
static void rewrites_itself(void **state)
{
	put_routine(0);
	rig_li(rig, t0, ROUTINE);
	rig_li(rig, t1, ADDI(s8, s8, 0));
	rig_li(rig, t2, 1 << 20);
	rig_li(rig, s2, 2000);
	/* for (s3 = 0; s3 != 2000; s3++) { patch immediate to s3; call } */
	EMIT(rig, SLLI(s4, s3, 20), ADD(s4, s4, t1), SW(s4, 0, t0), FENCE_I(), JALR(ra, t0), ADDI(s3, s3, 1),
	     BNE(s3, s2, -24));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s8), 2000 * 1999 / 2);
}

/* More code than the cache holds, run round and round. */
static void cache_overflows(void **state)
{
	const unsigned functions = 100000, stride = 64, rounds = 3;
	uint64_t code = RIG_RAM + 32 * MIB;

	for (unsigned i = 0; i < functions; i++) {
		rig->at = code + i * stride;
		EMIT(rig, ADDI(s8, s8, 1), ADDI(a1, a1, 1), ADDI(a2, a2, 1), ADDI(a3, a3, 1), ADDI(a4, a4, 1), RET());
	}
	rig->at = RIG_RAM;
	rig_li(rig, s2, rounds);
	rig_li(rig, s4, code + functions * stride);
	rig_li(rig, s5, code);
	EMIT(rig, ADD(t0, s5, zero), JALR(ra, t0), ADDI(t0, t0, stride), BNE(t0, s4, -8), ADDI(s2, s2, -1),
	     BNE(s2, zero, -20));
	rig_end(rig);
	assert_true(rig_run(rig));
	assert_int_equal(rig_x(rig, s8), functions * rounds);
	assert_true(rig->soft->harts[0].cache.generation > (rig->soft->harts[0].jit.size == 64 * KIB ? 1000 : 2));
}

/* A file with a routine: s8 = `answer`, which it also writes behind itself. */
static int make_file(int answer)
{
	const uint32_t code[] = {ADDI(s8, zero, answer), SD(s8, 64, t0), RET()};
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(pwrite(fd, code, sizeof(code), 0), sizeof(code));
	return fd;
}

static int64_t answer_of(int fd)
{
	int64_t answer = 0;

	assert_int_equal(pread(fd, &answer, sizeof(answer), 64), sizeof(answer));
	return answer;
}

/* Lets the guest run until its register has changed. */
static uint64_t run_until_changed(unsigned reg)
{
	const uint64_t before = rig_x(rig, reg);

	while (rig_x(rig, reg) == before) {
		rig->accel->resume(rig->accel);
		rig_pause(rig);
	}
	return rig_x(rig, reg);
}

/* Code and data of files that become memory and cease to be while the guest runs: it faults where there is none. */
static void files_come_and_go(void **state)
{
	const int files[] = {make_file(1), make_file(2)};

	ram_place_files(rig->ram, FILES);
	rig_li(rig, t0, FILES);
	rig_li(rig, t1, ROUTINE);
	EMIT(rig, CSRW(stvec, t1), JALR(zero, t1));
	/* Counts faults in s9, which lead here again, and good calls in s7. */
	rig->at = ROUTINE;
	EMIT(rig, ADDI(s9, s9, 1), JALR(ra, t0), ADDI(s7, s7, 1), JALR(ra, t0), J(-8));
	rig_start(rig);
	rig_pause(rig);
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		struct ram_range range;
		uint64_t faults;

		run_until_changed(s9);
		rig->accel->resume(rig->accel);
		assert_int_equal(ram_map_file(rig->ram, files[i], 4096, i == 0, &range, NULL), 0);
		rig_pause(rig);
		assert_int_equal(range.base, FILES);
		run_until_changed(s7);
		assert_int_equal(rig_x(rig, s8), i + 1);
		assert_int_equal(answer_of(files[i]), i == 0 ? 1 : 0); /* the second one is not to be written to */
		faults = rig_x(rig, s9);
		run_until_changed(s7);
		assert_int_equal(rig_x(rig, s9), faults);
		rig->accel->resume(rig->accel);
		ram_unmap_file(rig->ram, &range);
		rig_pause(rig);
		close(files[i]);
	}
	run_until_changed(s9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(stores_to_code),	   TEST(stores_through_an_alias), TEST(runs_under_two_addresses),
		TEST(remapped_code),	   TEST(device_writes_code),	  TEST(data_beside_code),
		TEST(rewrites_itself),	   TEST(cache_overflows),	  TEST(unseen_writes),
		TEST(unseen_writes_cease), TEST(files_come_and_go),
	};

	return cmocka_run_group_tests_name("hart-code", tests, NULL, NULL);
}
