/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/csr.h - control and status registers: their numbers, fields and access by the guest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hart;

/* scounteren's bits: cycle, time, instret. */
#define COUNTEREN_WRITABLE 7

enum csr_number {
	CSR_FFLAGS = 0x001,
	CSR_FRM = 0x002,
	CSR_FCSR = 0x003,
	CSR_SSTATUS = 0x100,
	CSR_SIE = 0x104,
	CSR_STVEC = 0x105,
	CSR_SCOUNTEREN = 0x106,
	CSR_SENVCFG = 0x10a,
	CSR_SSCRATCH = 0x140,
	CSR_SEPC = 0x141,
	CSR_SCAUSE = 0x142,
	CSR_STVAL = 0x143,
	CSR_SIP = 0x144,
	CSR_STIMECMP = 0x14d,
	CSR_SATP = 0x180,
	CSR_CYCLE = 0xc00,
	CSR_TIME = 0xc01,
	CSR_INSTRET = 0xc02,
};

#define STATUS_SIE (UINT64_C(1) << 1)
#define STATUS_SPIE (UINT64_C(1) << 5)
#define STATUS_SPP (UINT64_C(1) << 8)
#define STATUS_FS (UINT64_C(3) << 13)
#define STATUS_FS_DIRTY STATUS_FS
#define STATUS_SUM (UINT64_C(1) << 18)
#define STATUS_MXR (UINT64_C(1) << 19)
#define STATUS_UXL_64 (UINT64_C(2) << 32)
#define STATUS_SD (UINT64_C(1) << 63)
#define STATUS_WRITABLE (STATUS_SIE | STATUS_SPIE | STATUS_SPP | STATUS_FS | STATUS_SUM | STATUS_MXR)

/* Interrupts: bits of sip and sie. */
#define IRQ_SSI (1u << 1)
#define IRQ_STI (1u << 5)
#define IRQ_SEI (1u << 9)
#define IRQ_ALL (IRQ_SSI | IRQ_STI | IRQ_SEI)

#define SATP_MODE_SHIFT 60
#define SATP_SV39 8
#define SATP_ASID(satp) ((satp) >> 44 & 0xffff)
#define SATP_PPN_MASK ((UINT64_C(1) << 44) - 1)

enum csr_result {
	CSR_DONE,
	CSR_LEAVE, /* done, and what follows must be looked up anew or may be interrupted */
	CSR_ILLEGAL,
};

/* Executes one Zicsr instruction. `retired` counts the instructions that ran since hart->instret was brought up to
 * date. */
enum csr_result csr_execute(struct hart *hart, uint32_t insn, unsigned retired);

/* To be called whenever FS or frm changed: sets what the interpreter tests. */
void csr_update_fp(struct hart *hart);
