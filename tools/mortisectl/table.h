/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/table.h - lists of objects as tables for people.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

/* A column: its title, and where its value is in each object, with dots between the names. */
struct column {
	const char *title, *path;
	enum { COLUMN_TEXT, COLUMN_SIZE, COLUMN_YES } kind; /* SIZE: bytes, shown with a unit; YES: a bool */
};

/* Prints one line an object, in columns as wide as they need; `columns` ends with a NULL title. */
void table_print(FILE *to, const cJSON *list, const struct column *columns);

/* The item at a dotted path, or NULL. */
const cJSON *table_item(const cJSON *object, const char *path);
