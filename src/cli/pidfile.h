/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/pidfile.h - a file that holds the process number while the process lives.
 */
#pragma once

#include <mortise/error.h>

struct pidfile {
	const char *path; /* borrowed; NULL: none */
	int fd;
};

/* Creates (or takes over from a dead process) and locks the file; -EBUSY when a live one holds it. */
int pidfile_take(struct pidfile *pidfile, const char *path, struct mortise_error *err);

/* Removes it. */
void pidfile_release(struct pidfile *pidfile);
