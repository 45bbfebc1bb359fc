/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/fields.c - between a plugin's flat values and JSON.
 */
#include "qmp/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "bus/values.h"
#include "qmp/json.h"

static const struct schema_type *plain_type(uint32_t type)
{
	switch (type) {
	case MORTISE_FIELD_BOOL:
		return &type_bool;
	case MORTISE_FIELD_INT:
		return &type_int;
	case MORTISE_FIELD_UINT:
		return &type_uint;
	default:
		return &type_str;
	}
}

static char *make_name(const char *owner, const char *part)
{
	char *name;

	return asprintf(&name, "%s-%s", owner, part) < 0 ? NULL : name;
}

/* A member, and its type where that is an enum of its own. */
static int make_member(struct schema_member *member, struct schema_type *words, const char *owner,
		       const struct mortise_field *field)
{
	*member = (struct schema_member){
		.name = field->name,
		.type = plain_type(field->type),
		.help = field->help,
		.optional = field->flags & MORTISE_FIELD_OPTIONAL,
	};
	if (field->type != MORTISE_FIELD_ENUM)
		return 0;
	*words = (struct schema_type){.name = make_name(owner, field->name),
				      .kind = SCHEMA_ENUM,
				      .help = field->help,
				      .values = field->values};
	member->type = words;
	return words->name ? 0 : -ENOMEM;
}

int field_type_make(struct field_type *out, const char *owner, const char *part, const struct mortise_field *fields,
		    const struct schema_member *more)
{
	const size_t count = values_count(fields);
	struct field_type type = {
		.type = {.kind = SCHEMA_OBJECT, .name = make_name(owner, part)},
		.members = calloc(count + 2, sizeof(*type.members)),
		.enums = calloc(count + 1, sizeof(*type.enums)),
	};
	int r = type.type.name && type.members && type.enums ? 0 : -ENOMEM;

	for (type.count = 0; r == 0 && type.count < count; type.count++)
		r = make_member(&type.members[type.count], &type.enums[type.count], owner, &fields[type.count]);
	if (r < 0) {
		field_type_done(&type);
		return r;
	}
	if (more)
		type.members[count] = *more;
	type.type.members = type.members;
	*out = type;
	return 0;
}

void field_type_done(struct field_type *type)
{
	for (size_t i = 0; i < type->count; i++)
		free((char *)type->enums[i].name);
	free((char *)type->type.name);
	free(type->members);
	free(type->enums);
	*type = (struct field_type){0};
}

static int read_string(struct mortise_value *out, const struct mortise_field *field, const char *text,
		       struct mortise_error *err)
{
	out->string = text;
	if (field->max && strlen(text) > field->max)
		return mortise_fail(err, -EINVAL, "Parameter '%s' must have at most %" PRIu64 " bytes", field->name,
				    field->max);
	return 0;
}

static int read_number(struct mortise_value *out, const struct mortise_field *field, const cJSON *item,
		       struct mortise_error *err)
{
	json_to_unsigned(item, &out->number);
	if (out->number < field->min || (field->max && out->number > field->max))
		return mortise_fail(err, -EINVAL, "Parameter '%s' is %" PRIu64 ", must be from %" PRIu64 " to %" PRIu64,
				    field->name, out->number, field->min, field->max ? field->max : UINT64_MAX);
	return 0;
}

static int read_value(struct mortise_value *out, const struct mortise_field *field, const cJSON *item,
		      struct mortise_error *err)
{
	int64_t integer = 0;

	out->present = 1;
	switch (field->type) {
	case MORTISE_FIELD_BOOL:
		out->number = cJSON_IsTrue(item);
		return 0;
	case MORTISE_FIELD_INT:
		json_to_integer(item, &integer);
		out->number = (uint64_t)integer;
		return 0;
	case MORTISE_FIELD_UINT:
		return read_number(out, field, item, err);
	case MORTISE_FIELD_ENUM:
		while (!streq(field->values[out->number], item->valuestring))
			out->number++;
		return 0;
	default:
		return read_string(out, field, item->valuestring, err);
	}
}

int fields_read(struct mortise_value *out, const struct mortise_field *fields, const cJSON *object,
		struct mortise_error *err)
{
	int r = 0;

	for (; fields && fields->name && r == 0; fields++, out++) {
		const cJSON *item = json_get(object, fields->name);

		if (item)
			r = read_value(out, fields, item, err);
	}
	return r;
}

void fields_write(cJSON *object, const struct mortise_field *fields, const struct mortise_value *values)
{
	for (; fields && fields->name; fields++, values++) {
		if (!values->present)
			continue;
		switch (fields->type) {
		case MORTISE_FIELD_BOOL:
			cJSON_AddBoolToObject(object, fields->name, values->number != 0);
			break;
		case MORTISE_FIELD_INT:
			json_add_integer(object, fields->name, (int64_t)values->number);
			break;
		case MORTISE_FIELD_UINT:
			json_add_unsigned(object, fields->name, values->number);
			break;
		case MORTISE_FIELD_ENUM:
			cJSON_AddStringToObject(object, fields->name, fields->values[values->number]);
			break;
		default:
			cJSON_AddStringToObject(object, fields->name, values->string);
			break;
		}
	}
}
