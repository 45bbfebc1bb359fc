/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/trap.h - into the supervisor's trap handler and back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hart;

enum trap_cause {
	CAUSE_INSN_ACCESS = 1,
	CAUSE_ILLEGAL = 2,
	CAUSE_BREAKPOINT = 3,
	CAUSE_LOAD_MISALIGNED = 4,
	CAUSE_LOAD_ACCESS = 5,
	CAUSE_STORE_MISALIGNED = 6,
	CAUSE_STORE_ACCESS = 7,
	CAUSE_ECALL_U = 8,
	CAUSE_INSN_PAGE = 12,
	CAUSE_LOAD_PAGE = 13,
	CAUSE_STORE_PAGE = 15,
};

#define CAUSE_INTERRUPT (UINT64_C(1) << 63)

/* Takes a trap at hart->pc, which becomes the handler's address. The instructions before it must be counted already. */
void trap_raise(struct hart *hart, uint64_t cause, uint64_t value);

/* Takes the most important of the interrupts that can be taken, if any. */
void trap_interrupt(struct hart *hart);

/* SRET; the caller has checked the privilege. */
void trap_return(struct hart *hart);
