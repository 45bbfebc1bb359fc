/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/writer.c - cJSON values to one line of ASCII.
 */
#include "qmp/writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add(struct text *text, const char *word)
{
	text_add(text, word, strlen(word));
}

static void write_unit(struct text *text, uint32_t unit)
{
	char escape[12];

	snprintf(escape, sizeof(escape), "\\u%04X", unit & 0xFFFF);
	text_add(text, escape, 6);
}

static void write_string(struct text *text, const char *string)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";

	text_byte(text, '"');
	while (*string) {
		int32_t c = utf8_next(&string);
		const char *short_form = c > 0 && c < 0x80 ? strchr(plain, (int)c) : NULL;

		if (short_form) {
			text_byte(text, '\\');
			text_byte(text, letter[short_form - plain]);
		} else if (c >= 0x20 && c < 0x7F) {
			text_byte(text, (char)c);
		} else if (c < 0) {
			write_unit(text, 0xFFFD);
		} else if (c < 0x10000) {
			write_unit(text, (uint32_t)c);
		} else {
			write_unit(text, 0xD800 + (((uint32_t)c - 0x10000) >> 10));
			write_unit(text, 0xDC00 + (((uint32_t)c - 0x10000) & 0x3FF));
		}
	}
	text_byte(text, '"');
}

static void write_number(struct text *text, const cJSON *number)
{
	char digits[32];

	if (number->valuestring) {
		add(text, number->valuestring);
	} else if (!isfinite(number->valuedouble)) {
		add(text, "null"); /* JSON has no infinities */
	} else {
		snprintf(digits, sizeof(digits), "%.17g", number->valuedouble);
		add(text, digits);
	}
}

static void write_members(struct text *text, const cJSON *container)
{
	for (const cJSON *item = container->child; item; item = item->next) {
		if (item != container->child)
			add(text, ", ");
		if (cJSON_IsObject(container)) {
			write_string(text, item->string ? item->string : "");
			add(text, ": ");
		}
		write_json(text, item);
	}
}

/* Recursive, as cJSON is: the reader's bound on nesting bounds what a client can have echoed. */
void write_json(struct text *text, const cJSON *value)
{
	if (cJSON_IsObject(value)) {
		text_byte(text, '{');
		write_members(text, value);
		text_byte(text, '}');
	} else if (cJSON_IsArray(value)) {
		text_byte(text, '[');
		write_members(text, value);
		text_byte(text, ']');
	} else if (cJSON_IsString(value)) {
		write_string(text, value->valuestring);
	} else if (cJSON_IsNumber(value)) {
		write_number(text, value);
	} else {
		add(text, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
	}
}
