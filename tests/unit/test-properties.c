/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-properties.c - one parser for defaults, command line and QMP, and its words.
 */
#include "unit.h"

#include "base/properties.h"

static const char *const words[] = {"none", "writeback", "unsafe", NULL};

static const struct mortise_property table[] = {
	{.name = "flag", .type = MORTISE_PROPERTY_BOOL, .fallback = "on"},
	{.name = "u16", .type = MORTISE_PROPERTY_U16},
	{.name = "u32", .type = MORTISE_PROPERTY_U32, .min = 512, .max = 4096},
	{.name = "u64", .type = MORTISE_PROPERTY_U64},
	{.name = "size", .type = MORTISE_PROPERTY_SIZE, .fallback = "1.5M", .max = 1 << 30},
	{.name = "text", .type = MORTISE_PROPERTY_STRING, .max = 4},
	{.name = "word", .type = MORTISE_PROPERTY_ENUM, .values = words, .fallback = "writeback"},
	{.name = "mac", .type = MORTISE_PROPERTY_MAC},
	{.name = "drive", .type = MORTISE_PROPERTY_BLOCK},
	{.name = "netdev", .type = MORTISE_PROPERTY_NET},
};

static const struct mortise_property *property(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(table[i].name, name))
			return &table[i];
	fail_msg("no property %s", name);
	return NULL;
}

static int read_value(const char *name, const char *text, enum option_kind kind, union property_value *value,
		      struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	int r;

	memset(value, 0, sizeof(*value));
	assert_int_equal(options_add(options, name, text, kind, NULL), 0);
	r = property_read(property(name), options, value, err);
	if (r == 0)
		assert_int_equal(options_done(options, NULL), 0); /* it was taken */
	return r;
}

static void assert_number(const char *name, const char *text, enum option_kind kind, uint64_t expected)
{
	struct mortise_error err = {0};
	union property_value value;

	if (read_value(name, text, kind, &value, &err) < 0)
		fail_msg("%s=%s: %s", name, text, err.message);
	assert_int_equal(value.number, expected);
}

static void assert_refused(const char *name, const char *text, enum option_kind kind, const char *message)
{
	struct mortise_error err = {0};
	union property_value value;

	assert_int_equal(read_value(name, text, kind, &value, &err), -EINVAL);
	assert_names(&err, message);
	assert_names(&err, name);
}

static void test_bool(void **state)
{
	assert_number("flag", "off", OPTION_TEXT, 0);
	assert_number("flag", "true", OPTION_TEXT, 1);
	assert_number("flag", "on", OPTION_BOOL, 1);
	assert_number("flag", "off", OPTION_BOOL, 0);
	assert_number("flag", "off", OPTION_STRING, 0);
	assert_number("flag", "on", OPTION_STRING, 1);
	assert_refused("flag", "maybe", OPTION_TEXT, "maybe");
	assert_refused("flag", "true", OPTION_STRING, "Invalid parameter type for 'flag', expected: boolean");
	assert_refused("flag", "1", OPTION_NUMBER, "Invalid parameter type for 'flag', expected: boolean");
}

static void test_numbers(void **state)
{
	assert_number("u16", "65535", OPTION_NUMBER, 65535);
	assert_number("u16", "0x10", OPTION_TEXT, 16);
	assert_refused("u16", "65536", OPTION_NUMBER, "does not accept value '65536': it must be from 0 to 65535");
	assert_refused("u16", "-1", OPTION_TEXT, "-1");
	assert_refused("u16", "", OPTION_TEXT, "u16");
	assert_refused("u16", "1x", OPTION_TEXT, "1x");
	assert_refused("u16", "1.5", OPTION_NUMBER, "1.5");
	assert_refused("u16", "7", OPTION_STRING, "Invalid parameter type for 'u16', expected: integer");
	assert_number("u32", "512", OPTION_NUMBER, 512);
	assert_number("u32", "4096", OPTION_NUMBER, 4096);
	assert_refused("u32", "511", OPTION_NUMBER, "it must be from 512 to 4096");
	assert_refused("u32", "4097", OPTION_NUMBER, "it must be from 512 to 4096");
	assert_number("u64", "18446744073709551615", OPTION_NUMBER, UINT64_MAX);
	assert_refused("u64", "18446744073709551616", OPTION_NUMBER, "u64");
	assert_number("size", "4K", OPTION_TEXT, 4096);
	assert_number("size", "1G", OPTION_TEXT, GIB);
	assert_refused("size", "1073741825", OPTION_NUMBER, "it must be from 0 to 1073741824");
}

static void test_text(void **state)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	union property_value value;

	options_add(options, "text", "abcd", OPTION_STRING, NULL);
	assert_int_equal(property_read(property("text"), options, &value, NULL), 0);
	assert_string_equal(value.string, "abcd");
	options_add(options, "drive", "d0", OPTION_STRING, NULL);
	assert_int_equal(property_read(property("drive"), options, &value, NULL), 0);
	assert_string_equal(value.string, "d0");

	assert_refused("text", "abcde", OPTION_TEXT, "at most 4 bytes");
	assert_refused("text", "1", OPTION_NUMBER, "Invalid parameter type for 'text', expected: string");
	assert_refused("drive", "", OPTION_TEXT, "must name a block node");
	assert_refused("netdev", "", OPTION_STRING, "must name a netdev");
	assert_refused("drive", "on", OPTION_BOOL, "expected: string");
}

static void test_enum(void **state)
{
	assert_number("word", "none", OPTION_STRING, 0);
	assert_number("word", "unsafe", OPTION_TEXT, 2);
	assert_refused("word", "Unsafe", OPTION_STRING,
		       "does not accept value 'Unsafe': it must be one of 'none', 'writeback', 'unsafe'");
	assert_refused("word", "1", OPTION_NUMBER, "expected: string");
}

static void test_mac(void **state)
{
	static const uint8_t expected[6] = {0x52, 0x54, 0x00, 0xAB, 0xcd, 0xef};
	union property_value value;

	assert_int_equal(read_value("mac", "52:54:00:AB:cd:ef", OPTION_STRING, &value, NULL), 0);
	assert_memory_equal(value.mac, expected, 6);
	assert_refused("mac", "52:54:00:ab:cd", OPTION_STRING, "unicast");
	assert_refused("mac", "52:54:00:ab:cd:ef:", OPTION_STRING, "unicast");
	assert_refused("mac", "01:00:5e:00:00:01", OPTION_STRING, "unicast");
	assert_refused("mac", "00:00:00:00:00:00", OPTION_STRING, "unicast");
}

static void test_fallback(void **state)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	struct mortise_error err = {0};
	union property_value value;

	assert_int_equal(property_read(property("flag"), options, &value, &err), 0);
	assert_int_equal(value.number, 1);
	assert_int_equal(property_read(property("size"), options, &value, &err), 0);
	assert_int_equal(value.number, 3 * MIB / 2);
	assert_int_equal(property_read(property("word"), options, &value, &err), 0);
	assert_int_equal(value.number, 1);
	assert_int_equal(property_read(property("text"), options, &value, &err), -ENOENT);
	assert_string_equal(err.message, "");
}

/* Each type fills its own storage and not a byte more. */
static void test_storage(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mortise_property at = table[i];
		union property_value value = {.number = UINT64_MAX};
		uint32_t size = property_storage(at.type);
		_Alignas(8) uint8_t memory[32];

		memset(memory, 0xee, sizeof(memory));
		memset(value.mac, 0xff, sizeof(value.mac));
		at.offset = 8;
		if (at.type == MORTISE_PROPERTY_STRING || at.type == MORTISE_PROPERTY_BLOCK ||
		    at.type == MORTISE_PROPERTY_NET)
			property_store_pointer(&at, (void *)UINTPTR_MAX, memory);
		else
			property_store(&at, &value, memory);
		for (unsigned byte = 0; byte < sizeof(memory); byte++)
			assert_int_equal(memory[byte], byte >= 8 && byte < 8 + size ? 0xff : 0xee);
	}
	assert_int_equal(property_storage(MORTISE_PROPERTY_CHARDEV), sizeof(void *));
	assert_int_equal(property_storage(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bool),	cmocka_unit_test(test_numbers), cmocka_unit_test(test_text),
		cmocka_unit_test(test_enum),	cmocka_unit_test(test_mac),	cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_storage),
	};

	return cmocka_run_group_tests_name("plugin-properties", tests, NULL, NULL);
}
