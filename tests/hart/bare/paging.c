/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paging.c - Sv39 page tables from a pool.
 */
#include "paging.h"

#include "cpu.h"

#define TABLES 96

uint64_t *new_table(void)
{
	static _Alignas(4096) page_table pool[TABLES];
	static unsigned used;

	if (used == TABLES)
		panic("out of page tables");
	return pool[used++];
}

uint64_t *entry_at(uint64_t *root, uint64_t address, unsigned level)
{
	uint64_t *table = root;

	for (unsigned at = 2; at > level; at--) {
		uint64_t *entry = &table[address >> (PAGE_SHIFT + 9 * at) & 511];

		if (!*entry)
			*entry = make_pte((uint64_t)new_table(), PTE_V);
		else if (*entry & (PTE_R | PTE_W | PTE_X))
			panic("a larger page is mapped there");
		table = (uint64_t *)(*entry >> 10 << PAGE_SHIFT);
	}
	return &table[address >> (PAGE_SHIFT + 9 * level) & 511];
}

void map(uint64_t *root, uint64_t address, uint64_t physical, unsigned level, uint64_t flags)
{
	*entry_at(root, address, level) = make_pte(physical, flags);
}

uint64_t *new_root(void)
{
	uint64_t *root = new_table();

	for (uint64_t address = 0; address < 4 * GIGAPAGE; address += GIGAPAGE)
		map(root, address, address, 2, PTE_RWX | PTE_G);
	return root;
}
