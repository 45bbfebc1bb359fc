/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/introspect.c - the schema as query-qmp-schema tells it.
 *
 * As in QEMU all integer types show as "int", and what has no members as "q_empty". Types keep their names here, though
 * clients must not rely on any.
 */
#include "qmp/introspect.h"

#include <stdio.h>

#include "base/util.h"
#include "qmp/json.h"

#define NAME_MAX 96

static const struct schema_type empty_type = {.name = "q_empty", .kind = SCHEMA_OBJECT};

/* Writes the name under which a type is listed. `owner` names the command whose arguments have no type name. */
static const char *name_of(const struct schema_type *type, const char *owner, char buffer[NAME_MAX])
{
	char inner[NAME_MAX];

	switch (type->kind) {
	case SCHEMA_INT:
	case SCHEMA_UINT:
		return "int";
	case SCHEMA_ARRAY:
		snprintf(buffer, NAME_MAX, "[%.90s]", name_of(type->element, NULL, inner));
		return buffer;
	default:
		if (type->name)
			return type->name;
		snprintf(buffer, NAME_MAX, "%s-arg", owner);
		return buffer;
	}
}

static bool is_listed(const cJSON *list, const char *name)
{
	for (const cJSON *info = list->child; info; info = info->next)
		if (streq(json_string(info, "name"), name))
			return true;
	return false;
}

static void add_type(cJSON *list, const struct schema_type *type, const char *owner);

/* Adds `key`: the type's name to `info`, and the type itself to `list`. */
static void refer(cJSON *list, cJSON *info, const char *key, const struct schema_type *type, const char *owner)
{
	char name[NAME_MAX];

	cJSON_AddStringToObject(info, key, name_of(type, owner, name));
	add_type(list, type, owner);
}

static cJSON *append(cJSON *list, const char *name, const char *meta_type)
{
	cJSON *info = cJSON_CreateObject();

	cJSON_AddStringToObject(info, "name", name);
	cJSON_AddStringToObject(info, "meta-type", meta_type);
	cJSON_AddItemToArray(list, info);
	return info;
}

static cJSON *append_to(cJSON *array)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddItemToArray(array, item);
	return item;
}

static const struct schema_type *variant_for(const struct schema_type *type, const char *value)
{
	for (const struct schema_variant *variant = type->variants; variant->value; variant++)
		if (streq(variant->value, value))
			return variant->type;
	return &empty_type;
}

static void add_object(cJSON *list, cJSON *info, const struct schema_type *type)
{
	cJSON *members = cJSON_AddArrayToObject(info, "members"), *variants;
	const struct schema_type *tag = NULL;

	for (const struct schema_member *member = type->members; member && member->name; member++) {
		cJSON *item = append_to(members);

		cJSON_AddStringToObject(item, "name", member->name);
		refer(list, item, "type", member->type, NULL);
		if (member->optional)
			cJSON_AddNullToObject(item, "default");
		if (type->tag && streq(type->tag, member->name))
			tag = member->type;
	}
	if (!tag)
		return;
	cJSON_AddStringToObject(info, "tag", type->tag);
	variants = cJSON_AddArrayToObject(info, "variants");
	for (const char *const *value = tag->values; *value; value++) {
		cJSON *item = append_to(variants);

		cJSON_AddStringToObject(item, "case", *value);
		refer(list, item, "type", variant_for(type, *value), NULL);
	}
}

static void add_alternate(cJSON *list, cJSON *info, const struct schema_type *type)
{
	cJSON *members = cJSON_AddArrayToObject(info, "members");

	for (const struct schema_member *member = type->members; member->name; member++)
		refer(list, append_to(members), "type", member->type, NULL);
}

static void add_enum(cJSON *info, const struct schema_type *type)
{
	cJSON *members = cJSON_AddArrayToObject(info, "members"), *values = cJSON_AddArrayToObject(info, "values");

	for (const char *const *value = type->values; *value; value++) {
		cJSON_AddStringToObject(append_to(members), "name", *value);
		cJSON_AddItemToArray(values, cJSON_CreateString(*value));
	}
}

static void add_type(cJSON *list, const struct schema_type *type, const char *owner)
{
	static const char *const meta_types[] = {
		[SCHEMA_ENUM] = "enum",
		[SCHEMA_ARRAY] = "array",
		[SCHEMA_OBJECT] = "object",
		[SCHEMA_ALTERNATE] = "alternate",
	};
	static const char *const json_types[] = {
		[SCHEMA_STRING] = "string", [SCHEMA_BOOL] = "boolean",	[SCHEMA_INT] = "int",
		[SCHEMA_UINT] = "int",	    [SCHEMA_NUMBER] = "number", [SCHEMA_ANY] = "value",
	};
	char buffer[NAME_MAX];
	const char *name = name_of(type, owner, buffer);
	cJSON *info;

	if (is_listed(list, name))
		return;
	if (type->kind < ARRAY_SIZE(json_types)) {
		info = append(list, name, "builtin");
		cJSON_AddStringToObject(info, "json-type", json_types[type->kind]);
		return;
	}
	info = append(list, name, meta_types[type->kind]);
	if (type->kind == SCHEMA_OBJECT)
		add_object(list, info, type);
	else if (type->kind == SCHEMA_ARRAY)
		refer(list, info, "element-type", type->element, NULL);
	else if (type->kind == SCHEMA_ENUM)
		add_enum(info, type);
	else
		add_alternate(list, info, type);
}

cJSON *introspect(const struct schema *schema)
{
	cJSON *list = cJSON_CreateArray();

	if (!list)
		return NULL;
	for (const struct schema_group *const *group = schema->groups; *group; group++) {
		for (const struct schema_command *c = (*group)->commands; c && c->name; c++) {
			cJSON *info = append(list, c->name, "command");

			refer(list, info, "arg-type", c->arguments ? c->arguments : &empty_type, c->name);
			refer(list, info, "ret-type", c->returns ? c->returns : &empty_type, c->name);
			if (c->flags & SCHEMA_OOB)
				cJSON_AddTrueToObject(info, "allow-oob");
		}
		for (const struct schema_event *e = (*group)->events; e && e->name; e++)
			refer(list, append(list, e->name, "event"), "arg-type", e->data ? e->data : &empty_type,
			      e->name);
	}
	return list;
}
