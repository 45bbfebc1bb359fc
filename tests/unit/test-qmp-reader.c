/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-qmp-reader.c - the JSON reader and writer of QMP: what is accepted, refused and survived.
 *
 * Results are compared as one string with a line for each: values as the writer prints them, errors as "!message".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "qmp/json.h"
#include "qmp/reader.h"
#include "qmp/writer.h"

/* Reads `input` in pieces of `step` bytes; the caller frees the transcript. */
static char *transcript(const char *input, size_t length, size_t step)
{
	struct reader *reader = reader_new();
	struct text out = {0};

	assert_non_null(reader);
	text_add(&out, "", 0);
	for (size_t at = 0; at < length;) {
		cJSON *value = NULL;
		size_t used = 0;
		enum reader_result result = reader_read(reader, input + at, MIN(step, length - at), &used, &value);

		assert_true(used > 0 || result != READER_MORE);
		at += used;
		if (result == READER_VALUE) {
			write_json(&out, value);
			text_byte(&out, '\n');
			cJSON_Delete(value);
		} else if (result == READER_ERROR) {
			assert_true(reader->error.message[0] != '\0');
			text_byte(&out, '!');
			text_add(&out, reader->error.message, strlen(reader->error.message));
			text_byte(&out, '\n');
		}
	}
	if (reader_end(reader) == READER_ERROR)
		text_add(&out, "!end\n", 5);
	reader_free(reader);
	return out.data;
}

static void expect_n(const char *input, size_t length, const char *expected)
{
	const size_t steps[] = {1, 2, 7, length ? length : 1};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		char *got = transcript(input, length, steps[i]);

		assert_string_equal(got, expected);
		free(got);
	}
}

static void expect(const char *input, const char *expected)
{
	expect_n(input, strlen(input), expected);
}

static void test_values(void **state)
{
	expect("{\"a\": [1, -2.50e+3, true, false, null, {}], \"b\":\"x\"}",
	       "{\"a\": [1, -2.50e+3, true, false, null, {}], \"b\": \"x\"}\n");
	expect("{}{}[] \"s\" 7 ", "{}\n{}\n[]\n\"s\"\n7\n");
	expect(" \t\r\n{ } ", "{}\n");
	expect("{'a':'it\\'s \"so\"'}", "{\"a\": \"it's \\\"so\\\"\"}\n");
	expect("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]\n");
	expect("{\"a\":{\"a\":{\"a\":1}}}", "{\"a\": {\"a\": {\"a\": 1}}}\n");
}

static void test_numbers_are_kept(void **state)
{
	expect("[18446744073709551616, 1.10, 1e400, -0, 0.5E-1, 9007199254740993]",
	       "[18446744073709551616, 1.10, 1e400, -0, 0.5E-1, 9007199254740993]\n");
	expect("[01]", "!JSON parse error, stray '01'\n!JSON parse error, expecting value\n");
	expect("[1.]", "!JSON parse error, stray '1.]'\n!JSON parse error, expecting value\n");
	expect("[+1 \n]", "!JSON parse error, stray '+'\n!JSON parse error, expecting value\n");
	expect("[-x \n]", "!JSON parse error, stray '-x'\n!JSON parse error, expecting value\n");
	expect("12", "!end\n");
}

static void test_unicode(void **state)
{
	expect("[\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \x7f\"]", "[\"h\\u00E9 \\u20AC \\uD83D\\uDE00 \\u007F\"]\n");
	expect("[\"\\u00e9\\u20AC\\ud83d\\ude00\\u0000\\u0041\"]", "[\"\\u00E9\\u20AC\\uD83D\\uDE00\\u0000A\"]\n");
	const char *const lone[] = {"[\"\\ud800\"]",	    "[\"\\ud800x\"]",	"[\"\\udc00\"]",
				    "[\"\\ud800\\u0041\"]", "[\"\\ud800\\n\"]", "[\"\\ud800\\ud800\\udc00\"]",
				    "{\"\\udfff\":1}"};
	const char *const bad[] = {"[\"\xc0\x80\"]",
				   "[\"\xc1\xbf\"]",
				   "[\"\xc3\"]",
				   "[\"\xe2\x82\"]",
				   "[\"\x80\"]",
				   "[\"\xed\xa0\x80\"]",
				   "[\"\xf4\x90\x80\x80\"]",
				   "[\"\xf5\x80\x80\x80\"]",
				   "[\"\xe0\x80\x80\"]",
				   "{\"\xff\"}"};
	const char *const escapes[] = {"[\"\\x\"]", "[\"\\u12g4\"]", "[\"\\u\"]", "[\"\\U0041\"]"};

	for (size_t i = 0; i < ARRAY_SIZE(lone); i++)
		expect(lone[i], "!JSON parse error, lone surrogate in string is not a valid Unicode character\n");
	for (size_t i = 0; i < ARRAY_SIZE(bad) - 1; i++)
		expect(bad[i], "!JSON parse error, invalid UTF-8 sequence in string\n");
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		expect(escapes[i], "!JSON parse error, invalid escape sequence in string\n");
}

static void test_writer_mends_bad_utf8(void **state)
{
	cJSON *value = cJSON_CreateString("a\xff\xc3(\xe2\x82");
	struct text text = {0};

	write_json(&text, value);
	assert_string_equal(text.data, "\"a\\uFFFD\\uFFFD(\\uFFFD\\uFFFD\"");
	text_free(&text);
	cJSON_Delete(value);
}

static void test_grammar_errors(void **state)
{
	static const char *const cases[][2] = {
		{"{\"a\" 1}", "!JSON parse error, missing : in object pair\n"},
		{"{\"a\"}", "!JSON parse error, missing : in object pair\n"},
		{"{\"a\":1,}", "!JSON parse error, expecting value\n"},
		{"[1,]", "!JSON parse error, expecting value\n"},
		{"[,1]", "!JSON parse error, expecting value\n"},
		{"[1 2]", "!JSON parse error, expected separator in list\n"},
		{"{\"a\":1 \"b\":2}", "!JSON parse error, expected separator in dict\n"},
		{"{1:2}", "!JSON parse error, key is not a string in object\n"},
		{"{\"a\":xx}", "!JSON parse error, invalid keyword 'xx'\n"},
		{"[truee]", "!JSON parse error, invalid keyword 'truee'\n"},
		{"{\"a\":1,\"b\":2,\"a\":3}", "!JSON parse error, duplicate key\n"},
		{"{\"a\":1,\"\\u0061\":3}", "!JSON parse error, duplicate key\n"},
		{"{\"x\":{\"a\":1,'a':3}}", "!JSON parse error, duplicate key\n"},
		{"{\"A\":1,\"a\":3}", "{\"A\": 1, \"a\": 3}\n"},
		{":", "!JSON parse error, expecting value\n"},
		{"%s\n", "!JSON parse error, stray '%'\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *input;

		/* The connection is usable afterwards. */
		assert_true(asprintf(&input, "%s {'next':%zu}", cases[i][0], i) > 0);
		char *expected;
		assert_true(asprintf(&expected, "%s{\"next\": %zu}\n", cases[i][1], i) > 0);
		expect(input, expected);
		free(input);
		free(expected);
	}
}

static void test_stray_closers(void **state)
{
	expect("}}]{}", "!JSON parse error, expecting value\n!JSON parse error, expecting value\n"
			"!JSON parse error, expecting value\n{}\n");
	expect("{\"a\":]{}", "!JSON parse error, expecting value\n{}\n");
	expect("[1}]{}", "!JSON parse error, expected separator or the other closing bracket\n"
			 "!JSON parse error, expecting value\n{}\n");
}

static void test_resynchronisation(void **state)
{
	expect("{\"a\": \"abc\n{}", "!JSON parse error, stray 'abc\n'\n{}\n");
	expect("{\"a\": \"abc\x01{}", "!JSON parse error, stray 'abc\x01'\n{}\n");
	expect("{\"a\": [[[\xff{}", "!JSON parse error, stray '\xff'\n{}\n");
	expect("\"ab\\\xff{}", "!JSON parse error, stray 'ab\xff'\n{}\n");
	expect("\"ab\\u1\xff{}", "!JSON parse error, stray 'ab\xff'\n{}\n");
	expect("\xff\"s\"", "!JSON parse error, stray '\xff'\n\"s\"\n");
	expect("XYZ {}", "!JSON parse error, stray 'X'\n{}\n");
	expect("XYZ 'a' \x1b 7 ", "!JSON parse error, stray 'X'\n7\n");
	expect_n("\0{}", 3, "!JSON parse error, stray ''\n{}\n");
}

static char *repeat(char c, size_t count, const char *tail)
{
	char *text = malloc(count + strlen(tail) + 1);

	assert_non_null(text);
	memset(text, c, count);
	strcpy(text + count, tail);
	return text;
}

/* What is too much is told once, and what follows is read: after the closers, or on the next line. */
static void test_nesting(void **state)
{
	char *deep = repeat('[', 10000, ""), *closers = repeat(']', 10000, "{}"), *both, *lines;
	const char *refused = "!JSON nesting depth limit exceeded (1024 levels)\n{}\n";

	assert_true(asprintf(&both, "%s%s", deep, closers) > 0);
	expect(both, refused);
	assert_true(asprintf(&lines, "%s\n{}", deep) > 0);
	expect(lines, refused);
	deep[1025] = '\0';
	free(lines);
	assert_true(asprintf(&lines, "%s\n{}", deep) > 0);
	expect(lines, refused);
	free(both);
	free(lines);

	deep[1024] = '\0';
	closers[1024] = '\0';
	assert_true(asprintf(&both, "%s%s", deep, closers) > 0);
	lines = transcript(both, strlen(both), strlen(both));
	assert_true(lines[0] == '[');
	assert_int_equal(strlen(lines), 2049);
	free(lines);
	free(both);
	free(deep);
	free(closers);
}

static void test_sizes(void **state)
{
	char *megabyte = repeat('x', 1 << 20, "\""), *input, *got;

	assert_true(asprintf(&input, "{\"a\":\"%s}", megabyte) > 0);
	got = transcript(input, strlen(input), 4096);
	assert_true(strncmp(got, "{\"a\": \"xxx", 10) == 0);
	assert_int_equal(strlen(got), strlen(input) + 2);
	free(got);
	free(input);
	free(megabyte);

	megabyte = repeat('x', 5 << 20, "\"}{}");
	assert_true(asprintf(&input, "{\"a\":\"%s", megabyte) > 0);
	got = transcript(input, strlen(input), 4096);
	assert_string_equal(got, "!JSON token size limit exceeded (4 MiB)\n{}\n");
	free(got);
	free(input);
	free(megabyte);

	/* Many small values cost more memory than their text: they are counted. */
	input = repeat('[', 1, "");
	megabyte = malloc((1 << 20) + 8);
	for (size_t i = 0; i < 1 << 19; i++)
		memcpy(megabyte + 2 * i, "1,", 2);
	strcpy(megabyte + (1 << 20), "1]{}");
	free(input);
	assert_true(asprintf(&input, "[%s", megabyte) > 0);
	got = transcript(input, strlen(input), 4096);
	assert_string_equal(got, "!JSON token count limit exceeded (131072 tokens)\n{}\n");
	free(got);
	free(input);
	free(megabyte);
}

/* Thousands of members are checked for duplicates without a square of the time. */
static void test_many_members(void **state)
{
	struct text input = {0};
	char *got;

	text_byte(&input, '{');
	for (unsigned i = 0; i < 30000; i++) {
		char member[32];
		int n = snprintf(member, sizeof(member), "%s\"k%u\":%u", i ? "," : "", i, i);

		text_add(&input, member, (size_t)n);
	}
	text_byte(&input, '}');
	got = transcript(input.data, input.length, 4096);
	assert_true(got[0] == '{');
	free(got);
	text_free(&input);
}

static void test_end(void **state)
{
	expect("{\"a\":", "!end\n");
	expect("\"abc", "!end\n");
	expect("{} \n", "{}\n");
}

static void test_exact_numbers(void **state)
{
	cJSON *big = json_number("18446744073709551615"), *huge = json_number("18446744073709551616");
	cJSON *negative = json_number("-1"), *fraction = json_number("1.0");
	uint64_t natural;
	int64_t integer;

	assert_int_equal(json_to_unsigned(big, &natural), 0);
	assert_true(natural == UINT64_MAX);
	assert_int_equal(json_to_unsigned(huge, &natural), -ERANGE);
	assert_int_equal(json_to_integer(big, &integer), -ERANGE);
	assert_int_equal(json_to_unsigned(negative, &natural), -ERANGE);
	assert_int_equal(json_to_integer(negative, &integer), 0);
	assert_true(integer == -1);
	assert_int_equal(json_to_integer(fraction, &integer), -EINVAL);
	cJSON_Delete(big);
	cJSON_Delete(huge);
	cJSON_Delete(negative);
	cJSON_Delete(fraction);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_numbers_are_kept),
		cmocka_unit_test(test_unicode),
		cmocka_unit_test(test_writer_mends_bad_utf8),
		cmocka_unit_test(test_grammar_errors),
		cmocka_unit_test(test_stray_closers),
		cmocka_unit_test(test_resynchronisation),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_exact_numbers),
	};

	return cmocka_run_group_tests_name("qmp-reader", tests, NULL, NULL);
}
