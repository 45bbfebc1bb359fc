/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-qmp-reader.c - hostile bytes to the JSON reader of QMP.
 *
 * Whatever they are: it does not matter in which pieces they come, and what the writer makes of a value is read as the
 * same value again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "qmp/reader.h"
#include "qmp/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool held)
{
	if (!held)
		abort();
}

static void check_value(const cJSON *value)
{
	struct reader *reader = reader_new();
	struct text first = {0}, second = {0};
	cJSON *again = NULL;
	size_t used;

	write_json(&first, value);
	text_byte(&first, ' '); /* ends a number */
	demand(reader_read(reader, first.data, first.length, &used, &again) == READER_VALUE);
	write_json(&second, again);
	text_byte(&second, ' ');
	demand(streq(first.data, second.data));
	for (size_t i = 0; i < first.length; i++)
		demand(first.data[i] >= 0x20 && first.data[i] < 0x7F);
	cJSON_Delete(again);
	text_free(&first);
	text_free(&second);
	reader_free(reader);
}

/* What comes out, in pieces of `step` bytes. */
static struct text read_all(const uint8_t *data, size_t size, size_t step)
{
	struct reader *reader = reader_new();
	struct text out = {0};

	text_byte(&out, '>');
	for (size_t at = 0; at < size;) {
		size_t length = MIN(step, size - at), used = 0;
		cJSON *value = NULL;
		enum reader_result result = reader_read(reader, (const char *)data + at, length, &used, &value);

		demand(used <= length && (used == length || result != READER_MORE));
		at += used;
		if (result == READER_VALUE) {
			check_value(value);
			write_json(&out, value);
			cJSON_Delete(value);
		} else if (result == READER_ERROR) {
			demand(reader->error.message[0] != '\0');
			text_add(&out, reader->error.message, strlen(reader->error.message));
		}
	}
	if (reader_end(reader) == READER_ERROR)
		text_byte(&out, '!');
	reader_free(reader);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text whole = read_all(data, size, size ? size : 1), bytes = read_all(data, size, 1);

	demand(streq(whole.data, bytes.data));
	text_free(&whole);
	text_free(&bytes);
	return 0;
}
