/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/text.c - a growing piece of text and the UTF-8 in it (RFC 3629).
 */
#include "qmp/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define TEXT_KEEP (64 * KIB)

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

void text_clear(struct text *text)
{
	if (text->room > TEXT_KEEP)
		text_free(text);
	text->length = 0;
	text->failed = false;
	if (text->data)
		text->data[0] = '\0';
}

static bool reserve(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 64;
	char *data;

	if (text->failed || more > SIZE_MAX / 4 || text->length > SIZE_MAX / 4) {
		text->failed = true;
		return false;
	}
	while (room < text->length + more + 1)
		room *= 2;
	if (room == text->room)
		return true;
	data = realloc(text->data, room);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->room = room;
	return true;
}

void text_add(struct text *text, const char *data, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_add_utf8(struct text *text, uint32_t c)
{
	if (c && c < 0x80) {
		text_byte(text, (char)c);
	} else if (c < 0x800) {
		text_byte(text, (char)(0xC0 | c >> 6));
		text_byte(text, (char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		text_byte(text, (char)(0xE0 | c >> 12));
		text_byte(text, (char)(0x80 | (c >> 6 & 0x3F)));
		text_byte(text, (char)(0x80 | (c & 0x3F)));
	} else {
		text_byte(text, (char)(0xF0 | c >> 18));
		text_byte(text, (char)(0x80 | (c >> 12 & 0x3F)));
		text_byte(text, (char)(0x80 | (c >> 6 & 0x3F)));
		text_byte(text, (char)(0x80 | (c & 0x3F)));
	}
}

int32_t utf8_next(const char **at)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *bytes = (const uint8_t *)*at;
	uint32_t c = bytes[0];
	unsigned length;

	if (c < 0x80)
		length = 1;
	else if (c >= 0xC0 && c < 0xE0)
		length = 2, c &= 0x1F;
	else if (c >= 0xE0 && c < 0xF0)
		length = 3, c &= 0x0F;
	else if (c >= 0xF0 && c < 0xF8)
		length = 4, c &= 0x07;
	else
		length = 0;
	/* A NUL is no continuation byte, so a cut sequence is never read past. */
	for (unsigned i = 1; i < length; i++) {
		if ((bytes[i] & 0xC0) != 0x80) {
			length = 0;
			break;
		}
		c = c << 6 | (bytes[i] & 0x3F);
	}
	if (length == 2 && c == 0)
		; /* U+0000 as this program keeps it */
	else if (!length || c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
		*at += 1;
		return -1;
	}
	*at += length;
	return (int32_t)c;
}

bool utf8_valid(const char *text)
{
	while (*text)
		if (utf8_next(&text) < 0)
			return false;
	return true;
}
