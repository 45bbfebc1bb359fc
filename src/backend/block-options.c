/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-options.c - the two spellings of blockdev-add options.
 */
#include "backend/block-options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

/* Fills both spellings of `key`; -EINVAL when both are given and contradict each other. */
static int spell(struct block_options *options, const char *key, char nested[BLOCK_KEY_SIZE], struct mortise_error *err)
{
	const struct option *outer, *inner;

	nested[0] = '\0';
	if (!options->nested)
		return 0;
	snprintf(nested, BLOCK_KEY_SIZE, "file.%s", key);
	outer = options_find(options->list, key);
	inner = options_find(options->list, nested);
	if (outer && inner && !streq(outer->value, inner->value))
		return mortise_fail(err, -EINVAL, "Parameters '%s' (%s) and '%s' (%s) contradict each other: give one",
				    key, outer->value, nested, inner->value);
	return 0;
}

/* Reads one option of either spelling with `read`, one of options_string(), _bool() and _size(). */
#define READ_EITHER(read, options, key, out, err)                                                            \
	__extension__({                                                                                      \
		char nested_[BLOCK_KEY_SIZE];                                                                \
		int outer_, inner_, r_ = spell(options, key, nested_, err);                                  \
		if (r_ == 0) {                                                                               \
			outer_ = read((options)->list, key, out, err);                                       \
			inner_ = read((options)->list, nested_, out, err);                                   \
			r_ = outer_ < 0 && outer_ != -ENOENT ? outer_ : inner_ == -ENOENT ? outer_ : inner_; \
		}                                                                                            \
		r_;                                                                                          \
	})

int block_option_string(struct block_options *options, const char *key, const char **out, struct mortise_error *err)
{
	return READ_EITHER(options_string, options, key, out, err);
}

int block_option_bool(struct block_options *options, const char *key, bool *out, struct mortise_error *err)
{
	return READ_EITHER(options_bool, options, key, out, err);
}

int block_option_size(struct block_options *options, const char *key, uint64_t *out, struct mortise_error *err)
{
	return READ_EITHER(options_size, options, key, out, err);
}

static int find_word(const char *key, const char *value, const char *const *words, unsigned *out,
		     struct mortise_error *err)
{
	for (unsigned i = 0; words[i]; i++) {
		if (streq(words[i], value)) {
			*out = i;
			return 0;
		}
	}
	return mortise_fail(err, -EINVAL, "Parameter '%s' does not accept value '%s'", key, value);
}

int block_option_enum(struct block_options *options, const char *key, const char *const *words, unsigned *out,
		      struct mortise_error *err)
{
	const char *value;
	int r = block_option_string(options, key, &value, err);

	return r < 0 ? r : find_word(key, value, words, out, err);
}

int block_option_spelling(struct block_options *options, const char *key, char spelling[BLOCK_KEY_SIZE],
			  struct mortise_error *err)
{
	char nested[BLOCK_KEY_SIZE];
	const char *ignored;
	int r = spell(options, key, nested, err);

	if (r < 0)
		return r;
	if (*nested && options_find(options->list, nested)) {
		options_string(options->list, key, &ignored, NULL); /* the same value as the other one */
		key = nested;
	}
	snprintf(spelling, BLOCK_KEY_SIZE, "%s", key);
	return 0;
}

int block_check_name(const char *name, struct mortise_error *err)
{
	size_t length = strlen(name);
	bool fine = isalnum((unsigned char)name[0]);

	for (size_t i = 1; fine && i < length; i++)
		fine = isalnum((unsigned char)name[i]) || strchr("-._", name[i]);
	if (!fine)
		return mortise_fail(err, -EINVAL,
				    "Invalid node-name '%.64s': use letters, digits, '-', '.' and '_', a letter or "
				    "digit first",
				    name);
	if (length > BLOCK_NAME_MAX)
		return mortise_fail(err, -EINVAL, "Invalid node-name '%.64s...': longer than %d characters", name,
				    BLOCK_NAME_MAX);
	return 0;
}

int block_option_driver(struct block_options *options, const char **out, struct mortise_error *err)
{
	const char *outer = NULL, *inner = NULL;
	int r;

	options->nested = false;
	r = options_string(options->list, "driver", &outer, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (outer && !streq(outer, "raw")) {
		*out = outer;
		return 0;
	}
	if (options_find(options->list, "file"))
		return mortise_fail(err, -EINVAL,
				    "Parameter 'file' must hold the file's own parameters (file.filename, "
				    "...), not the name of another node");
	options->nested = true;
	r = options_string(options->list, "file.driver", &inner, err);
	if (r < 0 && r != -ENOENT)
		return r;
	*out = inner;
	return 0;
}
