/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/text.h - a growing piece of text, always ended by a NUL, and the UTF-8 in it.
 *
 * Out of memory is remembered in `failed`, so that only the end of a sequence of additions has to look.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* NULL until something was added */
	size_t length, room;
	bool failed;
};

void text_free(struct text *text);

/* Empties the text and keeps its memory, unless that had grown past what a usual message needs. */
void text_clear(struct text *text);

void text_add(struct text *text, const char *data, size_t length);

static inline void text_byte(struct text *text, char c)
{
	if (text->length + 1 < text->room) {
		text->data[text->length++] = c;
		text->data[text->length] = '\0';
	} else {
		text_add(text, &c, 1);
	}
}

/*
 * JSON knows U+0000, C strings do not: inside this program it is written as the two bytes C0 80, which valid UTF-8
 * never holds.
 */
void text_add_utf8(struct text *text, uint32_t code_point);

/* Reads one code point and moves on; -1 after one byte that is no valid UTF-8. The text at `*at` must not be empty. */
int32_t utf8_next(const char **at);

bool utf8_valid(const char *text);
