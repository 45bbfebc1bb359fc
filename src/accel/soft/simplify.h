/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/simplify.h - makes do with less for what an instruction comes to behind the others of its block: constants
 * and addresses put together of two, rotations and extensions made of two shifts, sign extensions of what has its sign
 * already.
 *
 * Registers hold what they would behind each instruction by itself, but for one that was merged with the next, between
 * which nothing can trap.
 */
#pragma once

#include "accel/soft/facts.h"

struct simplifier {
	const struct op *ops; /* the block so far */
	struct facts facts;
	int16_t writer[REG_COUNT]; /* which of them wrote the register last, -1: none */
};

void simplify_start(struct simplifier *s, const struct op *ops);

/* The op that is to be the block's `index`th. True: it does the work of the one before as well and takes its place. */
bool simplify(struct simplifier *s, struct op *op, unsigned index);
