/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/jit.h - blocks of ops as x86-64 code.
 *
 * Each block that runs is translated, op by op, each by a template. What a template does not cover bails: it leaves the
 * code with the op that is to go on, and the interpreter runs the rest of the block from there; so there is one account
 * of the rare and the exact. Code never contains guest addresses, for a block may be mapped at several.
 *
 * The code, its links and its jump table belong to the hart's thread alone, as the blocks do (cache.h): nothing here is
 * locked. Blocks are translated, linked and killed only between blocks, never while one of this hart runs. What other
 * threads have to say reaches the code through exit_request alone, which it reads at every jump backwards and every far
 * one; guest memory is shared as the guest shares it, by aligned moves and locked instructions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mortise/error.h>

struct block;
struct hart;

#define JIT_CACHE_MIN (UINT64_C(64) << 10)
#define JIT_CACHE_MAX (UINT64_C(1) << 30)
#define JIT_CACHE_DEFAULT (UINT64_C(16) << 20)

#define JIT_JUMPS 32768

/* struct jump (cache.h) for code: where a far jump to `pc` goes on while the TLB has `addend` for it. */
struct jit_jump {
	uint64_t pc, addend;
	uint64_t code;
	const struct block *block; /* which may be dead */
};

/* Why code came back. */
enum jit_exit {
	JIT_LOOK_UP, /* go on at hart->pc */
	JIT_FOLLOW,  /* jit.op is a near jump that was taken and has no link, or the hart is to look around */
	JIT_BAIL,    /* interpret from jit.op on */
};

struct jit {
	uint8_t *memory;   /* writable; NULL: no JIT */
	ptrdiff_t to_exec; /* from there to the same bytes' executable mapping */
	size_t size, used;
	size_t blocks_start; /* the fixed part ends here */
	enum jit_exit (*enter)(struct hart *hart, uint64_t code);
	uint32_t look_up, follow, bail; /* fixed code (entry.c), as offsets */
	uint32_t call_memory, call_atomic, call_csr;
	uint64_t page; /* the virtual page that the code runs at */
	struct op *op; /* enum jit_exit */
	struct jit_jump jumps[JIT_JUMPS];
};

/* Maps code memory of `size` bytes and writes the fixed code. The message says why not. */
int jit_init(struct hart *hart, size_t size, struct mortise_error *err);
void jit_destroy(struct hart *hart);

/* As interp_run(). */
void jit_run(struct hart *hart);

/* Forgets all code; follows the blocks' end. */
void jit_flush(struct hart *hart);

/* Has whoever jumps to a killed block look again. */
void jit_kill(struct hart *hart, const struct block *block);

/* Takes back what made a near jump go straight to another block. */
void jit_unlink(struct hart *hart, uint32_t site);

/* Writes the code memory as it is to a file, for `objdump -D -b binary -m i386:x86-64`. */
int jit_dump(const struct hart *hart, const char *path, struct mortise_error *err);
