/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/lexer.c - bytes to JSON tokens (RFC 8259, sections 2 to 7, with QEMU's extensions).
 */
#include "qmp/lexer.h"

#include <stddef.h>

enum state {
	STATE_START,
	STATE_STRING,
	STATE_ESCAPE,
	STATE_HEX,
	STATE_WORD,
	STATE_MINUS,
	STATE_ZERO,
	STATE_DIGITS,
	STATE_POINT,
	STATE_FRACTION,
	STATE_E,
	STATE_E_SIGN,
	STATE_E_DIGITS,
	STATE_RECOVERY, /* after a stray byte: to the next byte that can begin something */
};

static const char bad_utf8[] = "invalid UTF-8 sequence in string";
static const char bad_escape[] = "invalid escape sequence in string";
static const char bad_surrogate[] = "lone surrogate in string is not a valid Unicode character";

void lexer_free(struct lexer *lexer)
{
	text_free(&lexer->text);
}

void lexer_reset(struct lexer *lexer)
{
	lexer->state = STATE_START;
	text_clear(&lexer->text);
}

bool lexer_busy(const struct lexer *lexer)
{
	return lexer->state != STATE_START && lexer->state != STATE_RECOVERY;
}

/* Bytes that no token holds: at them a client that lost its place begins again. */
static bool is_reset(uint8_t c)
{
	return c < 0x20 || c >= 0xFE;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void keep(struct lexer *lexer, uint8_t c)
{
	if (!lexer->muted)
		text_byte(&lexer->text, (char)c);
}

static void spoil(struct lexer *lexer, const char *flaw)
{
	if (!lexer->flaw)
		lexer->flaw = flaw;
}

/* A unit of the string that is not the second half of a pair. */
static void end_pair(struct lexer *lexer)
{
	if (lexer->high)
		spoil(lexer, bad_surrogate);
	lexer->high = 0;
}

static void take_unit(struct lexer *lexer, uint32_t unit)
{
	if (lexer->high && unit >= 0xDC00 && unit <= 0xDFFF) {
		unit = 0x10000 + ((lexer->high - 0xD800) << 10) + (unit - 0xDC00);
		lexer->high = 0;
	}
	end_pair(lexer);
	if (unit >= 0xD800 && unit <= 0xDBFF)
		lexer->high = unit;
	else if (unit >= 0xDC00 && unit <= 0xDFFF)
		spoil(lexer, bad_surrogate);
	else if (!lexer->muted)
		text_add_utf8(&lexer->text, unit);
}

static enum token end_string(struct lexer *lexer)
{
	end_pair(lexer);
	if (!lexer->muted && lexer->text.data && !utf8_valid(lexer->text.data))
		spoil(lexer, bad_utf8);
	lexer->state = STATE_START;
	return TOKEN_STRING;
}

/* `c` cannot stand here. */
static enum token stray(struct lexer *lexer, uint8_t c)
{
	keep(lexer, c);
	lexer->state = is_reset(c) ? STATE_START : STATE_RECOVERY;
	return TOKEN_STRAY;
}

static enum token take_in_string(struct lexer *lexer, uint8_t c)
{
	if (is_reset(c))
		return stray(lexer, c);
	if (c == (uint8_t)lexer->quote)
		return end_string(lexer);
	if (c == '\\') {
		lexer->state = STATE_ESCAPE;
		return TOKEN_NONE;
	}
	end_pair(lexer);
	/* Never in UTF-8 (RFC 3629), and C0 means something of our own in decoded text. */
	if (c == 0xC0 || c == 0xC1 || c >= 0xF5)
		spoil(lexer, bad_utf8);
	keep(lexer, c);
	return TOKEN_NONE;
}

static enum token take_escape(struct lexer *lexer, uint8_t c)
{
	static const char from[] = "\"\\/'bfnrt", to[] = "\"\\/'\b\f\n\r\t";

	if (is_reset(c))
		return stray(lexer, c);
	lexer->state = STATE_STRING;
	if (c == 'u') {
		lexer->state = STATE_HEX;
		lexer->hex_left = 4;
		lexer->hex = 0;
		return TOKEN_NONE;
	}
	for (size_t i = 0; from[i]; i++) {
		if ((uint8_t)from[i] == c) {
			take_unit(lexer, (uint8_t)to[i]);
			return TOKEN_NONE;
		}
	}
	spoil(lexer, bad_escape);
	return TOKEN_NONE;
}

static bool take_hex(struct lexer *lexer, uint8_t c)
{
	unsigned digit;

	if (is_digit(c)) {
		digit = c - '0';
	} else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
		digit = (c | 0x20) - 'a' + 10;
	} else {
		spoil(lexer, bad_escape);
		lexer->state = STATE_STRING;
		return false;
	}
	lexer->hex = lexer->hex << 4 | digit;
	if (--lexer->hex_left == 0) {
		lexer->state = STATE_STRING;
		take_unit(lexer, lexer->hex);
	}
	return true;
}

/* The state after `c` in a number; STATE_START: the number ended before it; STATE_RECOVERY: it cannot go on so. */
static enum state next_in_number(enum state state, uint8_t c)
{
	bool exponent = (c | 0x20) == 'e';

	switch (state) {
	case STATE_MINUS:
		return c == '0' ? STATE_ZERO : is_digit(c) ? STATE_DIGITS : STATE_RECOVERY;
	case STATE_ZERO:
		return is_digit(c) ? STATE_RECOVERY : c == '.' ? STATE_POINT : exponent ? STATE_E : STATE_START;
	case STATE_DIGITS:
		return is_digit(c) ? STATE_DIGITS : c == '.' ? STATE_POINT : exponent ? STATE_E : STATE_START;
	case STATE_POINT:
		return is_digit(c) ? STATE_FRACTION : STATE_RECOVERY;
	case STATE_FRACTION:
		return is_digit(c) ? STATE_FRACTION : exponent ? STATE_E : STATE_START;
	case STATE_E:
		return is_digit(c) ? STATE_E_DIGITS : c == '+' || c == '-' ? STATE_E_SIGN : STATE_RECOVERY;
	case STATE_E_SIGN:
		return is_digit(c) ? STATE_E_DIGITS : STATE_RECOVERY;
	default:
		return is_digit(c) ? STATE_E_DIGITS : STATE_START;
	}
}

static enum token punctuation(uint8_t c)
{
	switch (c) {
	case '{':
		return TOKEN_OPEN_OBJECT;
	case '}':
		return TOKEN_CLOSE_OBJECT;
	case '[':
		return TOKEN_OPEN_ARRAY;
	case ']':
		return TOKEN_CLOSE_ARRAY;
	case ':':
		return TOKEN_COLON;
	case ',':
		return TOKEN_COMMA;
	default:
		return TOKEN_NONE;
	}
}

static enum token begin(struct lexer *lexer, uint8_t c)
{
	enum token token = punctuation(c);

	if (token || c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return token;
	text_clear(&lexer->text);
	lexer->flaw = NULL;
	lexer->high = 0;
	if (c == '"' || c == '\'') {
		lexer->quote = (char)c;
		lexer->state = STATE_STRING;
		return TOKEN_NONE;
	}
	if (c >= 'a' && c <= 'z')
		lexer->state = STATE_WORD;
	else if (c == '-')
		lexer->state = STATE_MINUS;
	else if (is_digit(c))
		lexer->state = c == '0' ? STATE_ZERO : STATE_DIGITS;
	else
		return stray(lexer, c);
	keep(lexer, c);
	return TOKEN_NONE;
}

bool lexer_take(struct lexer *lexer, uint8_t c, enum token *token)
{
	enum state next;

	*token = TOKEN_NONE;
	switch ((enum state)lexer->state) {
	case STATE_START:
		*token = begin(lexer, c);
		return true;
	case STATE_STRING:
		*token = take_in_string(lexer, c);
		return true;
	case STATE_ESCAPE:
		*token = take_escape(lexer, c);
		return true;
	case STATE_HEX:
		return take_hex(lexer, c);
	case STATE_WORD:
		if (c >= 'a' && c <= 'z') {
			keep(lexer, c);
			return true;
		}
		lexer->state = STATE_START;
		*token = TOKEN_WORD;
		return false;
	case STATE_RECOVERY:
		if (is_reset(c)) {
			lexer->state = STATE_START;
			return true;
		}
		if (!punctuation(c))
			return true;
		lexer->state = STATE_START;
		return false;
	default:
		next = next_in_number((enum state)lexer->state, c);
		if (next == STATE_RECOVERY) {
			*token = stray(lexer, c);
			/* What ends a broken number may begin something that counts. */
			if (punctuation(c))
				lexer->state = STATE_START;
			return !punctuation(c);
		}
		lexer->state = (int)next;
		if (next == STATE_START) {
			*token = TOKEN_NUMBER;
			return false;
		}
		keep(lexer, c);
		return true;
	}
}
