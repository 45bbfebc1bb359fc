/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trap.c - what becomes of a trap: a test waits for it, or it is the end.
 */
#include "console.h"
#include "cpu.h"
#include "sbi.h"

union cpu_space cpus[CPUS];

void enter_user(uint64_t pc, uint64_t a0, uint64_t a1, uint64_t stack);
extern char leave_user[];

void panic(const char *why)
{
	print("\nBail out! %s\n", why);
	sbi_shutdown();
}

void panic_in_trap(uint64_t cause, uint64_t pc, uint64_t value)
{
	print("\nBail out! a trap in the trap handler: cause %x at %x, value %x\n", cause, pc, value);
	sbi_shutdown();
}

static void interrupt(struct cpu *cpu, struct frame *frame)
{
	/* Once each: the source stays raised until the test has dealt with it. */
	csr_clear("sie", UINT64_C(1) << (frame->cause & 63));
	cpu->interrupt = frame->cause;
	cpu->interrupts++;
}

static void back_from_user(struct cpu *cpu, struct frame *frame)
{
	frame->pc = (uint64_t)leave_user;
	frame->x[2] = cpu->user_return;
	frame->x[4] = (uint64_t)cpu;
	frame->status = (frame->status & ~STATUS_SPIE) | STATUS_SPP;
}

void trap(struct frame *frame)
{
	struct cpu *cpu = (struct cpu *)frame;

	if (cpu->hook && cpu->hook(frame))
		return;
	if (frame->cause & CAUSE_INTERRUPT) {
		interrupt(cpu, frame);
		return;
	}
	cpu->seen = *frame;
	cpu->exceptions++;
	if (!(frame->status & STATUS_SPP)) {
		back_from_user(cpu, frame);
	} else if (cpu->resume) {
		frame->pc = cpu->resume;
		cpu->resume = 0;
	} else {
		print("\nBail out! an unexpected trap: cause %x at %x, value %x, status %x\n", frame->cause, frame->pc,
		      frame->value, frame->status);
		sbi_shutdown();
	}
}

uint64_t run_user(uint64_t pc, uint64_t a0, uint64_t a1, uint64_t stack)
{
	enter_user(pc, a0, a1, stack);
	return this_cpu()->seen.cause;
}

uint64_t try_load(uint64_t address, uint64_t *value)
{
	uint64_t loaded = 0,
		 cause = ATTEMPT("ld %[loaded], 0(%[address])", AND[loaded] "+r"(loaded), [address] "r"(address));

	if (value)
		*value = loaded;
	return cause;
}

uint64_t try_store(uint64_t address, uint64_t value)
{
	return ATTEMPT("sd %[value], 0(%[address])", , [value] "r"(value), [address] "r"(address));
}

uint64_t try_call(uint64_t address)
{
	uint64_t cause = NOTHING, target = address;
	struct cpu *cpu = this_cpu();
	unsigned before = cpu->exceptions;

	/* The call's own link register makes `ret` there come back here. */
	asm volatile("la ra, 77f\n sd ra, %[resume]\n jalr %[target]\n77: sd zero, %[resume]"
		     : [resume] "+m"(cpu->resume)
		     : [target] "r"(target)
		     : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5",
		       "a6", "a7");
	if (cpu->exceptions != before)
		cause = cpu->seen.cause;
	return cause;
}
