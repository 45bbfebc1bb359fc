/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/check.h - values against the types of the schema, in QEMU's words.
 */
#pragma once

#include "qmp/schema.h"
#include <mortise/error.h>

/*
 * Checks the arguments of a command (an object; NULL stands for an empty one) against `type` (NULL: no arguments).
 * -EINVAL and the first thing that is wrong, named by its whole path ("file.filename").
 */
int check_arguments(const struct schema_type *type, const cJSON *arguments, struct mortise_error *err);

/* The same for any value; `path` names it in messages. For tests of what commands return, too. */
int check_value(const struct schema_type *type, const cJSON *value, const char *path, struct mortise_error *err);
