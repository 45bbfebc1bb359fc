/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/need.h - how much of each result of a block is needed: a register that is overwritten before anybody
 * can look at it need not be computed, and one of which only the lower half is read need not be sign-extended.
 *
 * Registers must be exact wherever code may be left: at jumps, at whatever may trap, at what the interpreter does.
 * The jump of a loop to its own block is the exception: the registers of which the loop itself reads the lower halves
 * alone are extended on the ways out of it.
 */
#pragma once

#include <stdint.h>

#include "accel/soft/block.h"

enum need { NEED_NONE, NEED_LOW, NEED_ALL };

struct needs {
	const struct op *ops;
	uint8_t result[BLOCK_OPS]; /* enum need of each op's rd */
	const struct op *loop;	   /* the last near jump to the block's own start, or NULL */
	bool loop_words;	   /* it compares words */
	uint64_t extend;	   /* registers to sign-extend where it is not taken to there */
};

void jit_find_needs(struct needs *needs, const struct block *block);

static inline enum need jit_need(const struct needs *needs, const struct op *op)
{
	return needs->result[op - needs->ops];
}
