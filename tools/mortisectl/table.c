/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/table.c - lists of objects as tables for people.
 */
#include "table.h"

#include <string.h>

#include "base/util.h"

#define CELL_SIZE 256
#define COLUMNS_MAX 12

const cJSON *table_item(const cJSON *object, const char *path)
{
	while (object && *path) {
		char name[64];
		size_t length = strcspn(path, ".");

		if (length >= sizeof(name))
			return NULL;
		memcpy(name, path, length);
		name[length] = '\0';
		object = cJSON_GetObjectItemCaseSensitive(object, name);
		path += length + (path[length] == '.');
	}
	return object;
}

static void format_size(char *cell, double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(cell, CELL_SIZE, "%.*f %s", bytes < 10 && unit ? 1 : 0, bytes, units[unit]);
}

static void format_cell(char *cell, const cJSON *object, const struct column *column)
{
	const cJSON *item = table_item(object, column->path);

	if (column->kind == COLUMN_YES)
		snprintf(cell, CELL_SIZE, "%s", cJSON_IsTrue(item) ? "yes" : "no");
	else if (cJSON_IsNumber(item) && column->kind == COLUMN_SIZE)
		format_size(cell, item->valuedouble);
	else if (cJSON_IsNumber(item))
		snprintf(cell, CELL_SIZE, "%.0f", item->valuedouble);
	else if (cJSON_IsString(item) && *item->valuestring)
		snprintf(cell, CELL_SIZE, "%s", item->valuestring);
	else
		snprintf(cell, CELL_SIZE, "-");
}

void table_print(FILE *to, const cJSON *list, const struct column *columns)
{
	int widths[COLUMNS_MAX] = {0};
	const cJSON *object;
	char cell[CELL_SIZE];
	size_t count = 0;

	for (; columns[count].title && count < COLUMNS_MAX; count++)
		widths[count] = (int)strlen(columns[count].title);
	cJSON_ArrayForEach(object, list)
	{
		for (size_t i = 0; i < count; i++) {
			format_cell(cell, object, &columns[i]);
			widths[i] = MAX(widths[i], (int)strlen(cell));
		}
	}
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%-*s%s", i + 1 < count ? widths[i] : 0, columns[i].title, i + 1 < count ? "  " : "\n");
	cJSON_ArrayForEach(object, list)
	{
		for (size_t i = 0; i < count; i++) {
			format_cell(cell, object, &columns[i]);
			fprintf(to, "%-*s%s", i + 1 < count ? widths[i] : 0, cell, i + 1 < count ? "  " : "\n");
		}
	}
}
