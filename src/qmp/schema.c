/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/schema.c - built-in types and look-ups in the tables.
 */
#include "qmp/schema.h"

#include "base/util.h"

const struct schema_type type_str = {.name = "str", .kind = SCHEMA_STRING};
const struct schema_type type_bool = {.name = "bool", .kind = SCHEMA_BOOL};
const struct schema_type type_int = {.name = "int", .kind = SCHEMA_INT};
const struct schema_type type_uint = {.name = "uint64", .kind = SCHEMA_UINT};
const struct schema_type type_number = {.name = "number", .kind = SCHEMA_NUMBER};
const struct schema_type type_any = {.name = "any", .kind = SCHEMA_ANY};
ARRAY_TYPE(str);

const struct schema_command *schema_command(const struct schema *schema, const char *name)
{
	for (const struct schema_group *const *group = schema->groups; *group; group++)
		for (const struct schema_command *c = (*group)->commands; c && c->name; c++)
			if (streq(c->name, name))
				return c;
	return NULL;
}

const struct schema_event *schema_event(const struct schema *schema, const char *name)
{
	for (const struct schema_group *const *group = schema->groups; *group; group++)
		for (const struct schema_event *e = (*group)->events; e && e->name; e++)
			if (streq(e->name, name))
				return e;
	return NULL;
}

const char *schema_expected(const struct schema_type *type)
{
	switch (type->kind) {
	case SCHEMA_STRING:
	case SCHEMA_ENUM:
		return "string";
	case SCHEMA_BOOL:
		return "boolean";
	case SCHEMA_INT:
	case SCHEMA_UINT:
		return "integer";
	case SCHEMA_NUMBER:
		return "number";
	case SCHEMA_ARRAY:
		return "array";
	case SCHEMA_OBJECT:
		return "object";
	default:
		return type->name;
	}
}
