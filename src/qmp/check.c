/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/check.c - values against the types of the schema.
 */
#include "qmp/check.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "qmp/json.h"

/* Where a value is, from the outside in; lives on the stack of the checks. */
struct place {
	const struct place *outer; /* NULL: the arguments themselves, which have no name */
	const char *name;	   /* of a member, or NULL: */
	unsigned index;		   /* of an element */
};

/* "file.filename", "enable[0]", or "arguments" for the whole. */
static const char *path_of(const struct place *place, char *buffer, size_t room)
{
	size_t used;

	if (!place || (!place->outer && !place->name))
		return "arguments";
	buffer[0] = '\0';
	if (place->outer && (place->outer->outer || place->outer->name))
		path_of(place->outer, buffer, room);
	used = strlen(buffer);
	if (place->name)
		snprintf(buffer + used, room - used, "%s%s", used ? "." : "", place->name);
	else
		snprintf(buffer + used, room - used, "[%u]", place->index);
	return buffer;
}

static int wrong_type(const struct schema_type *type, const struct place *place, struct mortise_error *err)
{
	char path[256];

	return mortise_fail(err, -EINVAL, "Invalid parameter type for '%s', expected: %s",
			    path_of(place, path, sizeof(path)), schema_expected(type));
}

static bool has_json_type(const struct schema_type *type, const cJSON *value)
{
	switch (type->kind) {
	case SCHEMA_STRING:
	case SCHEMA_ENUM:
		return cJSON_IsString(value);
	case SCHEMA_BOOL:
		return cJSON_IsBool(value);
	case SCHEMA_INT:
	case SCHEMA_UINT:
	case SCHEMA_NUMBER:
		return cJSON_IsNumber(value);
	case SCHEMA_ARRAY:
		return cJSON_IsArray(value);
	case SCHEMA_OBJECT:
		return cJSON_IsObject(value);
	default:
		return true;
	}
}

static int check(const struct schema_type *type, const cJSON *value, const struct place *place,
		 struct mortise_error *err);

static int check_members(const struct schema_type *type, const cJSON *object, const struct place *place,
			 struct mortise_error *err)
{
	for (const struct schema_member *member = type->members; member && member->name; member++) {
		const struct place inner = {.outer = place, .name = member->name};
		const cJSON *value = json_get(object, member->name);
		char path[256];
		int r;

		if (!value && member->optional)
			continue;
		if (!value)
			return mortise_fail(err, -EINVAL, "Parameter '%s' is missing",
					    path_of(&inner, path, sizeof(path)));
		r = check(member->type, value, &inner, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct schema_member *find_member(const struct schema_type *type, const char *name)
{
	for (const struct schema_member *member = type ? type->members : NULL; member && member->name; member++)
		if (streq(member->name, name))
			return member;
	return NULL;
}

/* The variant that the object's tag selects; NULL: none adds members. The tag was checked. */
static const struct schema_type *select_variant(const struct schema_type *type, const cJSON *object)
{
	const char *value;

	if (!type->tag)
		return NULL;
	value = json_string(object, type->tag);
	if (!value)
		value = find_member(type, type->tag)->fallback;
	for (const struct schema_variant *variant = type->variants; value && variant->value; variant++)
		if (streq(variant->value, value))
			return variant->type;
	return NULL;
}

static int check_object(const struct schema_type *type, const cJSON *object, const struct place *place,
			struct mortise_error *err)
{
	const struct schema_type *variant;
	int r = check_members(type, object, place, err);

	if (r < 0)
		return r;
	variant = select_variant(type, object);
	if (variant) {
		r = check_members(variant, object, place, err);
		if (r < 0)
			return r;
	}
	if (type->open || (!variant && type->tag && find_member(type, type->tag)->type->open))
		return 0;
	for (const cJSON *item = object->child; item; item = item->next) {
		const struct place inner = {.outer = place, .name = item->string};
		char path[256];

		if (!find_member(type, item->string) && !find_member(variant, item->string))
			return mortise_fail(err, -EINVAL, "Parameter '%s' is unexpected",
					    path_of(&inner, path, sizeof(path)));
	}
	return 0;
}

static int check_array(const struct schema_type *type, const cJSON *array, const struct place *place,
		       struct mortise_error *err)
{
	struct place inner = {.outer = place};

	for (const cJSON *item = array->child; item; item = item->next, inner.index++) {
		int r = check(type->element, item, &inner, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_enum(const struct schema_type *type, const cJSON *value, const struct place *place,
		      struct mortise_error *err)
{
	char path[256];

	for (const char *const *word = type->values; *word; word++)
		if (streq(*word, value->valuestring))
			return 0;
	if (type->open)
		return 0;
	return mortise_fail(err, -EINVAL, "Parameter '%s' does not accept value '%s'",
			    path_of(place, path, sizeof(path)), value->valuestring);
}

static int check_integer(const struct schema_type *type, const cJSON *value, const struct place *place,
			 struct mortise_error *err)
{
	uint64_t natural;
	int64_t integer;
	char path[256];
	int r = type->kind == SCHEMA_UINT ? json_to_unsigned(value, &natural) : json_to_integer(value, &integer);

	if (r == -ERANGE && type->kind == SCHEMA_UINT && value->valuestring[0] == '-')
		return mortise_fail(err, -EINVAL, "Parameter '%s' expects a number that is not negative",
				    path_of(place, path, sizeof(path)));
	return r < 0 ? wrong_type(type, place, err) : 0;
}

static int check(const struct schema_type *type, const cJSON *value, const struct place *place,
		 struct mortise_error *err)
{
	if (!has_json_type(type, value))
		return wrong_type(type, place, err);
	switch (type->kind) {
	case SCHEMA_INT:
	case SCHEMA_UINT:
		return check_integer(type, value, place, err);
	case SCHEMA_ENUM:
		return check_enum(type, value, place, err);
	case SCHEMA_ARRAY:
		return check_array(type, value, place, err);
	case SCHEMA_OBJECT:
		return check_object(type, value, place, err);
	case SCHEMA_ALTERNATE:
		for (const struct schema_member *member = type->members; member->name; member++)
			if (has_json_type(member->type, value))
				return check(member->type, value, place, err);
		return wrong_type(type, place, err);
	default:
		return 0;
	}
}

int check_value(const struct schema_type *type, const cJSON *value, const char *path, struct mortise_error *err)
{
	const struct place place = {.name = path};

	return check(type, value, &place, err);
}

int check_arguments(const struct schema_type *type, const cJSON *arguments, struct mortise_error *err)
{
	static const struct schema_type nothing = {.kind = SCHEMA_OBJECT};
	static const cJSON empty = {.type = cJSON_Object};
	const struct place place = {0};

	return check_object(type ? type : &nothing, arguments ? arguments : &empty, &place, err);
}
