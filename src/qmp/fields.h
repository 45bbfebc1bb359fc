/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/fields.h - a plugin's tables of fields, as types of the schema and as JSON.
 */
#pragma once

#include <stddef.h>

#include "qmp/schema.h"
#include <mortise/command.h>
#include <mortise/error.h>

/* A type made of fields; owns its names, and no other string. */
struct field_type {
	struct schema_type type;
	struct schema_member *members;
	struct schema_type *enums; /* [count]: of members that have one */
	size_t count;
};

/* Called "<owner>-<part>". `more` is one further member, or NULL. On -ENOMEM there is nothing to be done with. */
int field_type_make(struct field_type *out, const char *owner, const char *part, const struct mortise_field *fields,
		    const struct schema_member *more);
void field_type_done(struct field_type *type);

/* Reads an object that was checked against the type: -EINVAL and a message where a value is out of its field's range.
 */
int fields_read(struct mortise_value *out, const struct mortise_field *fields, const cJSON *object,
		struct mortise_error *err);

/* Adds a member for each value that is there. */
void fields_write(cJSON *object, const struct mortise_field *fields, const struct mortise_value *values);
