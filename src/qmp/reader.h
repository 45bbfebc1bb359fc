/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/reader.h - a stream of bytes to JSON values, whatever the pieces in which it comes.
 *
 * Values are cJSON trees with two promises beyond cJSON's own: a number keeps its text in `valuestring`, so that it can
 * be echoed unchanged, and strings are valid UTF-8 (U+0000: see text.h). A value ends at its closing brace. What is
 * wrong is told once a message, and the stream goes on after it.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "qmp/lexer.h"
#include <mortise/error.h>

/* Bounds of one message. No command comes near them; a client cannot make the monitor hold more than this. */
#define READER_MAX_NESTING 1024
#define READER_MAX_TOKENS 131072
#define READER_MAX_TEXT (4u << 20) /* bytes of strings, numbers and keys */

enum reader_result {
	READER_MORE,  /* all bytes were used, nothing is complete */
	READER_VALUE, /* *value is the caller's */
	READER_ERROR, /* the error's message says what is wrong with the input */
};

struct reader {
	struct lexer lexer;
	cJSON *root;			 /* of the message being read, or NULL */
	cJSON *open[READER_MAX_NESTING]; /* containers begun and not ended, the innermost last */
	unsigned depth;
	int64_t braces, brackets; /* counted even where the message is wrong: they say where it ends */
	int expect;		  /* what may come next; the reader's own */
	char *key;		  /* of the member whose value comes next, or NULL */
	unsigned tokens;
	size_t text;
	bool wrong;    /* the rest of this message is only counted */
	bool skipping; /* as `wrong`, the error has been told already, and a control byte ends it too */
	struct mortise_error error;
};

struct reader *reader_new(void);
struct reader *reader_free(struct reader *reader);

/*
 * Reads up to the end of the next value or error; `*used` bytes of `data` were taken, give the others again. `*value`
 * is set with READER_VALUE, reader->error with READER_ERROR.
 */
enum reader_result reader_read(struct reader *reader, const char *data, size_t length, size_t *used, cJSON **value);

/* The stream has ended: READER_ERROR when that was in the middle of something, else READER_MORE. */
enum reader_result reader_end(struct reader *reader);
