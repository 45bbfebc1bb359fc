/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.h - a hart of the bare machine in S mode: its state, its traps, the way into user mode.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "offsets.h"

#define CPUS 2

enum {
	CAUSE_FETCH_ACCESS = 1,
	CAUSE_ILLEGAL = 2,
	CAUSE_BREAKPOINT = 3,
	CAUSE_LOAD_MISALIGNED = 4,
	CAUSE_LOAD_ACCESS = 5,
	CAUSE_STORE_MISALIGNED = 6,
	CAUSE_STORE_ACCESS = 7,
	CAUSE_USER_ECALL = 8,
	CAUSE_FETCH_PAGE = 12,
	CAUSE_LOAD_PAGE = 13,
	CAUSE_STORE_PAGE = 15,
};

#define CAUSE_INTERRUPT (UINT64_C(1) << 63)
#define IRQ_SOFTWARE 1
#define IRQ_TIMER 5
#define IRQ_EXTERNAL 9

#define STATUS_SIE (UINT64_C(1) << 1)
#define STATUS_SPIE (UINT64_C(1) << 5)
#define STATUS_SPP (UINT64_C(1) << 8)
#define STATUS_FS (UINT64_C(3) << 13)
#define STATUS_SUM (UINT64_C(1) << 18)
#define STATUS_MXR (UINT64_C(1) << 19)
#define STATUS_SD (UINT64_C(1) << 63)

#define csr_read(name)                                                      \
	({                                                                  \
		uint64_t value_;                                            \
		asm volatile("csrr %0, " name : "=r"(value_) : : "memory"); \
		value_;                                                     \
	})
#define csr_write(name, value) asm volatile("csrw " name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define csr_set(name, value) asm volatile("csrs " name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define csr_clear(name, value) asm volatile("csrc " name ", %0" : : "r"((uint64_t)(value)) : "memory")

struct frame {
	uint64_t x[32];
	uint64_t pc, status, cause, value;
};

struct cpu {
	struct frame frame; /* of the trap that is being handled */
	uint64_t hart_id;
	void (*main)(uint64_t hart_id, uint64_t argument); /* of other harts than the first */
	uint64_t user_return;

	uint64_t resume;   /* where to go on after an exception in S mode that was expected; 0: none was */
	struct frame seen; /* the last exception, as it came */
	unsigned exceptions, interrupts;   /* how many came */
	uint64_t interrupt;		   /* the last interrupt's cause */
	bool (*hook)(struct frame *frame); /* sees a trap first; true: it has dealt with it */
};

/* Each hart's stacks lie behind its struct cpu. */
union cpu_space {
	struct cpu cpu;
	_Alignas(4096) char space[CPU_TRAP_STACK_END];
};

extern union cpu_space cpus[CPUS];

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	asm volatile("mv %0, tp" : "=r"(cpu));
	return cpu;
}

_Static_assert(offsetof(struct cpu, frame.pc) == FRAME_PC, "");
_Static_assert(offsetof(struct cpu, frame.status) == FRAME_STATUS, "");
_Static_assert(offsetof(struct cpu, frame.cause) == FRAME_CAUSE, "");
_Static_assert(offsetof(struct cpu, frame.value) == FRAME_VALUE, "");
_Static_assert(offsetof(struct cpu, hart_id) == CPU_HART_ID, "");
_Static_assert(offsetof(struct cpu, main) == CPU_MAIN, "");
_Static_assert(offsetof(struct cpu, user_return) == CPU_USER_RETURN, "");
_Static_assert(sizeof(struct cpu) < CPU_STACK_END / 2, "");

/*
 * Runs one asm statement that may raise an exception, which ends it; cpu->seen tells which. TRAPPED is its cause, or
 * NOTHING. Operands that it would have written are undefined then.
 */
#define NOTHING UINT64_MAX
#define ATTEMPT(code, outputs, ...)                                                                                \
	({                                                                                                         \
		struct cpu *cpu_ = this_cpu();                                                                     \
		unsigned before_ = cpu_->exceptions;                                                               \
		uint64_t scratch_;                                                                                 \
		asm volatile("la %[scratch_], 77f\n sd %[scratch_], %[resume_]\n" code "\n77: sd zero, %[resume_]" \
			     : [scratch_] "=&r"(scratch_), [resume_] "+m"(cpu_->resume)outputs:__VA_ARGS__         \
			     : "memory");                                                                          \
		cpu_->exceptions == before_ ? NOTHING : cpu_->seen.cause;                                          \
	})
#define AND ,

/* Enters user mode and comes back at its first exception, which is its cause; cpu->seen has the registers. */
uint64_t run_user(uint64_t pc, uint64_t a0, uint64_t a1, uint64_t stack);

/* Loads, stores and a fetch (by a call, where there is a `ret`) that may trap: the cause, or NOTHING. */
uint64_t try_load(uint64_t address, uint64_t *value);
uint64_t try_store(uint64_t address, uint64_t value);
uint64_t try_call(uint64_t address);

/* What no test expected: says so and powers off. */
_Noreturn void panic(const char *why);
