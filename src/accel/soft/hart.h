/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/hart.h - one hart: its registers, what others may tell it, and the thread that runs it.
 *
 * All of it belongs to the hart's thread, except where a comment says otherwise. While the VM is paused the control
 * thread may touch everything.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/soft/cache.h"
#include "accel/soft/fence.h"
#include "accel/soft/jit/jit.h"
#include "accel/soft/op.h"
#include "accel/soft/tlb.h"

struct soft;

enum privilege { PRIV_U = 0, PRIV_S = 1 };

enum hart_state {
	HART_STOPPED,  /* SBI HSM: waits to be started by another hart */
	HART_CLAIMED,  /* another hart is about to start it */
	HART_STARTING, /* told to start, did not see it yet */
	HART_STARTED,
	HART_HALTED, /* asked for a power-off or a reset */
};

struct hart {
	/* What the interpreter touches all the time. */
	uint64_t x[REG_COUNT];
	struct tlb_bank *bank;
	uint64_t pc;
	uint64_t instret;
	uint8_t priv;  /* enum privilege */
	bool fp_on;    /* FS is not off */
	bool fp_dirty; /* FS is dirty: registers may be written */
	bool fp_ready; /* and frm is a mode that the host knows */
	uint64_t f[32];

	/* LR's reservation: where, of which size (0: none), and what was read. */
	uint64_t reserved_host, reserved_value;
	unsigned reserved_size;

	uint64_t status, sie, stvec, sscratch, sepc, scause, stval, satp, stimecmp, scounteren, senvcfg;
	uint8_t frm;
	uint32_t host_fp; /* the host's floating-point control word while the hart does not run */
	bool waiting;	  /* a WFI was executed */
	bool timer_due;	  /* sip.STIP as it was last looked at; the timer thread has it looked at again */

	struct tlb tlb;
	struct code_cache cache;
	struct jit jit; /* jit.memory is NULL where the interpreter does it all */
	struct soft *soft;
	unsigned index;
	pthread_t thread;

	/* Told by other threads; own cache line. */
	_Alignas(64) uint32_t exit_request; /* atomic and a futex: look around before the next block */
	uint32_t sip;			    /* atomic: IRQ_SSI and IRQ_SEI; STI is computed */
	uint32_t sleeping;		    /* atomic: the thread waits on exit_request */
	uint32_t in_guest;		    /* atomic: translations may be in use (fence.h) */
	uint32_t state;			    /* atomic: enum hart_state */
	int thread_id;			    /* atomic; 0 before the start */
	uint64_t start_pc, start_arg;	    /* valid while HART_STARTING */
	uint64_t deadline; /* under the clock's lock: CLOCK_MONOTONIC ns at which the timer thread kicks, UINT64_MAX
			      never */
	struct fence_queue fences;
};

/* The thread's main function; `arg` is the hart. */
void *hart_main(void *arg);

/* State at power-on, stopped. */
void hart_reset(struct hart *hart);

/* Makes the hart leave its block, or wake up, and look around. Any thread. */
void hart_kick(struct hart *hart);

/* Raises (or lowers) bits of sip. Any thread. */
void hart_set_irq(struct hart *hart, uint32_t bits, bool level);

/*
 * Brackets around what may take long or call out of the accelerator, such as an MMIO access: other harts need not wait
 * for this one in between, and the host's floating-point mode is its own. No translation read before may be used after.
 */
void hart_leave_guest(struct hart *hart);
void hart_enter_guest(struct hart *hart);

/* Sets stimecmp. */
void hart_set_timer(struct hart *hart, uint64_t ticks);

/* sip, by the timer's state as it was last looked at, and as it is now. */
uint32_t hart_pending(const struct hart *hart);
uint32_t hart_pending_now(struct hart *hart);

/* The interrupts that can be taken now. */
uint32_t hart_takeable(const struct hart *hart);

static inline bool hart_exit_requested(const struct hart *hart)
{
	return __builtin_expect(__atomic_load_n(&hart->exit_request, __ATOMIC_RELAXED) != 0, 0);
}
