/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/writer.h - cJSON values to one line of ASCII.
 */
#pragma once

#include <cjson/cJSON.h>

#include "qmp/text.h"

/*
 * Appends `value`. Bytes that are no valid UTF-8 (a file name may hold any) become U+FFFD. Numbers with a text of
 * their own are written as that text.
 */
void write_json(struct text *text, const cJSON *value);
