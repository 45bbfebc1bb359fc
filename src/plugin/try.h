/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/try.h - trying a plugin in a process of its own: what crashes, ends or never returns there does so nowhere
 * else.
 *
 * That process is a small program and no fork of this one: it inherits neither guest memory nor other threads' locks.
 */
#pragma once

#include "plugin/load.h"

#define PLUGIN_TRIED 86 /* the program's exit status when all went well */
#define PLUGIN_TRY_SECONDS 3

/* Where mortise-plugin-try is: beside this program, or where it was installed. NULL: nowhere. The caller frees it. */
char *plugin_trier(void);

/*
 * Runs the copy's constructors and init() by `program`. -ENOEXEC and what it did when it crashed, ended the process or
 * took longer than PLUGIN_TRY_SECONDS, for which the caller waits. 0 also when the program cannot be run: that is in
 * the log.
 */
int plugin_try(const char *program, const struct plugin_copy *copy, const char *path, struct mortise_error *err);
