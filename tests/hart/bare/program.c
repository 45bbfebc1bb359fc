/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - runs a generated program on the bare machine and sends its records to the console.
 *
 * MODE says how: BARE in S mode without translation; PAGED in S mode under Sv39; USER in U mode under Sv39, with timer
 * interrupts all the time. Under Sv39 the program's pages have their order in physical memory reversed.
 */
#include "console.h"
#include "cpu.h"
#include "paging.h"
#include "sbi.h"

#define BARE 0
#define PAGED 1
#define USER 2

#define COPY UINT64_C(0x84000000)
#define TICKS 500 /* of 100 ns */

extern char body_start[], body_end[], output[], output_end[];
extern volatile uint64_t trap_resume, trap_cause;
void body(void);
void body_user(void);
void body_leave(void);

static uint64_t physical(uint64_t address)
{
	uint64_t in_body = address - (uint64_t)body_start, size = (uint64_t)(body_end - body_start);

	if (MODE == BARE || in_body >= size)
		return address;
	return COPY + size - PAGE_SIZE - (in_body & ~(PAGE_SIZE - 1)) + (address & (PAGE_SIZE - 1));
}

static void copy_page(uint64_t to, uint64_t from)
{
	for (uint64_t at = 0; at < PAGE_SIZE; at += 8)
		*(volatile uint64_t *)(to + at) = *(volatile uint64_t *)(from + at);
}

/* Pages get their accessed and dirty bits when they are used. */
static void turn_on_paging(void)
{
	uint64_t *root = new_table(), base = (uint64_t)body_start & ~(GIGAPAGE - 1);
	uint64_t flags = PTE_V | PTE_R | PTE_W | PTE_X | (MODE == USER ? PTE_U : 0);

	map(root, 0, 0, 2, PTE_RW);
	for (uint64_t address = base; address < base + GIGAPAGE; address += MEGAPAGE)
		if (address + MEGAPAGE <= (uint64_t)body_start || address >= (uint64_t)body_end)
			map(root, address, address, 1, PTE_RWX);
	for (uint64_t address = (uint64_t)body_start; address < (uint64_t)body_end; address += PAGE_SIZE) {
		copy_page(physical(address), address);
		map(root, address, physical(address), 0, flags);
	}
	asm volatile("fence.i" : : : "memory");
	csr_write("satp", satp_of(root, 1));
	fence_all();
}

static void start_timer(void)
{
	SBI_CALL(SBI_TIME, 0, csr_read("time") + TICKS);
}

/* Goes on after exceptions that a program expects; user mode also ends by one. */
static bool on_trap(struct frame *frame)
{
	if (frame->cause == (CAUSE_INTERRUPT | IRQ_TIMER)) {
		start_timer();
		return true;
	}
	if (!trap_resume || (frame->cause == CAUSE_USER_ECALL && frame->pc == (uint64_t)body_leave))
		return false;
	trap_cause = frame->cause;
	frame->pc = trap_resume;
	return true;
}

static void run_in_user_mode(void)
{
	csr_set("sie", UINT64_C(1) << IRQ_TIMER);
	start_timer();
	run_user((uint64_t)body_user, 0, 0, 0);
	csr_clear("sie", UINT64_C(1) << IRQ_TIMER);
	if (this_cpu()->seen.pc != (uint64_t)body_leave) {
		print("the program made a trap: cause %x at %x, value %x\n", this_cpu()->seen.cause,
		      this_cpu()->seen.pc, this_cpu()->seen.value);
		sbi_shutdown();
	}
}

static void send_records(void)
{
	print("records:\n");
	for (uint64_t at = (uint64_t)output; at < (uint64_t)output_end;) {
		uint64_t left = (uint64_t)output_end - at, in_page = PAGE_SIZE - (at & (PAGE_SIZE - 1));
		uint64_t size = left < in_page ? left : in_page;

		put_bytes((void *)physical(at), size);
		at += size;
	}
}

void main(void)
{
	csr_set("sstatus", STATUS_SUM);
	if (MODE != BARE)
		turn_on_paging();
	this_cpu()->hook = on_trap;
	if (MODE == USER)
		run_in_user_mode();
	else
		body();
	this_cpu()->hook = NULL;
	send_records();
}
