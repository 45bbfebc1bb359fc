/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/tlb.c - banks, their replacement and what SFENCE.VMA takes out of them.
 */
#include "accel/soft/tlb.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/csr.h"
#include "accel/soft/hart.h"
#include "base/util.h"

int tlb_init(struct tlb *tlb)
{
	size_t size = TLB_CONTEXTS * sizeof(*tlb->banks);
	void *banks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (banks == MAP_FAILED)
		return -ENOMEM;
	tlb->banks = banks;
	tlb->epoch = 1;
	for (unsigned i = 0; i < TLB_CONTEXTS; i++)
		tlb->contexts[i].key = TLB_INVALID;
	return 0;
}

void tlb_destroy(struct tlb *tlb)
{
	if (tlb->banks)
		munmap(tlb->banks, TLB_CONTEXTS * sizeof(*tlb->banks));
	tlb->banks = NULL;
}

static void clear_bank(struct tlb_bank *bank)
{
	memset(bank->entries, 0xff, sizeof(bank->entries));
	memset(bank->huge_pages, 0, sizeof(bank->huge_pages));
	bank->giant_pages = 0;
	bank->local = false;
}

/* The context for `key`: the one it has, or the one that was unused longest, emptied. */
static unsigned find_context(struct tlb *tlb, uint64_t key)
{
	unsigned oldest = 0;

	if (tlb->contexts[tlb->current].key == key)
		return tlb->current;
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		if (tlb->contexts[i].key == key)
			return i;
		if (tlb->contexts[i].used < tlb->contexts[oldest].used)
			oldest = i;
	}
	tlb->contexts[oldest] = (struct tlb_context){.key = key};
	return oldest;
}

static unsigned bank_index(const struct hart *hart)
{
	bool mxr = hart->status & STATUS_MXR, sum = hart->status & STATUS_SUM;

	return hart->priv == PRIV_U ? mxr : 2 + sum + 2 * mxr;
}

void tlb_switch(struct hart *hart)
{
	struct tlb *tlb = &hart->tlb;
	uint64_t key = hart->satp >> SATP_MODE_SHIFT == SATP_SV39 ? SATP_ASID(hart->satp) : TLB_BARE;
	unsigned context = find_context(tlb, key), index = bank_index(hart);
	struct tlb_bank *bank = &tlb->banks[context][index];

	if (tlb->contexts[context].epoch[index] != tlb->epoch) {
		clear_bank(bank);
		tlb->contexts[context].epoch[index] = tlb->epoch;
	}
	tlb->current = context;
	tlb->contexts[context].used = ++tlb->clock;
	hart->bank = bank;
}

/* Filters keep the kernel's half of the address space apart from the user's. */
static unsigned huge_hash(uint64_t va)
{
	return (va >> 21 & 511) | va >> 63 << 9;
}

static unsigned giant_hash(uint64_t va)
{
	return (va >> 30 & 31) | va >> 63 << 5;
}

static void drop_entry(struct tlb_entry *entry)
{
	entry->read = entry->write = entry->exec = TLB_INVALID;
}

/* The page that an entry is for: any tag that is valid tells it. */
static uint64_t entry_page(const struct tlb_entry *entry)
{
	return MIN(MIN(entry->read, entry->write), entry->exec);
}

/* Drops the entries for the region of 1 << shift bytes around va (64: all), save global ones if these are spared. */
static void drop_region(struct tlb_bank *bank, uint64_t va, unsigned shift, bool spare_global)
{
	for (unsigned i = 0; i < TLB_ENTRIES; i++) {
		struct tlb_entry *entry = &bank->entries[i];

		if ((spare_global && bank->global[i]) || (shift < 64 && (entry_page(entry) ^ va) >> shift))
			continue;
		drop_entry(entry);
	}
}

/* Drops what was made from the leaf that maps `va`, which may be bigger than a page. */
static void drop_page(struct tlb_bank *bank, uint64_t va, bool spare_global)
{
	unsigned huge = huge_hash(va);
	struct tlb_entry *entry = tlb_entry(bank, va);

	if (bank->giant_pages >> giant_hash(va) & 1)
		drop_region(bank, va, 30, spare_global);
	else if (bank->huge_pages[huge / 64] >> huge % 64 & 1)
		drop_region(bank, va, 21, spare_global);
	else if ((entry_page(entry) ^ va) >> PAGE_SHIFT == 0 && !(spare_global && bank->global[entry - bank->entries]))
		drop_entry(entry);
}

/* A range of more pages than this is not worth looking up page by page. */
#define FLUSH_RANGE_MAX (64 * PAGE_SIZE)

static void flush_bank(struct tlb_bank *bank, const struct tlb_flush *flush)
{
	bool spare_global = flush->asid != UINT64_MAX;
	uint64_t first = flush->start & PAGE_MASK, span = flush->start - first + flush->size;

	if (flush->size > FLUSH_RANGE_MAX) {
		if (!spare_global || bank->local)
			drop_region(bank, 0, 64, spare_global);
		bank->local = false;
		return;
	}
	for (uint64_t offset = 0; offset < span; offset += PAGE_SIZE)
		drop_page(bank, first + offset, spare_global);
}

void tlb_flush(struct hart *hart, const struct tlb_flush *flush)
{
	struct tlb *tlb = &hart->tlb;

	tlb->flushes++;
	if (flush->size > FLUSH_RANGE_MAX && flush->asid == UINT64_MAX) {
		tlb->epoch++;
		tlb_switch(hart);
		return;
	}
	for (unsigned context = 0; context < TLB_CONTEXTS; context++) {
		struct tlb_context *c = &tlb->contexts[context];

		if (flush->asid != UINT64_MAX && c->key != flush->asid)
			continue;
		for (unsigned i = 0; i < TLB_BANKS; i++) {
			if (c->epoch[i] != tlb->epoch)
				continue;
			/* User banks have nothing that is worth sparing. */
			if (i < 2 && flush->size > FLUSH_RANGE_MAX && &tlb->banks[context][i] != hart->bank)
				c->epoch[i] = 0;
			else
				flush_bank(&tlb->banks[context][i], flush);
		}
	}
}

struct tlb_entry *tlb_fill(struct hart *hart, const struct tlb_fill *fill)
{
	struct tlb_bank *bank = hart->bank;
	struct tlb_entry *entry = tlb_entry(bank, fill->va);
	uint64_t tag = (fill->va & PAGE_MASK) | (fill->mmio ? TLB_MMIO : 0);

	entry->read = fill->read ? tag : TLB_INVALID;
	entry->write = fill->write ? tag | (fill->code ? TLB_CODE : 0) : TLB_INVALID;
	entry->exec = fill->exec && !fill->mmio ? tag : TLB_INVALID;
	entry->addend = fill->addend;
	bank->global[entry - bank->entries] = fill->global;
	bank->local |= !fill->global;
	if (fill->level == 1)
		bank->huge_pages[huge_hash(fill->va) / 64] |= UINT64_C(1) << huge_hash(fill->va) % 64;
	else if (fill->level == 2)
		bank->giant_pages |= UINT64_C(1) << giant_hash(fill->va);
	return entry;
}

/* Calls `visit` for each bank that has something in it. */
static void each_bank(struct tlb *tlb, void (*visit)(struct tlb_bank *bank, uint64_t argument), uint64_t argument)
{
	for (unsigned context = 0; context < TLB_CONTEXTS; context++)
		for (unsigned i = 0; i < TLB_BANKS; i++)
			if (tlb->contexts[context].epoch[i] == tlb->epoch)
				visit(&tlb->banks[context][i], argument);
}

static void mark_code(struct tlb_bank *bank, uint64_t host)
{
	for (unsigned i = 0; i < TLB_ENTRIES; i++) {
		struct tlb_entry *entry = &bank->entries[i];

		if ((entry->write & ~PAGE_MASK) == 0 && entry->write + entry->addend == host)
			entry->write |= TLB_CODE;
	}
}

void tlb_mark_code(struct hart *hart, uint64_t host)
{
	each_bank(&hart->tlb, mark_code, host);
}
