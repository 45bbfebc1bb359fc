/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/find.h - from a driver's name to a file that nobody but root and this process's user could have written.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include <mortise/error.h>

#define PLUGIN_NAME_SIZE 64 /* bytes, with the NUL */

/* Whether `name` is made as names of drivers and plugins are: [a-z0-9][a-z0-9-]*, at most 63 characters. */
bool plugin_name_ok(const char *name);

/* Copies a driver's name without the suffix that names a transport (-mmio, -device); -EINVAL when it is none. */
int plugin_driver_name(char name[PLUGIN_NAME_SIZE], const char *driver, struct mortise_error *err);

/* A file that passed the checks. Both descriptors belong to it. */
struct plugin_file {
	char *path;		     /* as the operator would write it */
	char name[PLUGIN_NAME_SIZE]; /* the file's own, without .so; `path` may be a symbolic link to it */
	bool linked;		     /* it is */
	int dir;		     /* the directory, O_PATH */
	int fd;			     /* the file, for reading */
};

/*
 * Opens <dir>/<name>.so: a regular file, or a symbolic link to one beside it (a plugin with several drivers has a link
 * for each). File and directory are owned by root or by the effective user, and nobody else may write to them; this is
 * checked on the descriptors, so that it holds for what is loaded later. -ENOENT: no such file; -EPERM: others could
 * have written it; -ENOEXEC: neither file nor link.
 */
int plugin_find(struct plugin_file *out, const char *dir, const char *name, struct mortise_error *err);
void plugin_file_done(struct plugin_file *file);

/* Whether root or the user who runs this process alone could have written what `st` describes. -EPERM. */
struct stat;
int plugin_check_access(const struct stat *st, const char *what, const char *path, struct mortise_error *err);

/* Calls `visit` with the name of each <dir>/<name>.so, in alphabetical order. Nothing is checked or loaded. */
int plugin_list(const char *dir, void (*visit)(void *opaque, const char *name), void *opaque,
		struct mortise_error *err);
