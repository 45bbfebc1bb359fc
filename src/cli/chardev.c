/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/chardev.c - -chardev, -mon and -object: backends that something else refers to by their id.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/keys.h"

static const char *value_of(const struct options *options, const char *key)
{
	const struct option *option = options_find(options, key);

	return option ? option->value : NULL;
}

static struct options *find_by_id(const struct options_list *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (streq(value_of(list->items[i], "id"), id))
			return list->items[i];
	return NULL;
}

/* Parses one option `name`: its first key, `first`, is there, it has an id, and the id is new. */
static int add_named(struct options_list *list, const char *name, const char *text, const char *first,
		     struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	int r = keys_parse(&options, name, text, err);

	if (r < 0)
		return r;
	if (!value_of(options, first))
		return mortise_fail(err, -EINVAL, "Parameter '%s' is missing", first);
	if (!value_of(options, "id"))
		return mortise_fail(err, -EINVAL, "Parameter 'id' is missing");
	if (find_by_id(list, value_of(options, "id")))
		return mortise_fail(err, -EEXIST, "Duplicate ID '%s'", value_of(options, "id"));
	return cli_append(list, steal_ptr(&options), err);
}

int cli_add_chardev(struct cli *cli, const char *text, struct mortise_error *err)
{
	return add_named(&cli->chardevs, "chardev", text, "backend", err);
}

int cli_add_object(struct cli *cli, const char *text, struct mortise_error *err)
{
	return add_named(&cli->vm.objects, "object", text, "qom-type", err);
}

/* -mon [chardev=]ID,mode=control: what -qmp says in one, with a chardev that stands anywhere on the command line. */
int cli_add_monitor(struct cli *cli, const char *text, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	const char *mode;
	int r = keys_parse(&options, "mon", text, err);

	if (r < 0)
		return r;
	mode = value_of(options, "mode");
	if (!value_of(options, "chardev"))
		return mortise_fail(err, -EINVAL, "Parameter 'chardev' is missing");
	if (!mode || !streq(mode, "control"))
		return mortise_fail(
			err, -EINVAL,
			"Parameter 'mode' must be 'control': there is no monitor for people; try mortisectl");
	return cli_append(&cli->mons, steal_ptr(&options), err);
}

/* The chardev's keys are a monitor's address and name. */
static int monitor_of(const struct options *chardev, struct options **out, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *monitor = options_new();
	int r = monitor ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for the command line");

	if (!streq(value_of(chardev, "backend"), "socket"))
		return mortise_fail(err, -EINVAL, "Option '-mon': chardev '%s' must be a socket",
				    value_of(chardev, "id"));
	for (size_t i = 0; r == 0 && i < chardev->count; i++) {
		const struct option *option = &chardev->items[i];

		if (!streq(option->key, "backend"))
			r = options_add(monitor, option->key, option->value, OPTION_TEXT, err);
	}
	if (r == 0)
		*out = steal_ptr(&monitor);
	return r;
}

static bool is_monitor(const struct cli *cli, const struct options *chardev)
{
	for (size_t i = 0; i < cli->mons.count; i++)
		if (streq(value_of(cli->mons.items[i], "chardev"), value_of(chardev, "id")))
			return true;
	return false;
}

/* Those that no -mon names are for devices. */
static int resolve_chardevs(struct cli *cli, struct mortise_error *err)
{
	for (size_t i = 0; i < cli->chardevs.count; i++) {
		int r = 0;

		if (!is_monitor(cli, cli->chardevs.items[i]))
			r = cli_append(&cli->vm.chardevs, steal_ptr(&cli->chardevs.items[i]), err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cli_resolve_monitors(struct cli *cli, struct mortise_error *err)
{
	for (size_t i = 0; i < cli->mons.count; i++) {
		const char *id = value_of(cli->mons.items[i], "chardev");
		const struct options *chardev = find_by_id(&cli->chardevs, id);
		struct options *monitor = NULL;
		int r;

		if (!chardev)
			return mortise_fail(err, -ENOENT, "Option '-mon': there is no -chardev with id '%s'", id);
		r = monitor_of(chardev, &monitor, err);
		if (r == 0)
			r = cli_append(&cli->monitors, monitor, err);
		if (r < 0)
			return r;
	}
	return resolve_chardevs(cli, err);
}
