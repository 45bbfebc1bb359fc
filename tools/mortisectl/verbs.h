/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/verbs.h - what mortisectl can be told to do.
 */
#pragma once

#include <stdbool.h>

#include "client.h"

/* Exit statuses. */
enum {
	STATUS_DONE = 0,
	STATUS_REFUSED = 1, /* Mortise said no */
	STATUS_USAGE = 2,   /* the command line is wrong */
	STATUS_GONE = 3,    /* no connection, or it broke */
};

struct session {
	struct client *client;
	bool json; /* print what QMP returned, on one line */
};

/* Carries out one verb with its arguments; prints results to stdout and complaints to stderr. */
int verb_run(struct session *session, int argc, char **argv);

/* One line a verb. */
void verb_help(FILE *to);

/* The n-th verb's words ("disk add"), NULL past the last: for completion. */
const char *verb_name(unsigned n);

/*
 * Offers the words that may follow these: verbs' own words, options, devices to be removed. True: nothing else may. For
 * a verb that takes a plain word, or where none was recognized, false.
 */
bool verb_complete(struct session *session, int argc, char **argv, void (*offer)(void *opaque, const char *word),
		   void *opaque);
