/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/translate.h - what the templates share: the block under translation and its out-of-line stubs.
 */
#pragma once

#include "accel/soft/jit/map.h"
#include "accel/soft/jit/need.h"

/* No block's code is longer. */
#define JIT_BLOCK_MAX (UINT64_C(24) << 10)
#define JIT_STUBS 512

enum fp_known { FP_UNKNOWN, FP_KNOWN_ON, FP_KNOWN_DIRTY, FP_KNOWN_READY };

enum stub_kind {
	STUB_BAIL,   /* the interpreter goes on from `op` */
	STUB_MEMORY, /* mem_execute(), then on at `back` */
	STUB_GROUP,  /* the ops from `op` to `end` one by one, then on at `back` */
	STUB_TAKEN,  /* the near jump `op` is taken */
	STUB_FAR,    /* the far jump `op` is taken */
};

struct stub {
	enum stub_kind kind;
	uint8_t *from; /* the jump that leads here */
	const uint8_t *back;
	struct op *op, *end;
	enum fp_known fp; /* when the jump was written */
};

struct translation {
	struct assembler a;
	struct jit *jit;
	uintptr_t arena; /* of the ops */
	struct needs needs;
	struct op *op;	  /* under translation */
	enum fp_known fp; /* what was tested before in this block */
	unsigned held;	  /* where the code stands at `held_at`, RAX is what this guest register's memory is */
	const uint8_t *held_at;
	struct stub stubs[JIT_STUBS];
	unsigned stub_count;
};

/* The code of `block`, as an address to enter; 0 when the cache was full and is empty now, the block gone with it. */
uint64_t jit_translate(struct hart *hart, struct block *block);

/* A template writes code for t->op; false: there is none for it. */
bool jit_int(struct translation *t);
bool jit_mem(struct translation *t);
bool jit_fp(struct translation *t);
bool jit_flow(struct translation *t);

/*
 * Writes code for several ops from t->op on that access memory off the same register; returns the op behind them, NULL
 * if there is no such group.
 */
struct op *jit_group(struct translation *t);

/* The rest of a taken jump, behind the test of its condition. */
void jit_take_near(struct translation *t, struct op *op);
void jit_take_far(struct translation *t, struct op *op);

/* The jump that ends at `from` leads to a stub for the present op. */
void jit_stub(struct translation *t, enum stub_kind kind, uint8_t *from, const uint8_t *back);

/* The same for the ops from the present one to `end`. */
void jit_stub_group(struct translation *t, uint8_t *from, struct op *end);

/* Has the interpreter go on from the present op. */
void jit_bail(struct translation *t);

static inline void jit_bail_if(struct translation *t, enum host_cond cond)
{
	jit_stub(t, STUB_BAIL, asm_jcc(&t->a, cond), NULL);
}

static inline const uint8_t *jit_fixed(const struct translation *t, uint32_t offset)
{
	return t->jit->memory + offset;
}

/* Floating-point code comes behind the test that the registers' state (hart.h) allows it. */
void jit_fp_need(struct translation *t, enum fp_known state);

/* RAX = how fixed code is told of `op`: its place in the arena. */
void jit_load_op(struct translation *t, const struct op *op);

/* Calls fixed code with the present op. */
void jit_call(struct translation *t, uint32_t fixed);

/* x[reg] in a register: its own, or `scratch` loaded with it. */
enum host_reg jit_use(struct translation *t, unsigned reg, enum host_reg scratch);

/* `to` = x[reg]. */
void jit_load(struct translation *t, enum host_reg to, unsigned reg);

/* Whether RAX is x[reg], which is not pinned. */
static inline bool jit_held(const struct translation *t, unsigned reg)
{
	return t->held_at == t->a.at && t->held == reg;
}

/* Code comes here from elsewhere as well: nothing is known of RAX. */
static inline void jit_forget(struct translation *t)
{
	t->held_at = NULL;
}

/* `to` = the page's address plus `offset`, by way of RCX if that is great. */
void jit_page_plus(struct translation *t, enum host_reg to, int64_t offset);

/* Where to compute what jit_put() then makes x[reg]: its own register, or RAX. */
enum host_reg jit_target(unsigned reg);
void jit_put(struct translation *t, unsigned reg, enum host_reg from);
