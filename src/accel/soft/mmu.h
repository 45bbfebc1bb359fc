/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/mmu.h - Sv39: walking page tables, filling the TLB. Accessed and dirty bits are set in hardware (Svade's
 * opposite, Svadu), by compare-and-swap.
 */
#pragma once

#include <stdint.h>

#include "accel/soft/tlb.h"

struct hart;

enum mmu_access { MMU_READ, MMU_WRITE, MMU_EXEC };

/*
 * The TLB entry that allows `access` at `va`, filled now if need be (its tag may have flags set); NULL when it took a
 * trap. The entry is good until the next call.
 */
const struct tlb_entry *mmu_translate(struct hart *hart, uint64_t va, enum mmu_access access);

/* The same for an instruction fetch, which wants memory. */
const struct tlb_entry *mmu_fetch(struct hart *hart, uint64_t va);
