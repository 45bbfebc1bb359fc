/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/hart.c - the thread of a hart: running, waiting, being told things.
 */
#include "accel/soft/hart.h"

#include <limits.h>
#include <string.h>

#include "accel/soft/csr.h"
#include "accel/soft/fp.h"
#include "accel/soft/futex.h"
#include "accel/soft/interp.h"
#include "accel/soft/soft.h"
#include "accel/soft/trap.h"

void hart_reset(struct hart *hart)
{
	static const struct tlb_flush everything = {.size = UINT64_MAX, .asid = UINT64_MAX};

	memset(hart->x, 0, sizeof(hart->x));
	memset(hart->f, 0, sizeof(hart->f));
	hart->pc = hart->instret = 0;
	hart->priv = PRIV_S;
	hart->reserved_size = 0;
	hart->status = hart->sie = hart->stvec = hart->sscratch = hart->sepc = hart->scause = hart->stval = 0;
	hart->satp = hart->senvcfg = 0;
	hart->scounteren = COUNTEREN_WRITABLE; /* as firmware and KVM leave it: Linux counts on U-mode's rdtime */
	hart->stimecmp = UINT64_MAX;
	hart->frm = 0;
	hart->host_fp = FP_CONTROL_RESET;
	hart->waiting = hart->timer_due = false;
	csr_update_fp(hart);
	tlb_flush(hart, &everything);
	cache_flush(hart);
	memset(hart->cache.cross, 0, sizeof(hart->cache.cross));
	hart->sip = 0;
	hart->state = HART_STOPPED;
	clock_arm(hart, CLOCK_NEVER);
}

/*
 * Without a lock: who kicks writes exit_request and then reads `sleeping`, who goes to sleep writes `sleeping` and then
 * reads exit_request, all in one order for both. So one of them sees what the other wrote; and a kick that comes
 * between that and the futex call is seen by the call itself. Code that runs reads exit_request as it comes, soon
 * enough; what a kick is about was written before it, and is read behind the exchange in look_around().
 */
void hart_kick(struct hart *hart)
{
	__atomic_store_n(&hart->exit_request, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&hart->sleeping, __ATOMIC_SEQ_CST))
		futex_wake(&hart->exit_request, INT_MAX);
}

void hart_set_irq(struct hart *hart, uint32_t bits, bool level)
{
	if (!level)
		__atomic_fetch_and(&hart->sip, ~bits, __ATOMIC_SEQ_CST);
	else if (~__atomic_fetch_or(&hart->sip, bits, __ATOMIC_SEQ_CST) & bits)
		hart_kick(hart);
}

uint32_t hart_pending(const struct hart *hart)
{
	return __atomic_load_n(&hart->sip, __ATOMIC_ACQUIRE) | (hart->timer_due ? IRQ_STI : 0);
}

static void look_at_timer(struct hart *hart)
{
	hart->timer_due = hart->stimecmp != UINT64_MAX && clock_ticks(&hart->soft->clock) >= hart->stimecmp;
}

uint32_t hart_pending_now(struct hart *hart)
{
	look_at_timer(hart);
	return hart_pending(hart);
}

uint32_t hart_takeable(const struct hart *hart)
{
	if (hart->priv == PRIV_S && !(hart->status & STATUS_SIE))
		return 0;
	return hart_pending(hart) & hart->sie;
}

/* Has the timer thread kick this hart when its timer is due, unless that is now. */
static void arm_timer(struct hart *hart)
{
	look_at_timer(hart);
	if (hart->timer_due)
		return;
	clock_arm(hart,
		  hart->stimecmp == UINT64_MAX ? CLOCK_NEVER : clock_deadline(&hart->soft->clock, hart->stimecmp));
}

void hart_set_timer(struct hart *hart, uint64_t ticks)
{
	hart->stimecmp = ticks;
	arm_timer(hart);
}

/*
 * in_guest and a fence queue's `posted` are written and read crosswise like exit_request and `sleeping`: either who
 * asks sees the hart outside and does not wait, or the hart sees the question on its way in, before it uses a
 * translation.
 */
void hart_leave_guest(struct hart *hart)
{
	hart->host_fp = fp_leave();
	__atomic_store_n(&hart->in_guest, 0, __ATOMIC_SEQ_CST);
	fence_serve(hart);
}

void hart_enter_guest(struct hart *hart)
{
	__atomic_store_n(&hart->in_guest, 1, __ATOMIC_SEQ_CST);
	fence_serve(hart);
	fp_enter(hart->host_fp);
}

/* Waits until somebody kicks the hart or `deadline` has passed. Outside the guest. */
static void sleep_until(struct hart *hart, uint64_t deadline)
{
	__atomic_store_n(&hart->sleeping, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&hart->exit_request, __ATOMIC_SEQ_CST))
		futex_wait(&hart->exit_request, 0, deadline);
	__atomic_store_n(&hart->sleeping, 0, __ATOMIC_SEQ_CST);
}

/* WFI: until an enabled interrupt is pending, whether or not it can be taken. */
static void wait_for_interrupt(struct hart *hart)
{
	uint64_t deadline = CLOCK_NEVER;

	hart->waiting = false;
	if (hart_pending_now(hart) & hart->sie)
		return;
	if (hart->sie & IRQ_STI && hart->stimecmp != UINT64_MAX)
		deadline = clock_deadline(&hart->soft->clock, hart->stimecmp);
	/* This thread watches the time itself as long as it sleeps. */
	clock_arm(hart, CLOCK_NEVER);
	hart_leave_guest(hart);
	sleep_until(hart, deadline);
	hart_enter_guest(hart);
	arm_timer(hart);
}

/* Looks around between blocks; false: the hart shall leave the guest. */
static bool look_around(struct hart *hart)
{
	__atomic_exchange_n(&hart->exit_request, 0, __ATOMIC_SEQ_CST);
	look_at_timer(hart);
	fence_serve(hart);
	code_serve(hart);
	if (__atomic_load_n(&hart->soft->pausing, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&hart->state, __ATOMIC_RELAXED) != HART_STARTED)
		return false;
	trap_interrupt(hart);
	return true;
}

static void run(struct hart *hart)
{
	hart_enter_guest(hart);
	arm_timer(hart);
	while (look_around(hart)) {
		if (hart->jit.memory)
			jit_run(hart);
		else
			interp_run(hart);
		if (hart->waiting)
			wait_for_interrupt(hart);
	}
	hart_leave_guest(hart);
}

/* What another hart's SBI call asked for. */
static void start(struct hart *hart)
{
	hart->x[10] = hart->index;
	hart->x[11] = hart->start_arg;
	hart->pc = hart->start_pc;
	hart->priv = PRIV_S;
	hart->satp = 0;
	hart->status = 0;
	csr_update_fp(hart);
	tlb_switch(hart);
	__atomic_store_n(&hart->state, HART_STARTED, __ATOMIC_SEQ_CST);
}

void *hart_main(void *arg)
{
	struct hart *hart = arg;

	soft_arrive(hart);
	while (soft_rest(hart->soft)) {
		switch (__atomic_load_n(&hart->state, __ATOMIC_ACQUIRE)) {
		case HART_STARTING:
			start(hart);
			break;
		case HART_STARTED:
			accel_enter(&hart->soft->accel);
			run(hart);
			break;
		default:
			sleep_until(hart, CLOCK_NEVER);
			__atomic_store_n(&hart->exit_request, 0, __ATOMIC_SEQ_CST);
		}
	}
	return NULL;
}
