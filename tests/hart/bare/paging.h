/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paging.h - Sv39 page tables.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define MEGAPAGE (UINT64_C(1) << 21)
#define GIGAPAGE (UINT64_C(1) << 30)

#define PTE_V (UINT64_C(1) << 0)
#define PTE_R (UINT64_C(1) << 1)
#define PTE_W (UINT64_C(1) << 2)
#define PTE_X (UINT64_C(1) << 3)
#define PTE_U (UINT64_C(1) << 4)
#define PTE_G (UINT64_C(1) << 5)
#define PTE_A (UINT64_C(1) << 6)
#define PTE_D (UINT64_C(1) << 7)
#define PTE_RW (PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)
#define PTE_RWX (PTE_RW | PTE_X)

#define SATP_SV39 (UINT64_C(8) << 60)
#define SATP_ASID_SHIFT 44

typedef uint64_t page_table[512];

/* An empty table from a pool, forever. */
uint64_t *new_table(void);

static inline uint64_t make_pte(uint64_t physical, uint64_t flags)
{
	return physical >> PAGE_SHIFT << 10 | flags;
}

/* The entry for an address at a level (2: gigapages, 0: pages); makes the tables above it. */
uint64_t *entry_at(uint64_t *root, uint64_t address, unsigned level);

/* Maps one page, megapage or gigapage. */
void map(uint64_t *root, uint64_t address, uint64_t physical, unsigned level, uint64_t flags);

/* A root with the UART and the memory one to one for S mode, from 0 to 4 GiB, by gigapages. */
uint64_t *new_root(void);

static inline uint64_t satp_of(const uint64_t *root, uint64_t asid)
{
	return SATP_SV39 | asid << SATP_ASID_SHIFT | (uint64_t)root >> PAGE_SHIFT;
}

static inline void fence_all(void)
{
	asm volatile("sfence.vma" : : : "memory");
}

static inline void fence_address(uint64_t address)
{
	asm volatile("sfence.vma %0" : : "r"(address) : "memory");
}

static inline void fence_asid(uint64_t asid)
{
	asm volatile("sfence.vma x0, %0" : : "r"(asid) : "memory");
}

static inline void fence_address_asid(uint64_t address, uint64_t asid)
{
	asm volatile("sfence.vma %0, %1" : : "r"(address), "r"(asid) : "memory");
}
