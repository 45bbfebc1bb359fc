/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/mem.h - loads, stores and atomics that the TLB does not answer at once: not translated yet, misaligned,
 * devices, pages that hold code.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "accel/soft/op.h"

struct hart;

/*
 * Executes a load or store op (OPS_MEM) in full; hart->pc is at it. False: it trapped, and hart->pc is at the handler.
 * Nothing was stored then, not even in part.
 */
bool mem_execute(struct hart *hart, const struct op *op);

/*
 * The host address for an atomic access of `size` bytes at `va`, for writing as well unless `read_only`; NULL when it
 * trapped. After a write mem_written() must follow.
 */
void *mem_atomic(struct hart *hart, uint64_t va, unsigned size, bool read_only);
void mem_written(struct hart *hart, const void *host, unsigned size);
