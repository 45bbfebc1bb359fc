/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/help.c - help that is made from the tables which also drive parsing.
 */
#include "config.h"

#include "cli/help.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "backend/block.h"
#include "backend/net.h"
#include "base/properties.h"
#include "base/util.h"
#include "cli/keys.h"
#include "machine/machine.h"
#include "plugin/plugin.h"

static void print_properties(FILE *to, const struct mortise_property *properties)
{
	for (const struct mortise_property *property = properties; property && property->name; property++) {
		fprintf(to, "  %s=<", property->name);
		for (const char *const *word = property->values; word && *word; word++)
			fprintf(to, "%s%s", word == property->values ? "" : "|", *word);
		fprintf(to, "%s>\n        %s", property->values ? "" : property_value_word(property->type),
			property->help);
		if (property->flags & MORTISE_PROPERTY_REQUIRED)
			fputs(" (required)", to);
		else if (property->fallback)
			fprintf(to, " [%s]", property->fallback);
		if (property->max && property->type != MORTISE_PROPERTY_STRING)
			fprintf(to, ", %" PRIu64 " to %" PRIu64, property->min, property->max);
		fputc('\n', to);
	}
}

static void print_accels(FILE *to)
{
	for (const struct accel_ops *const *ops = accel_all; *ops; ops++)
		fprintf(to, "%s\n%s", (*ops)->name, (*ops)->options ? (*ops)->options : "");
}

static void print_machines(FILE *to)
{
	for (const struct machine_ops *const *ops = machine_all; *ops; ops++)
		fprintf(to, "%-10s %s%s\n", (*ops)->name, (*ops)->summary, *ops == machine_all[0] ? " (default)" : "");
	fputs("\nKeys:\n", to);
	print_properties(to, keys_of("machine")[0]);
}

static int open_plugins(struct plugins **out, const struct cli *cli, struct mortise_error *err)
{
	int r = plugins_new(out, cli->vm.plugin_dir, err);

	return r < 0 ? r : plugins_set_policy(*out, cli->vm.plugin_policy, err);
}

struct loading {
	struct plugins *plugins;
	FILE *to;
	const char *prefix; /* of the names of files that are of interest; NULL: those that are no backend's */
};

/* Loads a file to see what is in it; one that cannot be is said so. */
static void load_plugin(void *opaque, const char *name)
{
	struct loading *loading = opaque;
	const struct plugin *plugin;
	struct mortise_error why = {0};

	if (loading->prefix ? !str_starts(name, loading->prefix)
			    : str_starts(name, "block-") || str_starts(name, "net-"))
		return;
	if (plugins_load(loading->plugins, name, &plugin, &why) < 0)
		fprintf(loading->to, "%-20s (%s)\n", name, why.message);
}

static int load_all(const struct cli *cli, struct plugins **out, FILE *to, const char *prefix,
		    struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	struct loading loading = {.to = to, .prefix = prefix};
	int r = open_plugins(&plugins, cli, err);

	loading.plugins = plugins;
	if (r == 0)
		r = plugins_list(plugins, load_plugin, &loading, err);
	if (r == 0)
		*out = steal_ptr(&plugins);
	return r;
}

static int print_drivers(const struct cli *cli, FILE *to, struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	int r = load_all(cli, &plugins, to, NULL, err);

	if (r < 0)
		return r;
	for (const struct plugin *plugin = plugins_next(plugins, NULL); plugin; plugin = plugins_next(plugins, plugin))
		for (const struct mortise_class *const *class = plugin->classes; *class; class ++)
			fprintf(to, "%-20s %s (%s %s)\n", (*class)->driver, (*class)->summary,
				plugin->description->name, plugin->description->version);
	return 0;
}

static int print_netdevs(const struct cli *cli, FILE *to, struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	int r;

	for (const struct net_type *type = net_type_next(NULL); type; type = net_type_next(type)) {
		fprintf(to, "%s - %s\n", type->name, type->summary);
		print_properties(to, type->properties);
	}
	r = load_all(cli, &plugins, to, "net-", err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (const struct plugin *plugin = plugins_next(plugins, NULL); plugin;
	     plugin = plugins_next(plugins, plugin)) {
		for (const struct mortise_net_driver *const *driver = plugin->net_drivers; *driver; driver++) {
			fprintf(to, "%s - %s\n", (*driver)->driver, (*driver)->summary);
			print_properties(to, (*driver)->properties);
		}
	}
	return 0;
}

static int print_blockdevs(const struct cli *cli, FILE *to, struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	struct block_type type;
	int r;

	for (size_t i = 0; block_type_get(i, &type); i++)
		fprintf(to, "%-20s %s\n", type.name, type.summary);
	r = load_all(cli, &plugins, to, "block-", err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (const struct plugin *plugin = plugins_next(plugins, NULL); plugin; plugin = plugins_next(plugins, plugin))
		for (const struct mortise_block_driver *const *driver = plugin->block_drivers; *driver; driver++)
			fprintf(to, "%-20s %s (%s %s)\n", (*driver)->driver, (*driver)->summary,
				plugin->description->name, plugin->description->version);
	return 0;
}

static int print_blockdev(const struct cli *cli, FILE *to, struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	const struct block_source *source;
	const struct mortise_block_driver *driver;
	struct block_type type;
	int r = open_plugins(&plugins, cli, err);

	if (r < 0)
		return r;
	for (size_t i = 0; block_type_get(i, &type); i++)
		if (streq(type.name, cli->blockdev_help_of))
			break;
	if (!type.name || !streq(type.name, cli->blockdev_help_of)) {
		source = plugins_block_source(plugins);
		r = source->find(source->opaque, cli->blockdev_help_of, &driver, err);
		if (r < 0)
			return r;
		type = (struct block_type){driver->driver, driver->summary, driver->properties};
	}
	fprintf(to, "%s - %s\n", type.name, type.summary);
	print_properties(to, type.properties);
	fputs("And those of every node:\n"
	      "  node-name=<text>\n        its name, for a device's drive=\n"
	      "  read-only=<on|off>\n        whether the guest cannot write [off]\n"
	      "  auto-read-only=<on|off>\n        whether it becomes read-only where it cannot be written [off]\n"
	      "  cache.direct=<on|off>\n        whether the host's page cache is bypassed [off]\n"
	      "  cache.no-flush=<on|off>\n        whether the guest's flushes are ignored: unsafe [off]\n"
	      "  discard=<unmap|ignore>\n        whether what the guest discards is given back to the host [unmap]\n",
	      to);
	return 0;
}

static int print_driver(const struct cli *cli, FILE *to, struct mortise_error *err)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	const struct mortise_class *class;
	int r = open_plugins(&plugins, cli, err);

	if (r == 0)
		r = plugins_class(plugins, cli->device_help_of, &class, err);
	if (r < 0)
		return r;
	fprintf(to, "%s - %s\n", class->driver, class->summary);
	print_properties(to, class->properties);
	fputs("And those of every device:\n"
	      "  id=<text>\n        name of the device, for device_del\n",
	      to);
	if (class->parent)
		fprintf(to, "  bus=<text>\n        device of driver %s to be plugged into [the first with room]\n",
			class->parent);
	else
		fputs("  addr=<number>\n        slot, counted from 0 for each kind of device [the first free one]\n",
		      to);
	return 0;
}

bool help_print(const struct cli *cli, FILE *to, int *result, struct mortise_error *err)
{
	*result = 0;
	if (cli->help)
		cli_print_options(to);
	else if (cli->version)
		fprintf(to, "mortise %s\n", PACKAGE_VERSION);
	else if (cli->accel_help)
		print_accels(to);
	else if (cli->machine_help)
		print_machines(to);
	else if (cli->netdev_help)
		*result = print_netdevs(cli, to, err);
	else if (cli->blockdev_help)
		*result = print_blockdevs(cli, to, err);
	else if (cli->blockdev_help_of)
		*result = print_blockdev(cli, to, err);
	else if (cli->device_help)
		*result = print_drivers(cli, to, err);
	else if (cli->device_help_of)
		*result = print_driver(cli, to, err);
	else
		return false;
	return true;
}
