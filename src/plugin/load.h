/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/load.h - a checked file's code into this process, for good.
 *
 * Code is never unmapped: a thread may be in it. What was loaded belongs to the process, not to one registry. Control
 * thread only, as libltdl is.
 */
#pragma once

#include "plugin/find.h"
#include <mortise/plugin.h>

/*
 * Maps the file, unless that very file was mapped before, and finds its description, which nobody has checked yet.
 * Constructors run. -ENOEXEC and the true reason when the file cannot be a plugin.
 */
int plugin_load(struct plugin_file *file, const struct mortise_plugin **out, struct mortise_error *err);
