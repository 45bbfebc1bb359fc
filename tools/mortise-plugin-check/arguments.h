/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments.h - the command line.
 */
#pragma once

#include "subject.h"

enum exit_status { NOTHING_FOUND = 0, FOUND = 1, CANNOT_CHECK = 2 };

struct arguments {
	struct subject subject;
	const char *path;   /* of the file, as given */
	const char *driver; /* NULL: all that are in it */
	double seconds;	    /* for all of it, about */
	bool json, verbose;
};

/* Takes the command line apart; false where there is nothing to check, and then *status is what to exit with. */
bool arguments_take(struct arguments *out, int argc, char **argv, int *status);
