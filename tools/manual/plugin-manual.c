/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin-manual.c - writes the manual page of a plugin: its drivers' properties from their tables, with a text of its
 * own.
 *
 * The text is troff: what the device is, up to its first .SH, goes before the properties; the rest after them.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/properties.h"
#include "base/util.h"
#include "plugin/plugin.h"
#include "tools/manual/troff.h"

static const char usage[] = "usage: mortise-plugin-manual FILE.so [TEXT]\n"
			    "\n"
			    "Writes the manual page mortise-NAME(7) of the plugin to standard output, with the troff "
			    "text in the file TEXT.\n";

static void put_property(const struct mortise_property *property)
{
	printf(".TP\n\\fB");
	troff_put(property->name);
	printf("\\fP=");
	for (const char *const *word = property->values; word && *word; word++) {
		printf("%s\\fB", word == property->values ? "" : " | ");
		troff_put(*word);
		printf("\\fP");
	}
	if (!property->values) {
		printf("\\fI");
		troff_put(property_value_word(property->type));
		printf("\\fP");
	}
	printf("\n");
	troff_put(property->help);
	if (property->flags & MORTISE_PROPERTY_REQUIRED)
		printf("; required");
	if (property->max && property->type != MORTISE_PROPERTY_STRING)
		printf("; %" PRIu64 " to %" PRIu64, property->min, property->max);
	if (property->fallback) {
		printf("; \\fB");
		troff_put(property->fallback);
		printf("\\fP when absent");
	}
	if (property->flags & MORTISE_PROPERTY_SECRET)
		printf("; never shown");
	printf(".\n");
}

static void put_properties(const struct mortise_property *property)
{
	if (!property->name)
		printf("It has no properties of its own.\n");
	for (; property->name; property++)
		put_property(property);
}

static void put_heading(const char *kind, const char *name, const char *summary)
{
	printf(".SH \"%s: ", kind);
	troff_put(name);
	printf("\"\n");
	troff_put(summary);
}

static void put_class(const struct mortise_class *class)
{
	put_heading("DRIVER", class->driver, class->summary);
	if (class->parent) {
		printf(". It is plugged into a device of driver \\fB");
		troff_put(class->parent);
		printf("\\fP, the one named in \\fBbus\\fP or the first with room.\n");
	} else {
		printf(". Its virtio device type is %" PRIu32 ".\n", class->virtio_id);
	}
	put_properties(class->properties);
}

/* Drivers of backends. */
static void put_drivers(const struct plugin *plugin)
{
	for (const struct mortise_block_driver *const *driver = plugin->block_drivers; driver && *driver; driver++) {
		put_heading("BLOCK DRIVER", (*driver)->driver, (*driver)->summary);
		printf(".\n");
		put_properties((*driver)->properties);
	}
	for (const struct mortise_net_driver *const *driver = plugin->net_drivers; driver && *driver; driver++) {
		put_heading("NETDEV", (*driver)->driver, (*driver)->summary);
		printf(".\n");
		put_properties((*driver)->properties);
	}
}

static void put_synopsis(const char *option, const char *driver, const char *required)
{
	printf("\\fB%s\\fP ", option);
	troff_put(driver);
	printf("%s[,\\fIPROPERTY\\fP=\\fIVALUE\\fP...]\n", required);
}

/* Which commands take the same properties. */
static const char *commands_of(const struct plugin *plugin)
{
	return *plugin->classes ? "device_add" : *plugin->block_drivers ? "blockdev\\-add" : "netdev_add";
}

/* Writes the text's lines up to the first heading, or from there on. */
static void put_text(FILE *text, bool *heading)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, text) > 0) {
		if (strncmp(line, ".SH", 3) == 0 && !*heading) {
			*heading = true;
			fseek(text, -(long)strlen(line), SEEK_CUR);
			return;
		}
		fputs(line, stdout);
	}
}

static void put_page(const struct plugin *plugin, FILE *text)
{
	const struct mortise_plugin *description = plugin->description;
	bool heading = false;

	printf(".\\\" Made by mortise-plugin-manual.\n.TH \"MORTISE\\-");
	troff_put(description->name);
	printf("\" 7 \"\" \"");
	troff_put(description->name);
	printf(" %s\" \"Plugins\"\n.SH NAME\nmortise\\-", description->version);
	troff_put(description->name);
	printf(" \\- ");
	troff_put(description->summary);
	printf("\n.SH SYNOPSIS\n.nf\n");
	for (const struct mortise_class *const *class = plugin->classes; *class; class ++)
		put_synopsis("\\-device", (*class)->driver, "");
	for (const struct mortise_block_driver *const *driver = plugin->block_drivers; *driver; driver++)
		put_synopsis("\\-blockdev", (*driver)->driver, ",\\fBnode\\-name\\fP=\\fINAME\\fP");
	for (const struct mortise_net_driver *const *driver = plugin->net_drivers; *driver; driver++)
		put_synopsis("\\-netdev", (*driver)->driver, ",\\fBid\\fP=\\fIID\\fP");
	printf(".fi\n.SH DESCRIPTION\n");
	if (text)
		put_text(text, &heading);
	else
		printf("The plugin \\fB%s.so\\fP; its licence is %s.\n", description->name, description->license);
	printf(".PP\nThe same properties are arguments of %s, see\n.BR mortise\\-qmp (7).\n", commands_of(plugin));
	for (const struct mortise_class *const *class = plugin->classes; *class; class ++)
		put_class(*class);
	put_drivers(plugin);
	if (text)
		put_text(text, &heading);
	printf(".SH SEE ALSO\n.BR mortise (1),\n.BR mortise\\-qmp (7)\n");
}

/* The plugin that the file is. */
static int load(const char *file, struct plugins **out, const struct plugin **plugin, struct mortise_error *err)
{
	_cleanup_free_ char *for_dir = strdup(file), *for_base = strdup(file);
	char *name, *suffix;
	int r;

	if (!for_dir || !for_base)
		return mortise_fail(err, -ENOMEM, "Out of memory");
	name = basename(for_base);
	suffix = strrchr(name, '.');
	if (!suffix || strcmp(suffix, ".so") != 0)
		return mortise_fail(err, -EINVAL, "'%s' is not named like a plugin: it must end in .so", file);
	*suffix = '\0';
	r = plugins_new(out, dirname(for_dir), err);
	return r < 0 ? r : plugins_load(*out, name, plugin, err);
}

int main(int argc, char **argv)
{
	_cleanup_(plugins_free_p) struct plugins *plugins = NULL;
	struct mortise_error err = {0};
	const struct plugin *plugin;
	FILE *text = NULL;

	if (argc < 2 || argc > 3 || argv[1][0] == '-') {
		fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
		return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	if (load(argv[1], &plugins, &plugin, &err) < 0) {
		fprintf(stderr, "mortise-plugin-manual: %s\n", err.message);
		return 1;
	}
	if (argc == 3 && !(text = fopen(argv[2], "re"))) {
		fprintf(stderr, "mortise-plugin-manual: cannot open '%s': %s\n", argv[2], strerror(errno));
		return 1;
	}
	put_page(plugin, text);
	if (text)
		fclose(text);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
