/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/flatten.c - nested JSON to flat options.
 */
#include "qmp/flatten.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

/* A list of options is searched for each key that is added: clients do not get to make that slow. */
#define OPTIONS_MAX 256
#define KEY_MAX 128

static int add_value(struct options *options, const cJSON *value, const char *key, struct mortise_error *err);

static int add_members(struct options *options, const cJSON *container, const char *prefix, struct mortise_error *err)
{
	unsigned index = 0;

	for (const cJSON *item = container->child; item; item = item->next, index++) {
		const char *dot = *prefix ? "." : "";
		char key[KEY_MAX];
		int n = cJSON_IsArray(container) ? snprintf(key, sizeof(key), "%s%s%u", prefix, dot, index)
						 : snprintf(key, sizeof(key), "%s%s%s", prefix, dot, item->string);
		int r;

		if (n >= KEY_MAX)
			return mortise_fail(err, -E2BIG, "Parameter '%.64s...' is unexpected", key);
		r = add_value(options, item, key, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_value(struct options *options, const cJSON *value, const char *key, struct mortise_error *err)
{
	if (cJSON_IsObject(value) || cJSON_IsArray(value))
		return add_members(options, value, key, err);
	if (options->count == OPTIONS_MAX)
		return mortise_fail(err, -E2BIG, "More than %d parameters are given", OPTIONS_MAX);
	if (cJSON_IsString(value))
		return options_add(options, key, value->valuestring, OPTION_STRING, err);
	if (cJSON_IsNumber(value))
		return options_add(options, key, value->valuestring, OPTION_NUMBER, err);
	if (cJSON_IsBool(value))
		return options_add(options, key, cJSON_IsTrue(value) ? "on" : "off", OPTION_BOOL, err);
	return mortise_fail(err, -EINVAL, "Parameter '%s' is null, which stands for no value here: leave it out", key);
}

int flatten_arguments(struct options **out, const cJSON *arguments, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	int r;

	if (!options)
		return mortise_fail(err, -ENOMEM, "Out of memory for a command's arguments");
	r = add_members(options, arguments, "", err);
	if (r < 0)
		return r;
	*out = steal_ptr(&options);
	return 0;
}
