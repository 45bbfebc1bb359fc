/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/load.h - a checked file's code into this process, for good.
 *
 * What is mapped is a copy of the file, in memory that nobody can change any more: its SHA-256, what was checked and
 * what runs are the same bytes, and a file that is overwritten in its place takes no running code along. A newer
 * version of a file is therefore just another copy. (Where a security module confines the process, it must be allowed
 * to map executable memory files, memfd.)
 *
 * Code is never unmapped: a thread may be in it. What was loaded belongs to the process, not to one registry. Control
 * thread only, as libltdl is.
 */
#pragma once

#include "base/sha256.h"
#include "plugin/find.h"
#include <mortise/plugin.h>

struct plugin_copy {
	int fd; /* sealed; -1: none */
	char sha256[SHA256_HEX_SIZE];
};

/* Copies the file. -EFBIG, -ENOMEM, or what reading it says. */
int plugin_copy_of(struct plugin_copy *out, const struct plugin_file *file, struct mortise_error *err);
void plugin_copy_done(struct plugin_copy *copy);

/*
 * Maps the copy, unless those very bytes were mapped before, and finds its description, which nobody has checked yet.
 * Constructors run. `path` names the file in messages. `trier`: what tries it first, see plugin/try.h; NULL: nothing.
 * -ENOEXEC and the true reason when it cannot be a plugin.
 */
int plugin_load(struct plugin_copy *copy, const char *path, const char *trier, const struct mortise_plugin **out,
		struct mortise_error *err);
