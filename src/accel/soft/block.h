/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/block.h - from guest code to blocks of ops: the front end of whatever executes them.
 */
#pragma once

#include <stdint.h>

#include "accel/soft/op.h"

struct hart;
struct block;

#define BLOCK_INSNS 64
#define BLOCK_BRANCHES 3
/* Each instruction an op, each branch a link as well, and the end one more of each. */
#define BLOCK_OPS (BLOCK_INSNS + BLOCK_BRANCHES + 3)

/*
 * All of these are called between blocks, with hart->pc at `pc`. They return NULL when the fetch trapped or the hart is
 * to look around first: hart->pc then says where to go on.
 *
 * block_enter() finds the ops to run at virtual address `pc`, decodes them if need be and remembers them as a jump
 * target.
 */
struct op *block_enter(struct hart *hart, uint64_t pc);

/* The block itself. */
struct block *block_look_up(struct hart *hart, uint64_t pc);

/* Where the block's page is in this process. */
uint64_t block_host(const struct hart *hart, const struct block *block);

/* As block_enter(), for the target of a near jump that has no link yet; links it if possible. */
struct op *block_follow(struct hart *hart, struct op *op, uint64_t pc);

/* The ops for the instruction at `pc` that lies in two pages. */
struct op *block_cross(struct hart *hart, uint64_t pc);
