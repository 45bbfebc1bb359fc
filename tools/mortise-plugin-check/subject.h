/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject.h - what is to be checked, and how.
 */
#pragma once

#include <stdbool.h>

#define SETTINGS_MAX 64

struct setting { /* of a property, as --set gives it */
	const char *key, *value;
};

/* What to check, and how. */
struct subject {
	const char *dir, *name; /* of the file, without .so */
	const char *driver;	/* NULL: none yet */
	const char *scratch;	/* a folder for sockets */
	struct setting settings[SETTINGS_MAX];
	unsigned setting_count;
	unsigned cycles;   /* of realize() and unrealize() */
	double seconds;	   /* for each phase that could go on for ever */
	unsigned patience; /* seconds until something that does not end is a finding */
};
