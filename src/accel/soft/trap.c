/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/trap.c - into the supervisor's trap handler and back. There is no machine mode: every trap is delegated.
 */
#include "accel/soft/trap.h"

#include "accel/soft/csr.h"
#include "accel/soft/hart.h"

void trap_raise(struct hart *hart, uint64_t cause, uint64_t value)
{
	uint64_t status = hart->status & ~(STATUS_SPP | STATUS_SPIE | STATUS_SIE);

	if (hart->priv == PRIV_S)
		status |= STATUS_SPP;
	if (hart->status & STATUS_SIE)
		status |= STATUS_SPIE;
	hart->status = status;
	hart->sepc = hart->pc;
	hart->scause = cause;
	hart->stval = value;
	hart->priv = PRIV_S;
	hart->reserved_size = 0;
	hart->pc = hart->stvec & ~UINT64_C(3);
	if (hart->stvec & 1 && cause & CAUSE_INTERRUPT)
		hart->pc += 4 * (cause & ~CAUSE_INTERRUPT);
	tlb_switch(hart);
}

void trap_interrupt(struct hart *hart)
{
	/* Most important first: external, software, timer. */
	static const uint8_t order[] = {9, 1, 5};
	uint32_t takeable = hart_takeable(hart);

	if (!takeable)
		return;
	for (unsigned i = 0; i < sizeof(order); i++)
		if (takeable >> order[i] & 1) {
			trap_raise(hart, CAUSE_INTERRUPT | order[i], 0);
			return;
		}
}

void trap_return(struct hart *hart)
{
	uint64_t status = hart->status;

	hart->priv = status & STATUS_SPP ? PRIV_S : PRIV_U;
	status &= ~(STATUS_SIE | STATUS_SPP);
	if (status & STATUS_SPIE)
		status |= STATUS_SIE;
	hart->status = status | STATUS_SPIE;
	hart->pc = hart->sepc;
	hart->reserved_size = 0;
	tlb_switch(hart);
}
