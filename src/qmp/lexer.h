/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/lexer.h - bytes to JSON tokens, one byte at a time.
 *
 * The language is QEMU's: JSON, and strings in single quotes, and \' in strings. A control byte or 0xFE/0xFF that has
 * no business where it stands ends what was begun, inside a string too, so that a client can always start afresh.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "qmp/text.h"

enum token {
	TOKEN_NONE, /* nothing is complete yet */
	TOKEN_OPEN_OBJECT,
	TOKEN_CLOSE_OBJECT,
	TOKEN_OPEN_ARRAY,
	TOKEN_CLOSE_ARRAY,
	TOKEN_COLON,
	TOKEN_COMMA,
	TOKEN_STRING, /* `text` is decoded; see `flaw` */
	TOKEN_NUMBER, /* `text` is as written */
	TOKEN_WORD,   /* true, false, null or another; `text` */
	TOKEN_STRAY,  /* no token begins or goes on like this; `text` is what was read */
};

struct lexer {
	int state; /* the lexer's own */
	struct text text;
	const char *flaw; /* why a finished string is none that JSON allows, or NULL */
	bool muted;	  /* set by the reader: find the ends of tokens, keep no text */

	char quote;		/* that ends the string */
	unsigned hex_left, hex; /* digits of a \u escape still to come, and those read */
	uint32_t high;		/* first half of a surrogate pair, waiting for the second, or 0 */
};

void lexer_free(struct lexer *lexer);

/* Forgets what was begun. */
void lexer_reset(struct lexer *lexer);

/* Whether a token is begun and unfinished. */
bool lexer_busy(const struct lexer *lexer);

/*
 * Takes one byte. Returns true when the byte was used; false when it only ended the token before it (a number, a
 * word) and must be given again. `*token` is the token that is now complete; its text lives until the next call.
 */
bool lexer_take(struct lexer *lexer, uint8_t byte, enum token *token);
