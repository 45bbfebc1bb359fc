/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpose.c - functions of libc that plugins call.
 */
#include "interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "board.h"
#include "calls.h"

#define EXPORT __attribute__((visibility("default")))

/* --- blocks of the plugin's, by address --- */

#define SLOTS (UINT32_C(1) << 16)

static struct block {
	void *address; /* NULL: free; TAKEN: was freed */
	size_t size;
} blocks[SLOTS];

#define TAKEN ((void *)1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct allocations live;
static _Atomic uint64_t countdown;
static atomic_bool failed;

static uint32_t slot_of(const void *address)
{
	return (uint32_t)(((uintptr_t)address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48) & (SLOTS - 1);
}

static struct block *find(void *address)
{
	for (uint32_t i = slot_of(address), n = 0; n < SLOTS && blocks[i].address; i = (i + 1) & (SLOTS - 1), n++)
		if (blocks[i].address == address)
			return &blocks[i];
	return NULL;
}

static void remember(void *address, size_t size)
{
	uint32_t i = slot_of(address);

	if (!address || !call_inside())
		return;
	pthread_mutex_lock(&lock);
	for (uint32_t n = 0; n < SLOTS && blocks[i].address && blocks[i].address != TAKEN; n++)
		i = (i + 1) & (SLOTS - 1);
	if (!blocks[i].address || blocks[i].address == TAKEN) {
		blocks[i] = (struct block){address, size};
		live.blocks++;
		live.bytes += size;
	}
	pthread_mutex_unlock(&lock);
}

static void forget(void *address)
{
	struct block *block;

	if (!address)
		return;
	pthread_mutex_lock(&lock);
	block = live.blocks ? find(address) : NULL;
	if (block) {
		live.blocks--;
		live.bytes -= block->size;
		block->address = TAKEN;
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

#if INTERPOSED

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
	remember(address ? address : old, size);
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

/* --- threads of the plugin's --- */

struct start {
	void *(*run)(void *argument);
	void *argument;
};

static void *run_inside(void *opaque)
{
	const struct start start = *(struct start *)opaque;

	__libc_free(opaque);
	call_set_inside(true);
	return start.run(start.argument);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		dlsym(RTLD_NEXT, "pthread_create");
	const bool inside = call_set_inside(false); /* a stack is libc's, and kept */
	struct start *start = inside ? __libc_malloc(sizeof(*start)) : NULL;
	int r;

	if (inside && !start) {
		r = EAGAIN;
	} else if (inside) {
		*start = (struct start){run, argument};
		r = real(thread, attributes, run_inside, start);
		if (r)
			__libc_free(start);
	} else {
		r = real(thread, attributes, run, argument);
	}
	call_set_inside(inside);
	return r;
}

/* --- what is the process's, and no plugin's business --- */

static void not_allowed(const char *function)
{
	if (call_inside())
		rule_broken(RULE_PROCESS, "%s() is called (%s)", function, call_words());
}

static _Noreturn void end(const char *function, int status)
{
	void (*real)(int) = dlsym(RTLD_NEXT, function);

	if (call_inside()) {
		not_allowed(function);
		phase_abandon();
	}
	real(status);
	abort();
}

EXPORT void exit(int status)
{
	end("exit", status);
}

EXPORT void _exit(int status)
{
	end("_exit", status);
}

EXPORT void _Exit(int status)
{
	end("_Exit", status);
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	int (*real)(int, const struct sigaction *, struct sigaction *) = dlsym(RTLD_NEXT, "sigaction");

	if (action)
		not_allowed("sigaction");
	return real(number, action, old);
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
	sighandler_t (*real)(int, sighandler_t) = dlsym(RTLD_NEXT, "signal");

	not_allowed("signal");
	return real(number, handler);
}

EXPORT mode_t umask(mode_t mask)
{
	mode_t (*real)(mode_t) = dlsym(RTLD_NEXT, "umask");

	not_allowed("umask");
	return real(mask);
}

EXPORT int chdir(const char *path)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "chdir");

	not_allowed("chdir");
	return real(path);
}

#endif
