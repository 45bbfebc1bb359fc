/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.c - rules and findings.
 */
#include "board.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct board *board;

static const char *const names[RULES] = {
	[RULE_FILE] = "file: the loader takes it",
	[RULE_EXPORTS] = "object: mortise_plugin_v1 is exported and nothing else",
	[RULE_BIND_NOW] = "object: symbols are bound when it is loaded",
	[RULE_RELRO] = "object: relocated data is read-only afterwards",
	[RULE_TEXT] = "object: there are no text relocations",
	[RULE_STACK] = "object: the stack is not executable",
	[RULE_UNDEFINED] = "object: every symbol is its own or its libraries'",
	[RULE_DESCRIPTION] = "description: plugin, classes and property tables are sane",
	[RULE_REALIZE] = "realize: an instance comes to life",
	[RULE_ERRORS] = "failures: are a negative errno and a message",
	[RULE_PROPERTIES] = "properties: every edge is taken, or refused with a reason",
	[RULE_FAILURE_LEAVES] = "realize: leaves nothing behind when it fails",
	[RULE_DESCRIPTORS] = "unrealize: no descriptor is left behind",
	[RULE_THREADS] = "unrealize: no thread is left behind",
	[RULE_MEMORY] = "unrealize: no memory is left behind",
	[RULE_INSTANCE] = "instance: nothing outside of it is written",
	[RULE_PRIV] = "chain: nothing outside of its iovecs and priv is touched",
	[RULE_CHAIN_ONCE] = "chain: is given back once",
	[RULE_CHAIN_GONE] = "chain: is not touched after it was given back",
	[RULE_BUFFERS] = "chain: nothing outside of its buffers is written",
	[RULE_OFFER] = "features: are offered in realize() only",
	[RULE_FEATURES] = "features: every subset is served",
	[RULE_RESET] = "reset: works in every state",
	[RULE_RESET_CONFIG] = "reset: the configuration is as after realize()",
	[RULE_QUIESCE] = "quiesce: every chain comes back",
	[RULE_QUIESCE_MEMORY] = "quiesce: no guest memory is touched afterwards",
	[RULE_QUIESCE_SERVICES] = "quiesce: nothing is asked of the host afterwards",
	[RULE_SAVE_ROOM] = "save: keeps to its room",
	[RULE_SAVE_SAME] = "save: saves the same twice",
	[RULE_RESTORE] = "restore: what was saved is taken, and saved the same again",
	[RULE_GARBAGE] = "restore: garbage is survived",
	[RULE_QUEUES] = "queues: hostile rings are survived",
	[RULE_REQUESTS] = "requests: malformed ones are survived",
	[RULE_ANSWERED] = "requests: each is answered",
	[RULE_ALLOCATIONS] = "memory: any allocation may fail",
	[RULE_CALLS] = "services: any call may fail",
	[RULE_OWN_THREAD] = "services: are called in callbacks, on the instance's thread",
	[RULE_ALLOWED] = "services: are called with what they are documented to take",
	[RULE_WATCH] = "watch: ends before its descriptor is closed",
	[RULE_WAITS] = "callbacks: do not wait",
	[RULE_RETURNS] = "callbacks: return",
	[RULE_CRASH] = "callbacks: do not crash",
	[RULE_PROCESS] = "process: is neither ended nor changed",
};

const char *rule_name(enum rule rule)
{
	return names[rule];
}

struct board *board_new(void)
{
	void *memory = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void rule_kept(enum rule rule)
{
	int expected = NOT_LOOKED_AT;

	atomic_compare_exchange_strong(&board->verdicts[rule].outcome, &expected, KEPT);
}

void rule_broken(enum rule rule, const char *format, ...)
{
	struct verdict *verdict = &board->verdicts[rule];
	const int saved = errno;
	va_list args;

	if (atomic_exchange(&verdict->outcome, BROKEN) == BROKEN)
		return;
	va_start(args, format);
	vsnprintf(verdict->text, sizeof(verdict->text), format, args);
	va_end(args);
	errno = saved;
}

bool rule_is_broken(enum rule rule)
{
	return atomic_load(&board->verdicts[rule].outcome) == BROKEN;
}

void rule_skipped(enum rule rule, const char *format, ...)
{
	struct verdict *verdict = &board->verdicts[rule];
	va_list args;

	if (atomic_load(&verdict->outcome) != NOT_LOOKED_AT)
		return;
	va_start(args, format);
	vsnprintf(verdict->text, sizeof(verdict->text), format, args);
	va_end(args);
}

void doing(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(board->doing, sizeof(board->doing), format, args);
	va_end(args);
}

static _Noreturn void leave(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

void phase_finish(void)
{
	atomic_store(&board->end, FINISHED);
	leave(0);
}

void phase_abandon(void)
{
	atomic_store(&board->end, ABANDONED);
	leave(0);
}

void phase_no_memory(void)
{
	leave(PHASE_NO_MEMORY);
}
