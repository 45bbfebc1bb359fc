/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/jit.c - running code: from exit to entry, translating and linking on the way.
 */
#include "accel/soft/jit/jit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accel/soft/block.h"
#include "accel/soft/interp.h"
#include "accel/soft/jit/entry.h"
#include "accel/soft/jit/memory.h"
#include "accel/soft/jit/translate.h"
#include "accel/soft/mmu.h"
#include "base/cleanup.h"

int jit_init(struct hart *hart, size_t size, struct mortise_error *err)
{
	struct jit *jit = &hart->jit;
	uint8_t *write, *exec;
	int r = jit_memory_map(&write, &exec, size, err);

	if (r < 0)
		return r;
	jit->memory = write;
	jit->to_exec = exec - write;
	jit->size = size;
	jit_write_entry(hart);
	jit_flush(hart);
	return 0;
}

void jit_destroy(struct hart *hart)
{
	struct jit *jit = &hart->jit;

	if (jit->memory)
		jit_memory_unmap(jit->memory, jit->memory + jit->to_exec, jit->size);
	jit->memory = NULL;
}

void jit_flush(struct hart *hart)
{
	struct jit *jit = &hart->jit;

	jit->used = (jit->blocks_start + 15) & ~(size_t)15;
	/* An odd pc is none that a jump can ask for. */
	memset(jit->jumps, 0xff, sizeof(jit->jumps));
}

void jit_kill(struct hart *hart, const struct block *block)
{
	struct jit *jit = &hart->jit;
	struct assembler a;

	if (!block->code)
		return;
	/* Only far jumps still come here, and they have set hart->pc. */
	a.at = (uint8_t *)(uintptr_t)(block->code - (uint64_t)jit->to_exec);
	asm_jmp_to(&a, jit->memory + jit->look_up);
}

void jit_unlink(struct hart *hart, uint32_t site)
{
	uint8_t *distance = hart->jit.memory + site;

	asm_land(distance, distance + 4);
}

static void link_code(struct hart *hart, struct op *op, struct block *target)
{
	struct jit *jit = &hart->jit;

	cache_link(&hart->cache, op, target);
	asm_land(jit->memory + op_link(op)->site, (uint8_t *)(uintptr_t)(target->code - (uint64_t)jit->to_exec));
}

static struct jit_jump *jump_slot(struct hart *hart, uint64_t pc)
{
	return &hart->jit.jumps[pc >> 1 & (JIT_JUMPS - 1)];
}

/* The code at hart->pc, entered into the jump table; 0 when the hart is to look around first, or trapped. */
static uint64_t find_code(struct hart *hart)
{
	uint64_t pc = hart->pc, code;
	struct jit_jump *jump = jump_slot(hart, pc);
	const struct tlb_entry *entry = mmu_fetch(hart, pc);
	struct block *block;

	if (!entry)
		return 0;
	/* Traps come back to where they came from, and often it was only the translation that was missing. */
	if (jump->pc == pc && jump->addend == entry->addend && jump->block->ops[0].code != OP_DEAD)
		return jump->code;
	block = block_look_up(hart, pc);
	if (!block)
		return 0;
	code = jit_translate(hart, block);
	if (code)
		*jump = (struct jit_jump){pc, block_host(hart, block) - (pc & PAGE_MASK), code, block};
	return code;
}

/* The code where the near jump `op` goes, linked if possible; 0 as above. */
static uint64_t follow(struct hart *hart, struct op *op)
{
	uint64_t generation = hart->cache.generation, page = near_page(op), code;
	struct block *block;

	hart->pc = hart->jit.page + near_offset(op);
	block = block_look_up(hart, hart->pc);
	code = block ? jit_translate(hart, block) : 0;
	/* The source may be gone, or the virtual page may have come to mean another. */
	if (code && hart->cache.generation == generation && block->page == page)
		link_code(hart, op, block);
	return code;
}

void jit_run(struct hart *hart)
{
	struct jit *jit = &hart->jit;
	uint64_t code = 0;

	while (!hart_exit_requested(hart)) {
		if (!code)
			code = find_code(hart);
		if (!code)
			continue;
		jit->page = hart->pc & PAGE_MASK;
		switch (jit->enter(hart, code)) {
		case JIT_LOOK_UP:
			code = 0;
			break;
		case JIT_FOLLOW:
			code = follow(hart, jit->op);
			break;
		case JIT_BAIL:
			hart->pc = jit->page;
			interp_rest(hart, jit->op);
			if (hart->waiting)
				return;
			code = 0;
		}
	}
}

int jit_dump(const struct hart *hart, const char *path, struct mortise_error *err)
{
	const struct jit *jit = &hart->jit;
	_cleanup_fclose_ FILE *file = fopen(path, "we");

	if (!file || fwrite(jit->memory, 1, jit->used, file) != jit->used)
		return mortise_fail(err, -errno, "The code cannot be written to '%s': %s", path, strerror(errno));
	return 0;
}
