/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c - memory with fences around it.
 */
#include "guard.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "calls.h"

#define PAGE ((size_t)4096)
#define FILLER 0xa5
#define WATCHED 64 /* bytes before the data that are looked after */

static struct area *areas; /* all there are; none is ever freed */
static const uint8_t *guest_memory;
static size_t guest_size;

static size_t pages_of(size_t size)
{
	return ALIGN_UP(MAX(size, 1) + WATCHED, PAGE);
}

static void fill(struct area *area, size_t size)
{
	area->size = size;
	area->data = area->pages + area->room - ALIGN_UP(MAX(size, 1), (size_t)16);
	memset(area->data - WATCHED, FILLER, WATCHED);
	memset(area->data, 0, size);
	memset(area->data + size, FILLER, (size_t)(area->pages + area->room - area->data) - size);
}

struct area *area_new(size_t size, const char *what, enum rule beyond, enum rule closed)
{
	struct area *area = calloc(1, sizeof(*area));
	uint8_t *map;

	if (!area)
		return NULL;
	area->room = pages_of(size);
	map = mmap(NULL, area->room + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED || mprotect(map + PAGE, area->room, PROT_READ | PROT_WRITE) < 0) {
		free(area);
		return NULL;
	}
	area->pages = map + PAGE;
	area->what = what;
	area->beyond = beyond;
	area->closed = closed;
	fill(area, size);
	area->next = __atomic_load_n(&areas, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&areas, &area->next, area, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return area;
}

void area_open(struct area *area)
{
	mprotect(area->pages, area->room, PROT_READ | PROT_WRITE);
}

void area_close(struct area *area)
{
	mprotect(area->pages, area->room, PROT_NONE);
}

void area_reuse(struct area *area, size_t size)
{
	area_open(area);
	fill(area, size);
}

static const uint8_t *disturbed(const uint8_t *from, const uint8_t *to)
{
	for (; from < to; from++)
		if (*from != FILLER)
			return from;
	return NULL;
}

void area_check(const struct area *area)
{
	const uint8_t *at = disturbed(area->data - WATCHED, area->data);

	if (!at)
		at = disturbed(area->data + area->size, area->pages + area->room);
	if (at)
		rule_broken(area->beyond, "%s of %zu bytes was written at offset %td (%s)", area->what, area->size,
			    at - area->data, call_words());
	rule_kept(area->beyond);
}

/* --- faults --- */

static void explain_fault(const uint8_t *at)
{
	if ((size_t)(at - guest_memory) < guest_size) {
		rule_broken(RULE_QUIESCE_MEMORY, "guest memory is touched while the instance is quiesced (%s)",
			    call_words());
		return;
	}
	for (const struct area *area = __atomic_load_n(&areas, __ATOMIC_ACQUIRE); area; area = area->next) {
		if (at < area->pages - PAGE || at >= area->pages + area->room + PAGE)
			continue;
		if (at >= area->data && at < area->data + area->size)
			rule_broken(area->closed, "%s is touched after the plugin gave it back (%s)", area->what,
				    call_words());
		else
			rule_broken(area->beyond, "%s of %zu bytes is touched at offset %td (%s)", area->what,
				    area->size, at - area->data, call_words());
		return;
	}
	rule_broken(RULE_CRASH, "address %p cannot be touched (%s)", (const void *)at, call_words());
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	if (number == SIGSEGV || number == SIGBUS)
		explain_fault(info->si_addr);
	else if (number == SIGABRT)
		rule_broken(RULE_PROCESS, "abort() is called (%s)", call_words());
	else
		rule_broken(RULE_CRASH, "%s (%s)", strsignal(number), call_words());
	phase_abandon();
}

void guard_faults(const void *guest, size_t size)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	guest_memory = guest;
	guest_size = size;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}
