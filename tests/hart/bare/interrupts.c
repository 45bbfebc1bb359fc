/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupts.c - software and timer interrupts: when they are pending, when they are taken, how one waits for them.
 */
#include "check.h"
#include "paging.h"
#include "sbi.h"

#define SOFTWARE (UINT64_C(1) << IRQ_SOFTWARE)
#define TIMER (UINT64_C(1) << IRQ_TIMER)
#define EXTERNAL (UINT64_C(1) << IRQ_EXTERNAL)

#define MS UINT64_C(10000) /* ticks of the time CSR */
#define NEVER UINT64_MAX
#define USER_CODE UINT64_C(0x2000000000)

extern char trap_entry[], user_code[], user_spin[];

static void set_timer(uint64_t at)
{
	csr_write("0x14d", at); /* stimecmp */
}

static uint64_t now(void)
{
	return csr_read("time");
}

static void quiet(void)
{
	csr_clear("sstatus", STATUS_SIE);
	csr_write("sie", 0);
	csr_clear("sip", SOFTWARE);
	set_timer(NEVER);
	this_cpu()->interrupts = 0;
	this_cpu()->interrupt = 0;
}

static bool got(unsigned irq)
{
	bool once = this_cpu()->interrupts == 1 && this_cpu()->interrupt == (CAUSE_INTERRUPT | irq);

	this_cpu()->interrupts = 0;
	return once;
}

static bool got_none(void)
{
	return this_cpu()->interrupts == 0;
}

static void registers(void)
{
	quiet();
	csr_write("sie", UINT64_MAX);
	EXPECT(csr_read("sie"), SOFTWARE | TIMER | EXTERNAL);
	csr_write("sie", 0);
	EXPECT(csr_read("sie"), 0);
	csr_write("sip", UINT64_MAX);
	EXPECT(csr_read("sip") & (SOFTWARE | TIMER), SOFTWARE);
	csr_write("sip", 0);
	EXPECT(csr_read("sip") & (SOFTWARE | TIMER), 0);
	csr_set("sip", SOFTWARE);
	EXPECT(csr_read("sip") & SOFTWARE, SOFTWARE);
	csr_clear("sip", SOFTWARE);
	EXPECT(csr_read("sip") & SOFTWARE, 0);
}

/* Taken as soon as the last of pending, enabled and SIE is there, before the next instruction. */
static void when_taken(void)
{
	uint64_t next;

	quiet();
	csr_set("sip", SOFTWARE);
	csr_set("sstatus", STATUS_SIE);
	EXPECT_TRUE(got_none());
	asm volatile("la %[next], 1f\n csrw sie, %[software]\n1: nop"
		     : [next] "=&r"(next)
		     : [software] "r"(SOFTWARE)
		     : "memory");
	EXPECT_TRUE(got(IRQ_SOFTWARE));
	EXPECT(this_cpu()->frame.pc, next);

	quiet();
	csr_write("sie", SOFTWARE);
	csr_set("sip", SOFTWARE);
	EXPECT_TRUE(got_none());
	asm volatile("la %[next], 1f\n csrsi sstatus, 2\n1: nop" : [next] "=&r"(next) : : "memory");
	EXPECT_TRUE(got(IRQ_SOFTWARE));
	EXPECT(this_cpu()->frame.pc, next);

	quiet();
	csr_write("sie", SOFTWARE);
	csr_set("sstatus", STATUS_SIE);
	asm volatile("la %[next], 1f\n csrsi sip, 2\n1: nop" : [next] "=&r"(next) : : "memory");
	EXPECT_TRUE(got(IRQ_SOFTWARE));
	EXPECT(this_cpu()->frame.pc, next);

	/* sret turns SIE on. */
	quiet();
	csr_write("sie", SOFTWARE);
	csr_set("sip", SOFTWARE);
	csr_set("sstatus", STATUS_SPP | STATUS_SPIE);
	asm volatile("la %[next], 1f\n csrw sepc, %[next]\n sret\n1: nop" : [next] "=&r"(next) : : "memory");
	EXPECT_TRUE(got(IRQ_SOFTWARE));
	EXPECT(this_cpu()->frame.pc, next);
	EXPECT(this_cpu()->frame.status & (STATUS_SPP | STATUS_SPIE), STATUS_SPP | STATUS_SPIE);
	quiet();
}

static void priorities(void)
{
	quiet();
	set_timer(0);
	csr_set("sip", SOFTWARE);
	EXPECT(csr_read("sip") & (SOFTWARE | TIMER), SOFTWARE | TIMER);
	csr_write("sie", SOFTWARE | TIMER);
	csr_set("sstatus", STATUS_SIE);
	/* The first masks itself, then the second comes. */
	EXPECT(this_cpu()->interrupts, 2);
	EXPECT(this_cpu()->interrupt, CAUSE_INTERRUPT | IRQ_TIMER);
	quiet();
}

/* Vectored, each interrupt has its entry: in a table where only that one leads on. */
static void vectored(void)
{
	static _Alignas(256) uint32_t table[16];
	static const unsigned irqs[] = {IRQ_SOFTWARE, IRQ_TIMER};
	uint64_t before = csr_read("stvec");

	for (unsigned i = 0; i < ARRAY_SIZE(irqs); i++) {
		uint64_t offset = (uint64_t)trap_entry - (uint64_t)&table[irqs[i]];

		quiet();
		during("interrupt %u", (uint64_t)irqs[i]);
		for (unsigned n = 0; n < ARRAY_SIZE(table); n++)
			table[n] = 0x0000006f; /* a loop without end */
		table[irqs[i]] |= (uint32_t)((offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21 |
					     (offset >> 11 & 1) << 20 | (offset & 0xff000));
		asm volatile("fence.i" : : : "memory");
		csr_write("stvec", (uint64_t)table | 1);
		csr_set("sip", SOFTWARE);
		set_timer(0);
		csr_write("sie", UINT64_C(1) << irqs[i]);
		csr_set("sstatus", STATUS_SIE);
		EXPECT_TRUE(got(irqs[i]));
		csr_write("stvec", before);
	}
	quiet();
}

static void timer_pending(void)
{
	uint64_t start = now();

	quiet();
	EXPECT(csr_read("sip") & TIMER, 0);
	set_timer(start);
	EXPECT(csr_read("sip") & TIMER, TIMER);
	EXPECT(csr_read("0x14d"), start);
	set_timer(NEVER);
	EXPECT(csr_read("sip") & TIMER, 0);
	set_timer(now() + 5 * MS);
	EXPECT(csr_read("sip") & TIMER, 0);
	while (now() < csr_read("0x14d"))
		;
	EXPECT(csr_read("sip") & TIMER, TIMER);
	/* It cannot be written away. */
	csr_clear("sip", TIMER);
	EXPECT(csr_read("sip") & TIMER, TIMER);
	quiet();
}

/* In a loop that does nothing else; never early. */
static void timer_in_a_loop(void)
{
	for (unsigned round = 0; round < 20; round++) {
		uint64_t wanted;

		quiet();
		wanted = now() + MS / 2;
		set_timer(wanted);
		csr_write("sie", TIMER);
		csr_set("sstatus", STATUS_SIE);
		/* The handler turns the interrupt off; nothing in the loop reads that but the flag in memory. */
		asm volatile("1: lw t0, %[interrupts]\n beqz t0, 1b"
			     :
			     : [interrupts] "m"(this_cpu()->interrupts)
			     : "t0", "memory");
		EXPECT_TRUE(now() >= wanted);
		EXPECT_TRUE(got(IRQ_TIMER));
	}
	quiet();
}

static bool skip_spin(struct frame *frame)
{
	if (frame->cause != (CAUSE_INTERRUPT | IRQ_TIMER))
		return false;
	frame->pc += 4;
	set_timer(NEVER);
	return true;
}

/* A jump to itself is left all the same. */
static void timer_in_the_shortest_loop(void)
{
	quiet();
	this_cpu()->hook = skip_spin;
	set_timer(now() + MS);
	csr_write("sie", TIMER);
	csr_set("sstatus", STATUS_SIE);
	asm volatile(".option push\n .option norvc\n1: j 1b\n .option pop" : : : "memory");
	this_cpu()->hook = NULL;
	quiet();
}

static void timer_by_firmware(void)
{
	uint64_t wanted;

	quiet();
	EXPECT(SBI_CALL(SBI_TIME, 0, 0).error, SBI_SUCCESS);
	EXPECT(csr_read("sip") & TIMER, TIMER);
	EXPECT(SBI_CALL(SBI_TIME, 0, NEVER).error, SBI_SUCCESS);
	EXPECT(csr_read("sip") & TIMER, 0);
	wanted = now() + MS;
	EXPECT(SBI_CALL(SBI_TIME, 0, wanted).error, SBI_SUCCESS);
	EXPECT(csr_read("sip") & TIMER, 0);
	csr_write("sie", TIMER);
	csr_set("sstatus", STATUS_SIE);
	while (got_none())
		asm volatile("" : : : "memory");
	EXPECT_TRUE(now() >= wanted);
	EXPECT_TRUE(got(IRQ_TIMER));
	quiet();
}

/* WFI ends when an enabled interrupt is pending, taken or not. */
static void wait_for_timer(void)
{
	for (unsigned taken = 0; taken < 2; taken++)
		for (unsigned round = 0; round < 10; round++) {
			uint64_t wanted;

			during("taken %u, round %u", (uint64_t)taken, (uint64_t)round);
			quiet();
			csr_write("sie", TIMER);
			wanted = now() + MS * (round & 3);
			set_timer(wanted);
			if (taken)
				csr_set("sstatus", STATUS_SIE);
			/* A host that is busy tells of the time a little later than the clock shows it. */
			while (now() < wanted || this_cpu()->interrupts < taken)
				asm volatile("wfi" : : : "memory");
			EXPECT(this_cpu()->interrupts, taken);
			EXPECT(csr_read("sip") & TIMER, TIMER);
		}
	during("pending before");
	quiet();
	csr_set("sip", SOFTWARE);
	csr_write("sie", SOFTWARE);
	asm volatile("wfi" : : : "memory");
	EXPECT_TRUE(got_none());
	quiet();
}

/* While a hart waits or works its time goes on evenly. */
static void time_goes_on(void)
{
	uint64_t last = now(), start = last;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t next = now();

		EXPECT_TRUE(next >= last);
		last = next;
	}
	EXPECT_TRUE(last - start < 10000 * MS);
}

static void interrupt_itself(void)
{
	quiet();
	csr_write("sie", SOFTWARE);
	csr_set("sstatus", STATUS_SIE);
	EXPECT(SBI_CALL(SBI_IPI, 0, 1, this_cpu()->hart_id).error, SBI_SUCCESS);
	while (got_none())
		asm volatile("" : : : "memory");
	EXPECT_TRUE(got(IRQ_SOFTWARE));
	EXPECT(csr_read("sip") & SOFTWARE, SOFTWARE);
	quiet();
	EXPECT(csr_read("sip") & SOFTWARE, 0);
}

static bool end_user_mode(struct frame *frame)
{
	if (!(frame->cause & CAUSE_INTERRUPT) || frame->status & STATUS_SPP)
		return false;
	/* As an exception, which ends the stay in user mode. */
	csr_clear("sie", TIMER | SOFTWARE);
	this_cpu()->interrupt = frame->cause;
	this_cpu()->interrupts++;
	frame->cause = CAUSE_BREAKPOINT;
	return false;
}

/* In user mode interrupts are on, whatever SIE is. */
static void in_user_mode(void)
{
	uint64_t *root = new_root();

	map(root, USER_CODE, (uint64_t)user_code, 0, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	csr_write("satp", satp_of(root, 0));
	fence_all();
	this_cpu()->hook = end_user_mode;
	for (unsigned round = 0; round < 10; round++) {
		quiet();
		csr_write("sie", TIMER);
		set_timer(round & 1 ? now() + MS : 0);
		run_user(USER_CODE + (uint64_t)(user_spin - user_code), 0, 0, 0);
		EXPECT_TRUE(got(IRQ_TIMER));
		EXPECT_TRUE(this_cpu()->seen.pc - USER_CODE < PAGE_SIZE);
	}
	this_cpu()->hook = NULL;
	quiet();
}

void main(void)
{
	static const struct test tests[] = {
		{"sie and sip", registers},
		{"when an interrupt is taken", when_taken},
		{"priorities", priorities},
		{"vectored", vectored},
		{"stimecmp", timer_pending},
		{"the timer in a loop", timer_in_a_loop},
		{"the timer in the shortest loop", timer_in_the_shortest_loop},
		{"the firmware's timer", timer_by_firmware},
		{"waiting for the timer", wait_for_timer},
		{"time goes on", time_goes_on},
		{"an interrupt to itself", interrupt_itself},
		{"in user mode", in_user_mode},
	};

	run_tests(tests, ARRAY_SIZE(tests));
}
