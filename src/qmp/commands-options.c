/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-options.c - what the program's command line takes.
 */
#include "base/util.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"
#include "qmp/qmp.h"

static ENUM_TYPE(CommandLineParameterType, "the type of a key's value", "string", "boolean", "number", "size");
static OBJECT_TYPE(CommandLineParameterInfo, "a key of an option", MUST("name", str, "its name"),
		   MUST("type", CommandLineParameterType, "what it takes"), MAY("help", str, "what it is for"),
		   MAY("default", str, "what its absence means"));
static ARRAY_TYPE(CommandLineParameterInfo);
static OBJECT_TYPE(CommandLineOptionInfo, "an option of the program", MUST("option", str, "its name, without the dash"),
		   MUST("parameters", CommandLineParameterInfo_array,
			"its keys; those of drivers are left to device-list-properties"));
static ARRAY_TYPE(CommandLineOptionInfo);

static const char *type_word(const struct mortise_property *key)
{
	switch (key->type) {
	case MORTISE_PROPERTY_BOOL:
		return "boolean";
	case MORTISE_PROPERTY_U16:
	case MORTISE_PROPERTY_U32:
	case MORTISE_PROPERTY_U64:
		return "number";
	case MORTISE_PROPERTY_SIZE:
		return "size";
	default:
		return "string";
	}
}

static bool is_listed(const cJSON *list, const char *name)
{
	for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
		if (streq(json_string(item, "name"), name))
			return true;
	return false;
}

static cJSON *describe_key(const struct mortise_property *key)
{
	cJSON *info = cJSON_CreateObject();

	cJSON_AddStringToObject(info, "name", key->name);
	cJSON_AddStringToObject(info, "type", type_word(key));
	if (key->help)
		cJSON_AddStringToObject(info, "help", key->help);
	if (key->fallback)
		cJSON_AddStringToObject(info, "default", key->fallback);
	return info;
}

static cJSON *describe_option(const struct qmp_option *option)
{
	cJSON *info = cJSON_CreateObject(), *keys;

	cJSON_AddStringToObject(info, "option", option->name);
	keys = cJSON_AddArrayToObject(info, "parameters");
	for (const struct mortise_property *const *table = option->keys; table && *table; table++)
		for (const struct mortise_property *key = *table; key->name; key++)
			if (!is_listed(keys, key->name))
				cJSON_AddItemToArray(keys, describe_key(key));
	return info;
}

static void run_options(struct qmp_call *call, const cJSON *arguments)
{
	const char *wanted = json_string(arguments, "option");
	cJSON *list = cJSON_CreateArray();

	for (const struct qmp_option *option = context_of(call)->options; option->name; option++)
		if (!wanted || streq(wanted, option->name))
			cJSON_AddItemToArray(list, describe_option(option));
	if (!wanted || (list && list->child)) {
		qmp_return(call, list);
		return;
	}
	cJSON_Delete(list);
	qmp_failf(call, QMP_GENERIC_ERROR, "Invalid option name: %s", wanted);
}

static const struct schema_command commands[] = {
	{
		"query-command-line-options",
		run_options,
		"Lists the options of the program's command line, and their keys",
		ARGUMENTS(MAY("option", str, "only this one")),
		&type_CommandLineOptionInfo_array,
	},
	{0},
};

const struct schema_group commands_options = {.title = "The command line", .commands = commands};
