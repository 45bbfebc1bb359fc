/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp_system.h - part of interp_run(): fences, CSRs, environment calls, privileged instructions.
 */
/* These are labels and statements, which clang-format takes for declarations. */
/* clang-format off */

#define SUPERVISOR_ONLY(insn)                                                                                          \
	do {                                                                                                           \
		if (unlikely(hart->priv != PRIV_S))                                                                    \
			RAISE(CAUSE_ILLEGAL, insn);                                                                    \
	} while (0)

do_FENCE:
	if (IMM)
		host_fence();
	else
		host_barrier();
	NEXT();

do_FENCE_I:
	code_fence(hart);
	LEAVE();

do_ECALL:
	if (hart->priv == PRIV_U)
		RAISE(CAUSE_ECALL_U, 0);
	hart->pc = NEXT_PC;
	RETIRE();
	sbi_call(hart);
	goto enter;

do_EBREAK:
	RAISE(CAUSE_BREAKPOINT, PC);

do_SRET:
	SUPERVISOR_ONLY(0x10200073);
	RETIRE();
	trap_return(hart);
	if (hart_takeable(hart))
		__atomic_store_n(&hart->exit_request, 1, __ATOMIC_RELAXED);
	goto enter;

do_WFI:
	SUPERVISOR_ONLY(0x10500073);
	hart->waiting = true;
	hart->pc = NEXT_PC;
	RETIRE();
	return;

do_SFENCE_VMA:
{
	struct tlb_flush flush = { .size = UINT64_MAX, .asid = UINT64_MAX };

	SUPERVISOR_ONLY(0x12000073 | op->rs1 << 15 | op->rs2 << 20);
	if (op->rs1) {
		flush.start = RS1;
		flush.size = 1;
	}
	if (op->rs2)
		flush.asid = RS2 & 0xffff;
	tlb_flush(hart, &flush);
	LEAVE();
}

do_CSR:
	hart->pc = PC;
	switch (csr_execute(hart, IMM, op->count)) {
	case CSR_DONE:
		bank = hart->bank;
		NEXT();
	case CSR_LEAVE:
		LEAVE();
	case CSR_ILLEGAL:
		break;
	}
	RAISE(CAUSE_ILLEGAL, (uint32_t)IMM);

do_ILLEGAL:
	RAISE(CAUSE_ILLEGAL, (uint32_t)IMM);
