/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/facts.h - what is known of the registers' values from the instructions that came before in a block.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "accel/soft/op.h"

/* Sets of registers, by bit. */
struct facts {
	uint64_t word;	/* is the sign extension of its lower half */
	uint64_t small; /* from 0 to INT32_MAX; these are words, too */
};

/* At a block's start: x0 alone. */
#define FACTS_NONE ((struct facts){.word = 1, .small = 1})

static inline bool fact_word(const struct facts *facts, unsigned reg)
{
	return facts->word >> reg & 1;
}

static inline bool fact_small(const struct facts *facts, unsigned reg)
{
	return facts->small >> reg & 1;
}

/* Goes on behind `op`. */
void facts_after(struct facts *facts, const struct op *op);

/* The op's result is a sign-extended word, whatever it is made of, and made of the operands' lower halves alone. */
bool op_is_word(const struct op *op);
