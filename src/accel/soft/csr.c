/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/csr.c - Zicsr instructions and the registers they reach.
 */
#include "accel/soft/csr.h"

#include "accel/soft/decode.h"
#include "accel/soft/fp.h"
#include "accel/soft/hart.h"
#include "accel/soft/soft.h"

/* SSIP alone can be written; counters that user mode may be given. */
#define SIP_WRITABLE IRQ_SSI
#define SENVCFG_WRITABLE 1 /* FIOM */
#define CAUSE_CODE_MASK (UINT64_C(1) << 63 | 0xff)

void csr_update_fp(struct hart *hart)
{
	uint64_t fs = hart->status & STATUS_FS;

	hart->fp_on = fs != 0;
	hart->fp_dirty = fs == STATUS_FS_DIRTY;
	hart->fp_ready = hart->fp_dirty && hart->frm <= RUP;
}

static bool counter_allowed(const struct hart *hart, unsigned csr)
{
	return hart->priv == PRIV_S || hart->scounteren >> (csr - CSR_CYCLE) & 1;
}

/* Reads; false: there is no such register, or not for this privilege. */
static bool read_csr(struct hart *hart, unsigned csr, unsigned retired, uint64_t *value)
{
	switch (csr) {
	case CSR_FFLAGS:
		*value = fp_flags();
		return hart->fp_on;
	case CSR_FRM:
		*value = hart->frm;
		return hart->fp_on;
	case CSR_FCSR:
		*value = hart->frm << 5 | fp_flags();
		return hart->fp_on;
	case CSR_CYCLE:
	case CSR_INSTRET:
		*value = hart->instret + retired;
		return counter_allowed(hart, csr);
	case CSR_TIME:
		*value = clock_ticks(&hart->soft->clock);
		return counter_allowed(hart, csr);
	case CSR_SSTATUS:
		*value = hart->status | STATUS_UXL_64 | (hart->fp_dirty ? STATUS_SD : 0);
		return true;
	case CSR_SIE:
		*value = hart->sie;
		return true;
	case CSR_STVEC:
		*value = hart->stvec;
		return true;
	case CSR_SCOUNTEREN:
		*value = hart->scounteren;
		return true;
	case CSR_SENVCFG:
		*value = hart->senvcfg;
		return true;
	case CSR_SSCRATCH:
		*value = hart->sscratch;
		return true;
	case CSR_SEPC:
		*value = hart->sepc;
		return true;
	case CSR_SCAUSE:
		*value = hart->scause;
		return true;
	case CSR_STVAL:
		*value = hart->stval;
		return true;
	case CSR_SIP:
		*value = hart_pending_now(hart);
		return true;
	case CSR_STIMECMP:
		*value = hart->stimecmp;
		return true;
	case CSR_SATP:
		*value = hart->satp;
		return true;
	default:
		return false;
	}
}

/* Whether an interrupt became possible; the hart then looks around at once. */
static enum csr_result after_irq_change(struct hart *hart)
{
	if (!hart_takeable(hart))
		return CSR_DONE;
	__atomic_store_n(&hart->exit_request, 1, __ATOMIC_RELAXED);
	return CSR_LEAVE;
}

static void write_frm(struct hart *hart, unsigned frm)
{
	hart->frm = frm;
	fp_set_rounding(frm <= RUP ? frm : RNE);
}

/* Any write to the floating-point CSRs makes the state dirty. */
static enum csr_result after_fp_change(struct hart *hart)
{
	hart->status |= STATUS_FS_DIRTY;
	csr_update_fp(hart);
	return CSR_DONE;
}

static enum csr_result write_status(struct hart *hart, uint64_t value)
{
	uint64_t changed = hart->status;

	hart->status = value & STATUS_WRITABLE;
	changed ^= hart->status;
	if (changed & (STATUS_SUM | STATUS_MXR))
		tlb_switch(hart);
	csr_update_fp(hart);
	return changed & STATUS_SIE ? after_irq_change(hart) : CSR_DONE;
}

/* An unsupported MODE leaves the register as it was. */
static enum csr_result write_satp(struct hart *hart, uint64_t value)
{
	uint64_t mode = value >> SATP_MODE_SHIFT;

	if (mode != 0 && mode != SATP_SV39)
		return CSR_DONE;
	hart->satp = value;
	tlb_switch(hart);
	return CSR_LEAVE;
}

/* Writes a register that read_csr() knows. */
static enum csr_result write_csr(struct hart *hart, unsigned csr, uint64_t value)
{
	switch (csr) {
	case CSR_FFLAGS:
		fp_set_flags(value & 31);
		return after_fp_change(hart);
	case CSR_FRM:
		write_frm(hart, value & 7);
		return after_fp_change(hart);
	case CSR_FCSR:
		fp_set_flags(value & 31);
		write_frm(hart, value >> 5 & 7);
		return after_fp_change(hart);
	case CSR_SSTATUS:
		return write_status(hart, value);
	case CSR_SIE:
		hart->sie = value & IRQ_ALL;
		return after_irq_change(hart);
	case CSR_STVEC:
		if (!(value & 2))
			hart->stvec = value;
		return CSR_DONE;
	case CSR_SCOUNTEREN:
		hart->scounteren = value & COUNTEREN_WRITABLE;
		return CSR_DONE;
	case CSR_SENVCFG:
		hart->senvcfg = value & SENVCFG_WRITABLE;
		return CSR_DONE;
	case CSR_SSCRATCH:
		hart->sscratch = value;
		return CSR_DONE;
	case CSR_SEPC:
		hart->sepc = value & ~UINT64_C(1);
		return CSR_DONE;
	case CSR_SCAUSE:
		hart->scause = value & CAUSE_CODE_MASK;
		return CSR_DONE;
	case CSR_STVAL:
		hart->stval = value;
		return CSR_DONE;
	case CSR_STIMECMP:
		hart_set_timer(hart, value);
		return after_irq_change(hart);
	case CSR_SATP:
		return write_satp(hart, value);
	default:
		return CSR_ILLEGAL;
	}
}

/* SSIP is set by other harts at any time: a read-modify-write must not lose that. */
static enum csr_result write_sip(struct hart *hart, unsigned funct3, uint64_t operand)
{
	bool set = funct3 == 1 ? operand & SIP_WRITABLE : funct3 == 2 && operand & SIP_WRITABLE;
	bool clear = funct3 == 1 ? !(operand & SIP_WRITABLE) : funct3 == 3 && operand & SIP_WRITABLE;

	if (set)
		__atomic_fetch_or(&hart->sip, SIP_WRITABLE, __ATOMIC_SEQ_CST);
	if (clear)
		__atomic_fetch_and(&hart->sip, ~SIP_WRITABLE, __ATOMIC_SEQ_CST);
	return after_irq_change(hart);
}

enum csr_result csr_execute(struct hart *hart, uint32_t insn, unsigned retired)
{
	unsigned csr = insn >> 20, funct3 = INSN_FUNCT3(insn) & 3, rd = INSN_RD(insn), rs1 = INSN_RS1(insn);
	uint64_t operand = INSN_FUNCT3(insn) & 4 ? rs1 : hart->x[rs1], old = 0, value;
	bool write = funct3 == 1 || rs1 != 0;
	enum csr_result result = CSR_DONE;

	/* Bits 9..8: the privilege needed; bits 11..10: read-only if both are set. */
	if ((csr >> 8 & 3) > hart->priv || (write && csr >> 10 == 3) || !read_csr(hart, csr, retired, &old))
		return CSR_ILLEGAL;
	if (write) {
		value = funct3 == 1 ? operand : funct3 == 2 ? old | operand : old & ~operand;
		result = csr == CSR_SIP ? write_sip(hart, funct3, operand) : write_csr(hart, csr, value);
	}
	if (rd)
		hart->x[rd] = old;
	return result;
}
