/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/values.h - arrays of values that go with a table of fields.
 */
#pragma once

#include <stddef.h>

#include <mortise/command.h>

/* How many fields a table has; NULL: 0. */
size_t values_count(const struct mortise_field *fields);

/*
 * Copies an array of a plugin's, with its strings. Fields that are not optional are there. -EINVAL: it is not what the
 * table says (a string that is NULL, a number beyond its type); -ENOMEM. Freed by values_free().
 */
int values_copy(struct mortise_value **out, const struct mortise_field *fields, const struct mortise_value *values);
void values_free(const struct mortise_field *fields, struct mortise_value *values); /* NULL is fine */
