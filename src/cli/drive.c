/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/drive.c - -drive, the older spelling of -blockdev.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/keys.h"

/* -drive's words for what blockdev-add calls otherwise; those not listed mean the same in both. */
static const char *const words[][2] = {
	{"id", "node-name"},
	{"file", "filename"},
	{"readonly", "read-only"},
	{"direct", "cache.direct"},
};

static const char *blockdev_word(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(words[i][0], key))
			return words[i][1];
	return key;
}

/* cache=MODE is two properties of the node: no page cache of the host, and flushes that may be dropped. */
static int set_cache(struct options *node, const char *mode, struct mortise_error *err)
{
	static const struct {
		const char *mode, *direct, *no_flush;
	} modes[] = {
		{"writeback", "off", "off"},
		{"none", "on", "off"},
		{"unsafe", "off", "on"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (streq(modes[i].mode, mode)) {
			int r = options_add(node, "cache.direct", modes[i].direct, OPTION_TEXT, err);

			return r < 0 ? r : options_add(node, "cache.no-flush", modes[i].no_flush, OPTION_TEXT, err);
		}
	}
	return mortise_fail(err, -EINVAL, "Parameter 'cache' does not accept value '%s'; use writeback, none or unsafe",
			    mode);
}

/* Words that can only mean what is so anyway. */
static const struct {
	const char *key, *value, *why;
} fixed[] = {
	{"if", "none", "use none, and a -device"},
	{"format", "raw", "only raw images are known"},
	{"rerror", "report", "the guest is told of what fails, and goes on"},
	{"werror", "report", "the guest is told of what fails, and goes on"},
};

/* 1: it is one of those, and as it must be; 0: it is none. */
static int check_fixed(const struct option *option, struct mortise_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (!streq(fixed[i].key, option->key))
			continue;
		return streq(fixed[i].value, option->value)
			       ? 1
			       : mortise_fail(err, -EINVAL, "Parameter '%s' does not accept value '%s'; %s",
					      option->key, option->value, fixed[i].why);
	}
	return 0;
}

static int take(struct options *node, const struct option *option, struct mortise_error *err)
{
	int r = check_fixed(option, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (streq(option->key, "cache"))
		return set_cache(node, option->value, err);
	return options_add(node, blockdev_word(option->key), option->value, OPTION_TEXT, err);
}

int cli_add_drive(struct cli *cli, const char *text, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *drive = NULL, *node = options_new();
	int r = node ? keys_parse(&drive, "drive", text, err)
		     : mortise_fail(err, -ENOMEM, "Out of memory for the command line");

	for (size_t i = 0; r == 0 && i < drive->count; i++)
		r = take(node, &drive->items[i], err);
	if (r < 0)
		return r;
	if (!options_find(node, "node-name"))
		return mortise_fail(err, -EINVAL, "Parameter 'id' is missing");
	return cli_append(&cli->vm.blockdevs, steal_ptr(&node), err);
}
