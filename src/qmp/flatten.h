/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/flatten.h - a command's arguments as the flat options that the command line gives too.
 */
#pragma once

#include <cjson/cJSON.h>

#include "base/options.h"

/*
 * {"file": {"driver": "file"}, "fds": ["a"]} becomes file.driver=file, fds.0=a. The kind of each value is kept; numbers
 * keep their text. -EINVAL for null and for two values under one flat name, -E2BIG for more than any command takes.
 */
int flatten_arguments(struct options **out, const cJSON *arguments, struct mortise_error *err);
