/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/mmu.c - Sv39 ("Supervisor-Level ISA", privileged specification, chapter 12): the walk and the TLB's
 * filling.
 */
#include "accel/soft/mmu.h"

#include "accel/soft/csr.h"
#include "accel/soft/hart.h"
#include "accel/soft/soft.h"
#include "accel/soft/trap.h"
#include "base/mmio.h"
#include "base/ram.h"

#define PTE_V (UINT64_C(1) << 0)
#define PTE_R (UINT64_C(1) << 1)
#define PTE_W (UINT64_C(1) << 2)
#define PTE_X (UINT64_C(1) << 3)
#define PTE_U (UINT64_C(1) << 4)
#define PTE_G (UINT64_C(1) << 5)
#define PTE_A (UINT64_C(1) << 6)
#define PTE_D (UINT64_C(1) << 7)
#define PTE_PPN(pte) ((pte) >> 10 & SATP_PPN_MASK)
#define PTE_RESERVED (UINT64_MAX << 54) /* Svnapot and Svpbmt are not there */

enum walk_result { WALK_DONE, WALK_PAGE_FAULT, WALK_ACCESS_FAULT, WALK_AGAIN };

struct leaf {
	uint64_t pte;
	unsigned level;
	bool global;
};

static bool allowed(const struct hart *hart, uint64_t pte, enum mmu_access access)
{
	bool user_page = pte & PTE_U;

	if (hart->priv == PRIV_U ? !user_page : user_page && (access == MMU_EXEC || !(hart->status & STATUS_SUM)))
		return false;
	switch (access) {
	case MMU_READ:
		return pte & PTE_R || (pte & PTE_X && hart->status & STATUS_MXR);
	case MMU_WRITE:
		return pte & PTE_W;
	default:
		return pte & PTE_X;
	}
}

/* Checks a leaf and sets its accessed and dirty bits. */
static enum walk_result accept_leaf(struct hart *hart, uint64_t *at, struct leaf *leaf, enum mmu_access access)
{
	uint64_t pte = leaf->pte, want = pte | PTE_A | (access == MMU_WRITE ? PTE_D : 0);

	if ((pte & (PTE_R | PTE_W)) == PTE_W || PTE_PPN(pte) & ((UINT64_C(1) << 9 * leaf->level) - 1) ||
	    !allowed(hart, pte, access))
		return WALK_PAGE_FAULT;
	if (want != pte) {
		if (!__atomic_compare_exchange_n(at, &pte, want, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return WALK_AGAIN;
		code_written(hart->soft, soft_page(hart->soft, (uintptr_t)at), (uintptr_t)at & ~PAGE_MASK, sizeof(*at));
		leaf->pte = want;
	}
	return WALK_DONE;
}

static enum walk_result walk(struct hart *hart, uint64_t va, enum mmu_access access, struct leaf *leaf)
{
	uint64_t table = (hart->satp & SATP_PPN_MASK) << PAGE_SHIFT;

	/* Bits 63..39 repeat bit 38. */
	if ((uint64_t)((int64_t)(va << 25) >> 25) != va)
		return WALK_PAGE_FAULT;
	leaf->global = false;
	for (unsigned level = 2;; level--) {
		uint64_t *at = ram_at(hart->soft->ram, table + (va >> (PAGE_SHIFT + 9 * level) & 511) * 8, 8);
		uint64_t pte;

		if (!at)
			return WALK_ACCESS_FAULT;
		pte = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		if (!(pte & PTE_V) || pte & PTE_RESERVED)
			return WALK_PAGE_FAULT;
		leaf->global |= !!(pte & PTE_G);
		if (pte & (PTE_R | PTE_W | PTE_X)) {
			leaf->pte = pte;
			leaf->level = level;
			return accept_leaf(hart, at, leaf, access);
		}
		if (level == 0 || pte & (PTE_U | PTE_A | PTE_D))
			return WALK_PAGE_FAULT;
		table = PTE_PPN(pte) << PAGE_SHIFT;
	}
}

static void raise(struct hart *hart, uint64_t va, enum mmu_access access, bool page_fault)
{
	static const uint8_t causes[3][2] = {
		[MMU_READ] = {CAUSE_LOAD_ACCESS, CAUSE_LOAD_PAGE},
		[MMU_WRITE] = {CAUSE_STORE_ACCESS, CAUSE_STORE_PAGE},
		[MMU_EXEC] = {CAUSE_INSN_ACCESS, CAUSE_INSN_PAGE},
	};

	trap_raise(hart, causes[access][page_fault], va);
}

/* Enters va -> gpa, which is memory or perhaps MMIO; what else it is turns out at the access. */
static const struct tlb_entry *fill(struct hart *hart, uint64_t gpa, struct tlb_fill *fill)
{
	struct soft *soft = hart->soft;
	uint64_t host = (uintptr_t)ram_at(soft->ram, gpa & PAGE_MASK, PAGE_SIZE);

	if (host) {
		fill->addend = host - (fill->va & PAGE_MASK);
		fill->code = !code_page_clean(&soft->code, soft_page(soft, host));
	} else {
		fill->addend = gpa - fill->va;
		fill->mmio = true;
	}
	return tlb_fill(hart, fill);
}

static const struct tlb_entry *fill_bare(struct hart *hart, uint64_t va)
{
	struct tlb_fill entry = {.va = va, .read = true, .write = true, .exec = true, .global = true};

	return fill(hart, va, &entry);
}

static const struct tlb_entry *fill_leaf(struct hart *hart, uint64_t va, const struct leaf *leaf)
{
	uint64_t in_leaf = (PAGE_SIZE << 9 * leaf->level) - 1;
	uint64_t gpa = (PTE_PPN(leaf->pte) << PAGE_SHIFT & ~in_leaf) | (va & in_leaf);
	struct tlb_fill entry = {
		.va = va,
		.read = allowed(hart, leaf->pte, MMU_READ),
		/* The first write must set the dirty bit. */
		.write = allowed(hart, leaf->pte, MMU_WRITE) && leaf->pte & PTE_D,
		.exec = allowed(hart, leaf->pte, MMU_EXEC),
		.global = leaf->global,
		.level = leaf->level,
	};

	return fill(hart, gpa, &entry);
}

static uint64_t entry_tag(const struct tlb_entry *entry, enum mmu_access access)
{
	return access == MMU_READ ? entry->read : access == MMU_WRITE ? entry->write : entry->exec;
}

const struct tlb_entry *mmu_translate(struct hart *hart, uint64_t va, enum mmu_access access)
{
	const struct tlb_entry *entry = tlb_entry(hart->bank, va);
	enum walk_result result;
	struct leaf leaf;

	if ((entry_tag(entry, access) & ~TLB_FLAGS) == (va & PAGE_MASK))
		return entry;
	if (hart->satp >> SATP_MODE_SHIFT != SATP_SV39)
		return fill_bare(hart, va);
	do
		result = walk(hart, va, access, &leaf);
	while (result == WALK_AGAIN);
	if (result != WALK_DONE) {
		raise(hart, va, access, result == WALK_PAGE_FAULT);
		return NULL;
	}
	return fill_leaf(hart, va, &leaf);
}

const struct tlb_entry *mmu_fetch(struct hart *hart, uint64_t va)
{
	const struct tlb_entry *entry = mmu_translate(hart, va, MMU_EXEC);

	if (entry && entry->exec == TLB_INVALID) {
		raise(hart, va, MMU_EXEC, false);
		return NULL;
	}
	return entry;
}
