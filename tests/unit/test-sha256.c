/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-sha256.c - SHA-256 against published examples (FIPS 180-2, appendix B), whatever the pieces.
 */
#include "unit.h"

#include "base/cleanup.h"
#include "base/sha256.h"

static void assert_hash(const char *text, size_t repeat, size_t piece, const char *expected)
{
	const size_t length = strlen(text), total = length * repeat;
	_cleanup_free_ char *data = malloc(total + 1);
	char hex[SHA256_HEX_SIZE];
	struct sha256 sha;

	for (size_t i = 0; i < repeat; i++)
		memcpy(data + i * length, text, length);
	sha256_init(&sha);
	for (size_t at = 0; at < total; at += piece)
		sha256_add(&sha, data + at, MIN(piece, total - at));
	sha256_hex(&sha, hex);
	assert_string_equal(hex, expected);
}

static void test_vectors(void **state)
{
	static const size_t pieces[] = {1, 3, 55, 56, 63, 64, 65, 1 << 20};

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		assert_hash("", 0, pieces[i], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		assert_hash("abc", 1, pieces[i], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, pieces[i],
			    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
		assert_hash("a", 1000000, pieces[i],
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	}
}

static void test_file(void **state)
{
	_cleanup_fclose_ FILE *file = tmpfile();
	char hex[SHA256_HEX_SIZE];

	assert_non_null(file);
	for (unsigned i = 0; i < 1000000; i++)
		putc('a', file);
	fflush(file);
	assert_int_equal(sha256_file(fileno(file), hex), 0);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(sha256_file(-1, hex), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
