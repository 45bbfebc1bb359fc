/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h - the rules that a plugin is checked against, and what was found; shared with the processes that check.
 *
 * Each phase runs in a child process, since what a plugin does wrong may end it. Verdicts lie in memory that the parent
 * shares, so that the last word of a child that dies is not lost.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include <mortise/error.h>

enum rule {
	/* about the file */
	RULE_FILE,
	RULE_EXPORTS,
	RULE_BIND_NOW,
	RULE_RELRO,
	RULE_TEXT,
	RULE_STACK,
	RULE_UNDEFINED,
	RULE_DESCRIPTION,
	RULES_OF_FILE,

	/* about a driver in it */
	RULE_REALIZE = RULES_OF_FILE,
	RULE_ERRORS,
	RULE_PROPERTIES,
	RULE_FAILURE_LEAVES,
	RULE_DESCRIPTORS,
	RULE_THREADS,
	RULE_MEMORY,
	RULE_INSTANCE,
	RULE_PRIV,
	RULE_CHAIN_ONCE,
	RULE_CHAIN_GONE,
	RULE_BUFFERS,
	RULE_OFFER,
	RULE_FEATURES,
	RULE_RESET,
	RULE_RESET_CONFIG,
	RULE_QUIESCE,
	RULE_QUIESCE_MEMORY,
	RULE_QUIESCE_SERVICES,
	RULE_SAVE_ROOM,
	RULE_SAVE_SAME,
	RULE_RESTORE,
	RULE_GARBAGE,
	RULE_QUEUES,
	RULE_REQUESTS,
	RULE_ANSWERED,
	RULE_ALLOCATIONS,
	RULE_CALLS,
	RULE_OWN_THREAD,
	RULE_ALLOWED,
	RULE_WATCH,
	RULE_WAITS,
	RULE_RETURNS,
	RULE_CRASH,
	RULE_PROCESS,
	RULES
};

enum outcome { NOT_LOOKED_AT, KEPT, BROKEN };

struct verdict {
	_Atomic int outcome; /* enum outcome */
	char text[480];	     /* BROKEN: how; NOT_LOOKED_AT: why, or empty */
};

/* How a phase has ended: by itself; where a finding left nothing else to do; or in some other way. */
enum phase_end { SOMEHOW, FINISHED, ABANDONED };

struct board {
	struct verdict verdicts[RULES];
	_Atomic int end; /* enum phase_end */
	char doing[160]; /* what the phase is at */
};

/* The board of the driver that is being checked. */
extern struct board *board;

/* Short words for a rule: "quiesce: no guest memory is touched afterwards". */
const char *rule_name(enum rule rule);

/* A new board, in memory that child processes share; never freed. */
struct board *board_new(void);

/* The rule was put to the test; stands unless it is or was found broken. Any thread. */
void rule_kept(enum rule rule);

/* The rule was found broken; the first finding is kept. Any thread. */
MORTISE_PRINTF(2, 3) void rule_broken(enum rule rule, const char *format, ...);

bool rule_is_broken(enum rule rule);

/* Why the rule is not looked at. */
MORTISE_PRINTF(2, 3) void rule_skipped(enum rule rule, const char *format, ...);

/* What the phase is at, for messages. The phase's thread. */
MORTISE_PRINTF(1, 2) void doing(const char *format, ...);

/* Ends this child process: its phase is over, or cannot go on after what was found. Nothing is run or flushed. */
_Noreturn void phase_finish(void);
_Noreturn void phase_abandon(void);

/* The same where the checker itself has no memory left. */
_Noreturn void phase_no_memory(void);

/* Status of a child that ended so. */
#define PHASE_NO_MEMORY 70
