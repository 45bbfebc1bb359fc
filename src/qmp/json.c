/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/json.c - cJSON values with exact numbers and names whose case counts.
 */
#include "qmp/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const cJSON *json_get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *json_string(const cJSON *object, const char *name)
{
	const cJSON *item = json_get(object, name);

	return item ? item->valuestring : NULL;
}

bool json_bool(const cJSON *object, const char *name, bool fallback)
{
	const cJSON *item = json_get(object, name);

	return item ? cJSON_IsTrue(item) : fallback;
}

static bool is_whole(const char *text)
{
	return text && text[strspn(text, "-0123456789")] == '\0';
}

int json_to_integer(const cJSON *number, int64_t *out)
{
	if (!cJSON_IsNumber(number) || !is_whole(number->valuestring))
		return -EINVAL;
	errno = 0;
	*out = strtoll(number->valuestring, NULL, 10);
	return -errno;
}

int json_to_unsigned(const cJSON *number, uint64_t *out)
{
	if (!cJSON_IsNumber(number) || !is_whole(number->valuestring))
		return -EINVAL;
	if (number->valuestring[0] == '-')
		return -ERANGE;
	errno = 0;
	*out = strtoull(number->valuestring, NULL, 10);
	return -errno;
}

cJSON *json_number(const char *text)
{
	cJSON *number = cJSON_CreateNumber(strtod(text, NULL));

	if (number && !(number->valuestring = strdup(text))) {
		cJSON_Delete(number);
		return NULL;
	}
	return number;
}

void json_add_integer(cJSON *object, const char *name, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	cJSON_AddItemToObject(object, name, json_number(digits));
}

void json_add_unsigned(cJSON *object, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	cJSON_AddItemToObject(object, name, json_number(digits));
}
