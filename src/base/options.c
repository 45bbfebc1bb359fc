/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/options.c - flat lists of key=value.
 */
#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define ID_LENGTH_MAX 127

struct options *options_new(void)
{
	return calloc(1, sizeof(struct options));
}

struct options *options_free(struct options *options)
{
	if (!options)
		return NULL;
	for (size_t i = 0; i < options->count; i++) {
		free(options->items[i].key);
		free(options->items[i].value);
	}
	free(options->items);
	free(options);
	return NULL;
}

static struct option *find(const struct options *options, const char *key)
{
	for (size_t i = 0; i < options->count; i++)
		if (streq(options->items[i].key, key))
			return &options->items[i];
	return NULL;
}

const struct option *options_find(const struct options *options, const char *key)
{
	return find(options, key);
}

int options_add(struct options *options, const char *key, const char *value, enum option_kind kind,
		struct mortise_error *err)
{
	_cleanup_free_ char *key_copy = NULL, *value_copy = NULL;
	struct option *items;

	if (find(options, key))
		return mortise_fail(err, -EEXIST, "Parameter '%s' is given twice", key);
	key_copy = strdup(key);
	value_copy = strdup(value);
	items = key_copy && value_copy ? realloc(options->items, (options->count + 1) * sizeof(*items)) : NULL;
	if (!items)
		return mortise_fail(err, -ENOMEM, "Out of memory for parameter '%s'", key);
	options->items = items;
	items[options->count++] =
		(struct option){.key = steal_ptr(&key_copy), .value = steal_ptr(&value_copy), .kind = kind};
	return 0;
}

static bool is_flag(const char *key, const char *const *flags)
{
	for (; flags && *flags; flags++)
		if (streq(*flags, key))
			return true;
	return false;
}

/* A value of a key that may be repeated: the first one under its own name, others under the next that is free. */
static int add_repeated(struct options *options, const char *key, const char *value, struct mortise_error *err)
{
	char numbered[64];

	if (!find(options, key))
		return options_add(options, key, value, OPTION_TEXT, err);
	for (size_t i = 1;; i++) {
		snprintf(numbered, sizeof(numbered), "%s.%zu", key, i);
		if (!find(options, numbered))
			return options_add(options, numbered, value, OPTION_TEXT, err);
	}
}

static bool is_repeatable(const char *key, const char *const *flags)
{
	const size_t length = strlen(key);

	for (; flags && *flags; flags++)
		if (!strncmp(*flags, key, length) && streq(*flags + length, "+"))
			return true;
	return false;
}

/* Copies up to a single comma into `item`, folding doubled ones; returns where the next item starts. */
static const char *next_item(const char *text, char *item)
{
	while (*text && (*text != ',' || text[1] == ',')) {
		text += *text == ',';
		*item++ = *text++;
	}
	*item = '\0';
	return *text ? text + 1 : text;
}

int options_parse(struct options **out, const char *text, const char *first, const char *const *flags,
		  struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	_cleanup_free_ char *item = malloc(strlen(text) + 1);
	bool leading = true;
	int r;

	if (!options || !item)
		return mortise_fail(err, -ENOMEM, "Out of memory for '%s'", text);
	while (*text) {
		char *equals;

		text = next_item(text, item);
		equals = strchr(item, '=');
		if (equals) {
			*equals = '\0';
			if (!*item)
				return mortise_fail(err, -EINVAL, "Value '%s' has no name before its '='", equals + 1);
			r = is_repeatable(item, flags) ? add_repeated(options, item, equals + 1, err)
						       : options_add(options, item, equals + 1, OPTION_TEXT, err);
		} else if (leading && first) {
			r = options_add(options, first, item, OPTION_TEXT, err);
		} else if (str_starts(item, "no") && is_flag(item + 2, flags)) {
			r = options_add(options, item + 2, "off", OPTION_TEXT, err);
		} else {
			r = options_add(options, item, "on", OPTION_TEXT, err);
		}
		if (r < 0)
			return r;
		leading = false;
	}
	*out = steal_ptr(&options);
	return 0;
}

/* For a reader. */
static struct option *look_up(struct options *options, const char *key)
{
	struct option *option = find(options, key);

	for (size_t i = 0; !option && i < options->count; i++)
		hint_offer(&options->items[i].hint, options->items[i].key, key);
	return option;
}

static int wrong_type(const char *key, const char *expected, struct mortise_error *err)
{
	return mortise_fail(err, -EINVAL, "Invalid parameter type for '%s', expected: %s", key, expected);
}

int options_string(struct options *options, const char *key, const char **out, struct mortise_error *err)
{
	struct option *option = look_up(options, key);

	if (!option)
		return -ENOENT;
	if (option->kind != OPTION_TEXT && option->kind != OPTION_STRING)
		return wrong_type(key, "string", err);
	option->taken = true;
	*out = option->value;
	return 0;
}

int options_bool(struct options *options, const char *key, bool *out, struct mortise_error *err)
{
	struct option *option = look_up(options, key);

	if (!option)
		return -ENOENT;
	if (option->kind != OPTION_TEXT && option->kind != OPTION_BOOL)
		return wrong_type(key, "boolean", err);
	if (parse_bool(option->value, out) < 0)
		return mortise_fail(err, -EINVAL, "Parameter '%s' expects 'on' or 'off', not '%s'", key, option->value);
	option->taken = true;
	return 0;
}

static int read_number(struct options *options, const char *key, int (*parse)(const char *, uint64_t *),
		       const char *expected, bool strings, uint64_t *out, struct mortise_error *err)
{
	struct option *option = look_up(options, key);

	if (!option)
		return -ENOENT;
	if (option->kind == OPTION_BOOL || (option->kind == OPTION_STRING && !strings))
		return wrong_type(key, "integer", err);
	if (parse(option->value, out) < 0)
		return mortise_fail(err, -EINVAL, "Parameter '%s' expects %s, not '%s'", key, expected, option->value);
	option->taken = true;
	return 0;
}

int options_u64(struct options *options, const char *key, uint64_t *out, struct mortise_error *err)
{
	return read_number(options, key, parse_u64, "a number", false, out, err);
}

int options_u64_text(struct options *options, const char *key, uint64_t *out, struct mortise_error *err)
{
	return read_number(options, key, parse_u64, "a number", true, out, err);
}

int options_size(struct options *options, const char *key, uint64_t *out, struct mortise_error *err)
{
	return read_number(options, key, parse_size, "a size such as 512M", false, out, err);
}

int options_done(const struct options *options, struct mortise_error *err)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct option *option = &options->items[i];
		const char *meant = hint_nearest(&option->hint, option->key);

		if (!option->taken)
			return mortise_fail(err, -EINVAL, "Parameter '%s' is unexpected%s%s%s", option->key,
					    meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
	}
	return 0;
}

static int parse_prefix(const char *text, uint64_t *out, const char **end)
{
	char *stop;
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	if (!isdigit((unsigned char)text[0]) || (hex && !isxdigit((unsigned char)text[2])))
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &stop, hex ? 16 : 10);
	*end = stop;
	return -errno;
}

int parse_u64(const char *text, uint64_t *out)
{
	const char *end;
	uint64_t value;
	int r = parse_prefix(text, &value, &end);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*out = value;
	return 0;
}

int parse_size(const char *text, uint64_t *out)
{
	static const char suffixes[] = "BKMGTPE";
	unsigned shift = 0;
	uint64_t value, fraction = 0, scale = 1;
	const char *end, *suffix;
	int r = parse_prefix(text, &value, &end);

	if (r < 0)
		return r;
	if (*end == '.' && str_starts(text, "0x"))
		return -EINVAL;
	if (*end == '.') {
		if (!isdigit((unsigned char)end[1]))
			return -EINVAL;
		for (end++; isdigit((unsigned char)*end); end++) {
			if (scale < 1000000) {
				fraction = fraction * 10 + (uint64_t)(*end - '0');
				scale *= 10;
			}
		}
	}
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			return -EINVAL;
		shift = 10 * (unsigned)(suffix - suffixes);
	}
	if (fraction && !shift)
		return -EINVAL;
	if (shift && value > UINT64_MAX >> shift)
		return -ERANGE;
	value <<= shift;
	fraction = shift >= 40 ? (fraction << 20) / scale << (shift - 20) : (fraction << shift) / scale;
	if (value + fraction < value)
		return -ERANGE;
	*out = value + fraction;
	return 0;
}

int parse_bool(const char *text, bool *out)
{
	static const char *const words[][2] = {{"off", "on"}, {"false", "true"}, {"no", "yes"}, {"0", "1"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		for (int value = 0; value < 2; value++) {
			if (!strcasecmp(text, words[i][value])) {
				*out = value;
				return 0;
			}
		}
	}
	return -EINVAL;
}

int parse_mac(const char *text, uint8_t out[6])
{
	uint8_t mac[6], any = 0;

	for (unsigned i = 0; i < 6; i++, text += 3) {
		const char digits[3] = {text[0], text[0] ? text[1] : '\0', '\0'};

		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]) ||
		    text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
		any |= mac[i];
	}
	if (!any || (mac[0] & 1))
		return -EINVAL;
	memcpy(out, mac, sizeof(mac));
	return 0;
}

int id_check(const char *id, struct mortise_error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
	size_t length = strlen(id);

	if (!isalpha((unsigned char)id[0]) || length > ID_LENGTH_MAX || strspn(id, allowed) != length)
		return mortise_fail(
			err, -EINVAL,
			"Parameter 'id' expects a letter, then at most %d letters, digits, '-', '.' or '_'; not '%s'",
			ID_LENGTH_MAX - 1, id);
	return 0;
}
