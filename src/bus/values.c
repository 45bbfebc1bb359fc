/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/values.c - what a plugin hands over as an answer or an event, checked and copied.
 */
#include "bus/values.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t values_count(const struct mortise_field *fields)
{
	size_t count = 0;

	while (fields && fields[count].name)
		count++;
	return count;
}

static bool number_ok(const struct mortise_field *field, uint64_t number)
{
	uint64_t words = 0;

	switch (field->type) {
	case MORTISE_FIELD_BOOL:
		return number <= 1;
	case MORTISE_FIELD_ENUM:
		while (field->values[words])
			words++;
		return number < words;
	default:
		return true;
	}
}

static int copy(struct mortise_value *to, const struct mortise_field *field, const struct mortise_value *from)
{
	if (field->flags & MORTISE_FIELD_OPTIONAL && (!from || !from->present))
		return 0;
	if (!from || (field->type == MORTISE_FIELD_STRING ? !from->string : !number_ok(field, from->number)))
		return -EINVAL;
	to->present = 1;
	to->number = from->number;
	if (field->type != MORTISE_FIELD_STRING)
		return 0;
	to->string = strdup(from->string);
	return to->string ? 0 : -ENOMEM;
}

int values_copy(struct mortise_value **out, const struct mortise_field *fields, const struct mortise_value *values)
{
	const size_t count = values_count(fields);
	struct mortise_value *copies = calloc(count + 1, sizeof(*copies));
	int r = copies ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && r == 0; i++)
		r = copy(&copies[i], &fields[i], values ? &values[i] : NULL);
	if (r < 0) {
		values_free(fields, copies);
		return r;
	}
	*out = copies;
	return 0;
}

void values_free(const struct mortise_field *fields, struct mortise_value *values)
{
	for (size_t i = 0; values && i < values_count(fields); i++)
		free((char *)values[i].string);
	free(values);
}
