/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/reader.c - JSON tokens to cJSON values.
 */
#include "qmp/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "qmp/json.h"

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* after [ */
	EXPECT_KEY,
	EXPECT_KEY_OR_END, /* after { */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
};

struct reader *reader_new(void)
{
	return calloc(1, sizeof(struct reader));
}

static void drop_value(struct reader *reader)
{
	cJSON_Delete(reader->root);
	reader->root = NULL;
	free(reader->key);
	reader->key = NULL;
	reader->depth = 0;
}

/* Ready for the next message. */
static void restart(struct reader *reader)
{
	drop_value(reader);
	reader->braces = reader->brackets = 0;
	reader->expect = EXPECT_VALUE;
	reader->tokens = 0;
	reader->text = 0;
	reader->wrong = reader->skipping = false;
	reader->lexer.muted = false;
}

struct reader *reader_free(struct reader *reader)
{
	if (!reader)
		return NULL;
	drop_value(reader);
	lexer_free(&reader->lexer);
	free(reader);
	return NULL;
}

/* The message is no JSON; its end is still looked for, so that the next one is found. */
static void reject(struct reader *reader, const char *what)
{
	mortise_fail(&reader->error, -EINVAL, "JSON parse error, %s", what);
	drop_value(reader);
	reader->wrong = true;
	reader->lexer.muted = true;
}

/*
 * The message is more than the monitor wants to hold. Told at once, and skipped up to where it ends or, as nobody may
 * ever close what was opened, to the end of the line.
 */
static enum reader_result refuse(struct reader *reader, const char *what)
{
	mortise_fail(&reader->error, -E2BIG, "%s", what);
	drop_value(reader);
	reader->wrong = reader->skipping = true;
	reader->lexer.muted = true;
	return READER_ERROR;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static bool has_duplicates(const cJSON *object)
{
	size_t count = (size_t)cJSON_GetArraySize(object), i = 0;
	_cleanup_free_ const cJSON **members = count > 1 ? malloc(count * sizeof(*members)) : NULL;

	if (!members)
		return count > 1; /* out of memory: nothing that could be relied on */
	for (const cJSON *member = object->child; member; member = member->next)
		members[i++] = member;
	qsort(members, count, sizeof(*members), by_name);
	for (i = 1; i < count; i++)
		if (streq(members[i - 1]->string, members[i]->string))
			return true;
	return false;
}

/* Puts a value in its place; takes `item`, which may be NULL: out of memory. */
static void place(struct reader *reader, cJSON *item)
{
	if (!item) {
		reject(reader, "out of memory");
		return;
	}
	item->string = steal_ptr(&reader->key);
	if (reader->depth)
		cJSON_AddItemToArray(reader->open[reader->depth - 1], item); /* appends to objects as well */
	else
		reader->root = item;
	if (cJSON_IsArray(item) || cJSON_IsObject(item))
		reader->open[reader->depth++] = item;
	reader->expect = cJSON_IsArray(item)	? EXPECT_VALUE_OR_END
			 : cJSON_IsObject(item) ? EXPECT_KEY_OR_END
						: EXPECT_COMMA_OR_END;
}

static const char *token_text(const struct reader *reader)
{
	return reader->lexer.text.data ? reader->lexer.text.data : "";
}

static void take_word(struct reader *reader)
{
	const char *word = token_text(reader);
	char message[64];

	if (streq(word, "true")) {
		place(reader, cJSON_CreateTrue());
	} else if (streq(word, "false")) {
		place(reader, cJSON_CreateFalse());
	} else if (streq(word, "null")) {
		place(reader, cJSON_CreateNull());
	} else {
		snprintf(message, sizeof(message), "invalid keyword '%.32s'", word);
		reject(reader, message);
	}
}

static void take_value(struct reader *reader, enum token token)
{
	if (reader->expect == EXPECT_KEY || reader->expect == EXPECT_KEY_OR_END) {
		if (token != TOKEN_STRING) {
			reject(reader, "key is not a string in object");
			return;
		}
		reader->key = strdup(token_text(reader));
		reader->expect = EXPECT_COLON;
		if (!reader->key)
			reject(reader, "out of memory");
		return;
	}
	if (reader->expect != EXPECT_VALUE && reader->expect != EXPECT_VALUE_OR_END) {
		reject(reader, reader->expect == EXPECT_COLON			 ? "missing : in object pair"
			       : cJSON_IsObject(reader->open[reader->depth - 1]) ? "expected separator in dict"
										 : "expected separator in list");
		return;
	}
	switch (token) {
	case TOKEN_OPEN_OBJECT:
		place(reader, cJSON_CreateObject());
		break;
	case TOKEN_OPEN_ARRAY:
		place(reader, cJSON_CreateArray());
		break;
	case TOKEN_STRING:
		place(reader, cJSON_CreateString(token_text(reader)));
		break;
	case TOKEN_NUMBER:
		place(reader, json_number(token_text(reader)));
		break;
	default:
		take_word(reader);
		break;
	}
}

static void take_close(struct reader *reader, bool object)
{
	cJSON *container = reader->depth ? reader->open[reader->depth - 1] : NULL;
	bool may_end = reader->expect == EXPECT_COMMA_OR_END ||
		       reader->expect == (object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END);

	if (!container || !may_end || !!cJSON_IsObject(container) != object) {
		reject(reader, reader->expect == EXPECT_COLON ? "missing : in object pair"
			       : reader->expect == EXPECT_COMMA_OR_END
				       ? "expected separator or the other closing bracket"
				       : "expecting value");
		return;
	}
	if (object && has_duplicates(container)) {
		reject(reader, "duplicate key");
		return;
	}
	reader->depth--;
	reader->expect = EXPECT_COMMA_OR_END;
}

static void take_separator(struct reader *reader, bool colon)
{
	if (colon && reader->expect == EXPECT_COLON)
		reader->expect = EXPECT_VALUE;
	else if (!colon && reader->depth && reader->expect == EXPECT_COMMA_OR_END)
		reader->expect = cJSON_IsObject(reader->open[reader->depth - 1]) ? EXPECT_KEY : EXPECT_VALUE;
	else
		reject(reader, reader->expect == EXPECT_COLON	       ? "missing : in object pair"
			       : reader->expect == EXPECT_COMMA_OR_END ? "expected separator"
								       : "expecting value");
}

static void build(struct reader *reader, enum token token)
{
	switch (token) {
	case TOKEN_CLOSE_OBJECT:
	case TOKEN_CLOSE_ARRAY:
		take_close(reader, token == TOKEN_CLOSE_OBJECT);
		break;
	case TOKEN_COLON:
	case TOKEN_COMMA:
		take_separator(reader, token == TOKEN_COLON);
		break;
	default:
		if (token == TOKEN_STRING && reader->lexer.flaw)
			reject(reader, reader->lexer.flaw);
		else
			take_value(reader, token);
		break;
	}
}

static enum reader_result finish(struct reader *reader, cJSON **value)
{
	enum reader_result result = reader->skipping ? READER_MORE : reader->wrong ? READER_ERROR : READER_VALUE;

	if (result == READER_VALUE)
		*value = steal_ptr(&reader->root);
	restart(reader);
	return result;
}

static enum reader_result take_token(struct reader *reader, enum token token, cJSON **value)
{
	reader->braces += (token == TOKEN_OPEN_OBJECT) - (token == TOKEN_CLOSE_OBJECT);
	reader->brackets += (token == TOKEN_OPEN_ARRAY) - (token == TOKEN_CLOSE_ARRAY);
	if (!reader->skipping && reader->braces + reader->brackets > READER_MAX_NESTING)
		return refuse(reader, "JSON nesting depth limit exceeded (1024 levels)");
	if (!reader->wrong) {
		if (++reader->tokens > READER_MAX_TOKENS)
			return refuse(reader, "JSON token count limit exceeded (131072 tokens)");
		reader->text += reader->lexer.text.length;
		build(reader, token);
	}
	if (reader->braces >= 0 && reader->brackets >= 0 && reader->braces + reader->brackets > 0)
		return READER_MORE;
	return finish(reader, value);
}

static enum reader_result take_stray(struct reader *reader)
{
	bool told = reader->skipping;

	mortise_fail(&reader->error, -EINVAL, "JSON parse error, stray '%.32s'", token_text(reader));
	restart(reader);
	return told ? READER_MORE : READER_ERROR;
}

enum reader_result reader_read(struct reader *reader, const char *data, size_t length, size_t *used, cJSON **value)
{
	size_t at = 0;

	while (at < length) {
		enum reader_result result = READER_MORE;
		enum token token;

		if (reader->skipping && (uint8_t)data[at] < 0x20) {
			lexer_reset(&reader->lexer);
			restart(reader);
			at++;
			continue;
		}
		at += lexer_take(&reader->lexer, (uint8_t)data[at], &token);
		if (token == TOKEN_STRAY)
			result = take_stray(reader);
		else if (token)
			result = take_token(reader, token, value);
		else if (!reader->wrong && lexer_busy(&reader->lexer) &&
			 (reader->text + reader->lexer.text.length > READER_MAX_TEXT || reader->lexer.text.failed))
			result = refuse(reader, "JSON token size limit exceeded (4 MiB)");
		if (result != READER_MORE) {
			*used = at;
			return result;
		}
	}
	*used = at;
	return READER_MORE;
}

enum reader_result reader_end(struct reader *reader)
{
	bool unfinished = (lexer_busy(&reader->lexer) || reader->braces || reader->brackets) && !reader->skipping;

	lexer_reset(&reader->lexer);
	restart(reader);
	if (!unfinished)
		return READER_MORE;
	mortise_fail(&reader->error, -EINVAL, "JSON parse error, the input ends in the middle of a message");
	return READER_ERROR;
}
