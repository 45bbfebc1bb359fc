/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/json.h - cJSON values with exact numbers and names whose case counts.
 *
 * A number keeps its text in `valuestring`; cJSON alone would hold a double, which loses integers beyond 2^53.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete)
#define _cleanup_json_ _cleanup_(cJSON_Delete_p)

/* The member `name` of an object, or NULL. */
const cJSON *json_get(const cJSON *object, const char *name);

/* Readers for objects that were checked against their type. NULL, or `fallback`, for what is absent. */
const char *json_string(const cJSON *object, const char *name);
bool json_bool(const cJSON *object, const char *name, bool fallback);

/* The exact value of a number: -EINVAL when it is no integer, -ERANGE when it does not fit. */
int json_to_integer(const cJSON *number, int64_t *out);
int json_to_unsigned(const cJSON *number, uint64_t *out);

/* A number with the text that it has in JSON. NULL: out of memory. */
cJSON *json_number(const char *text);

void json_add_integer(cJSON *object, const char *name, int64_t value);
void json_add_unsigned(cJSON *object, const char *name, uint64_t value);
