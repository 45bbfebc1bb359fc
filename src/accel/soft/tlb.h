/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/tlb.h - a hart's translations: one bank of them for each way in which an access can be judged.
 *
 * A bank holds what is valid under one address space (satp's ASID, or no translation), one privilege and one setting of
 * SUM and MXR, so that a trap, a satp write or a user access from the kernel swaps a pointer and flushes nothing. Only
 * the hart's own thread touches its TLB; what others want flushed they ask for (fence.h). Invalid translations are
 * never kept.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hart;

#define TLB_ENTRIES 1024
#define TLB_CONTEXTS 16
#define TLB_BANKS 6 /* user: MXR; supervisor: SUM and MXR */

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

/*
 * A tag is the virtual page's address where the access is allowed and may go straight to memory. An access compares it
 * with its address, keeping the low bits that must be zero for natural alignment, so that one comparison checks all.
 * Other low bits in a tag make it never match, and say why:
 */
#define TLB_INVALID UINT64_MAX
#define TLB_CODE UINT64_C(0x800) /* allowed, but the page holds decoded code: writes must be told */
#define TLB_MMIO UINT64_C(0x400) /* allowed, but not memory: `addend` leads to the guest-physical address */
#define TLB_FLAGS (TLB_CODE | TLB_MMIO)

struct tlb_entry {
	uint64_t read, write, exec; /* tags */
	uint64_t addend;	    /* host (TLB_MMIO: guest-physical) address minus virtual address */
};

struct tlb_bank {
	struct tlb_entry entries[TLB_ENTRIES];
	uint8_t global[TLB_ENTRIES];
	uint64_t huge_pages[16]; /* filter: hashes of 2 MiB regions with entries made from bigger leaves */
	bool local;		 /* has, or had, entries that are not global */
	uint64_t giant_pages;	 /* the same for 1 GiB regions */
};

struct tlb_context {
	uint64_t key;		   /* ASID, or TLB_BARE */
	uint64_t used;		   /* when last switched to, for replacement */
	uint64_t epoch[TLB_BANKS]; /* a bank is stale, to be cleared before use, where this is not the TLB's */
};

#define TLB_BARE UINT64_C(0x10000)

struct tlb {
	struct tlb_context contexts[TLB_CONTEXTS];
	struct tlb_bank (*banks)[TLB_BANKS];
	unsigned current; /* context */
	uint64_t epoch, clock;
	uint64_t flushes; /* counts every flush: whoever translated before one and uses the result after it looks again
			   */
};

/* What is to be forgotten; ranges are of virtual addresses. */
struct tlb_flush {
	uint64_t start, size; /* size UINT64_MAX: everything */
	uint64_t asid;	      /* UINT64_MAX: all, global entries included; otherwise global entries stay */
};

struct tlb_fill {
	uint64_t va, addend;
	bool read, write, exec, global, mmio, code;
	unsigned level; /* of the leaf: 0 4 KiB, 1 2 MiB, 2 1 GiB */
};

/* `banks` is mapped lazily; -ENOMEM. */
int tlb_init(struct tlb *tlb);
void tlb_destroy(struct tlb *tlb);

/* Makes hart->bank the one for the hart's satp, privilege, SUM and MXR. */
void tlb_switch(struct hart *hart);

void tlb_flush(struct hart *hart, const struct tlb_flush *flush);

/* Enters a translation into the hart's present bank. */
struct tlb_entry *tlb_fill(struct hart *hart, const struct tlb_fill *fill);

/* The page at `host` now holds code: makes this hart's writes to it take the slow path, by whatever address. */
void tlb_mark_code(struct hart *hart, uint64_t host);

static inline struct tlb_entry *tlb_entry(struct tlb_bank *bank, uint64_t va)
{
	return &bank->entries[va >> PAGE_SHIFT & (TLB_ENTRIES - 1)];
}
