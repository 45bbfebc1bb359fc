/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocations.c - malloc() and its like, as plugins find them: libc's, counted and made to fail.
 */
#include "interpose.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "calls.h"

#if INTERPOSED

/* --- blocks of the plugin's, by address --- */

#define SLOTS (UINT32_C(1) << 16)
#define NEXT(i) (((i) + 1) & (SLOTS - 1))

/* Open addressing; each block lies between its home and the next free slot. */
static struct block {
	void *address; /* NULL: free */
	size_t size;
} blocks[SLOTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct allocations live;
static _Atomic uint64_t countdown;
static atomic_bool failed;

static uint32_t home_of(const void *address)
{
	return (uint32_t)(((uintptr_t)address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48) & (SLOTS - 1);
}

/* Where the block is, or could be put. */
static uint32_t find(const void *address)
{
	uint32_t i = home_of(address);

	while (blocks[i].address && blocks[i].address != address)
		i = NEXT(i);
	return i;
}

/* Later blocks move up where that brings them nearer to their homes. */
static void take_out(uint32_t hole)
{
	for (uint32_t i = NEXT(hole); blocks[i].address; i = NEXT(i)) {
		if (((i - home_of(blocks[i].address)) & (SLOTS - 1)) < ((i - hole) & (SLOTS - 1)))
			continue;
		blocks[hole] = blocks[i];
		hole = i;
	}
	blocks[hole].address = NULL;
}

/* Of a plugin that has more blocks than this keeps count of, the rest go uncounted. */
static void remember(void *address, size_t size)
{
	if (!address || !call_inside())
		return;
	pthread_mutex_lock(&lock);
	if (live.blocks < SLOTS / 2) {
		blocks[find(address)] = (struct block){address, size};
		live.blocks++;
		live.bytes += size;
	}
	pthread_mutex_unlock(&lock);
}

static void forget(const void *address)
{
	uint32_t i;

	if (!address)
		return;
	pthread_mutex_lock(&lock);
	i = find(address);
	if (blocks[i].address) {
		live.blocks--;
		live.bytes -= blocks[i].size;
		take_out(i);
	}
	pthread_mutex_unlock(&lock);
}

struct allocations allocations_live(void)
{
	struct allocations now;

	pthread_mutex_lock(&lock);
	now = live;
	pthread_mutex_unlock(&lock);
	return now;
}

void allocations_fail(uint64_t nth)
{
	atomic_store(&failed, false);
	atomic_store(&countdown, nth);
}

bool allocations_failed(void)
{
	return atomic_load(&failed);
}

/* Whether this allocation is the one that is to fail. */
static bool denied(void)
{
	if (!call_inside() || !atomic_load(&countdown) || atomic_fetch_sub(&countdown, 1) != 1)
		return false;
	atomic_store(&failed, true);
	errno = ENOMEM;
	return true;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *address);

EXPORT void *malloc(size_t size)
{
	void *address = denied() ? NULL : __libc_malloc(size);

	remember(address, size);
	return address;
}

EXPORT void *calloc(size_t count, size_t size)
{
	void *address = denied() ? NULL : __libc_calloc(count, size);

	remember(address, count * size);
	return address;
}

EXPORT void *realloc(void *old, size_t size)
{
	void *address;

	if (denied())
		return NULL;
	forget(old);
	address = __libc_realloc(old, size);
	remember(address || !size ? address : old, size);
	return address;
}

EXPORT void *reallocarray(void *old, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, count * size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	void *address = denied() ? NULL : __libc_memalign(alignment, size);

	remember(address, size);
	return address;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *address = memalign(alignment, size);

	if (!address)
		return ENOMEM;
	*out = address;
	return 0;
}

EXPORT void free(void *address)
{
	forget(address);
	__libc_free(address);
}

#else

struct allocations allocations_live(void)
{
	return (struct allocations){0};
}

void allocations_fail(uint64_t nth)
{
}

bool allocations_failed(void)
{
	return false;
}

#endif
