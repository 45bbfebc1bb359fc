/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/soft.h - the software accelerator: harts, their common state and their coming to rest.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "accel/accel.h"
#include "accel/soft/clock.h"
#include "accel/soft/code.h"
#include "accel/soft/hart.h"
#include "accel/soft/ops.h"

#define SOFT_HARTS_MAX 8

struct soft {
	struct accel accel;
	struct ram *ram;
	const struct mmio_map *mmio;
	struct code_map code;
	struct clock clock;
	unsigned hart_count;
	struct hart *harts;
	char *jit_dump; /* path, or NULL */

	/* Coming to rest. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned started; /* threads that exist */
	unsigned resting; /* harts in soft_rest() */
	bool pausing;	  /* asked to rest; read without the lock by harts that were kicked */
	bool announce;	  /* paused() is owed */
	bool ending;
};

/* A hart thread's first step: says which Linux thread it is. soft_start() waits for all of them. */
void soft_arrive(struct hart *hart);

/* Rests as long as the VM is paused; false: the thread shall end. Hart threads, outside the guest. */
bool soft_rest(struct soft *soft);

static inline struct hart *soft_hart(struct soft *soft, uint64_t index)
{
	return index < soft->hart_count ? &soft->harts[index] : NULL;
}

/* The page of the RAM mapping that `host` is in. */
static inline uint32_t soft_page(const struct soft *soft, uint64_t host)
{
	return (host - (uint64_t)(uintptr_t)soft->ram->host) >> PAGE_SHIFT;
}
