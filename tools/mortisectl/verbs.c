/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/verbs.c - what mortisectl can be told to do: one table, a few lines for each.
 */
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "table.h"

struct arguments {
	const char *plain[2]; /* the words that are no options, as many as the verb has */
	const char *addr, *id, *tap, *mac;
	bool read_only, writable, direct, follow;
};

struct verb {
	const char *name;  /* one or two words */
	const char *usage; /* its arguments */
	const char *help;
	const char *options; /* names it takes, separated by blanks */
	unsigned plain;	     /* how many words it needs that are no options */
	const char *command; /* run without arguments when there is no function */
	int (*run)(struct session *session, const struct arguments *arguments);
};

static int refused(int r, const struct mortise_error *err)
{
	fprintf(stderr, "mortisectl: %s\n", err->message);
	return r == -EREMOTEIO ? STATUS_REFUSED : STATUS_GONE;
}

static void print_json(const cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);

	if (text)
		puts(text);
	cJSON_free(text);
	fflush(stdout);
}

/* Runs a command of which only success counts. */
static int simple(struct session *session, const char *command, cJSON *arguments)
{
	struct mortise_error err = {0};
	cJSON *value = NULL;
	int r = client_execute(session->client, command, arguments, &value, &err);

	if (r == 0 && session->json)
		print_json(value);
	cJSON_Delete(value);
	return r < 0 ? refused(r, &err) : STATUS_DONE;
}

/* Runs a query and shows its list as a table. */
static int query(struct session *session, const char *command, const struct column *columns)
{
	struct mortise_error err = {0};
	cJSON *value = NULL;
	int r = client_execute(session->client, command, NULL, &value, &err);

	if (r < 0)
		return refused(r, &err);
	if (session->json)
		print_json(value);
	else
		table_print(stdout, value, columns);
	cJSON_Delete(value);
	return STATUS_DONE;
}

static int status(struct session *session, const struct arguments *arguments)
{
	struct mortise_error err = {0};
	cJSON *value = NULL;
	int r = client_execute(session->client, "query-status", NULL, &value, &err);
	const cJSON *word;

	if (r < 0)
		return refused(r, &err);
	word = table_item(value, "status");
	if (session->json)
		print_json(value);
	else
		puts(cJSON_IsString(word) ? word->valuestring : "unknown");
	cJSON_Delete(value);
	return STATUS_DONE;
}

/* Adds a device to a backend that was just made under the same name; takes the backend back when that fails. */
static int add_device(struct session *session, const struct arguments *arguments, const char *driver, const char *id,
		      const char *undo, const char *undo_key)
{
	cJSON *device = cJSON_CreateObject();
	int status;

	cJSON_AddStringToObject(device, "id", id);
	cJSON_AddStringToObject(device, "driver", driver);
	if (arguments->addr)
		cJSON_AddStringToObject(device, "addr", arguments->addr);
	if (arguments->mac)
		cJSON_AddStringToObject(device, "mac", arguments->mac);
	status = simple(session, "device_add", device);
	if (status == STATUS_REFUSED) {
		struct mortise_error err = {0};
		cJSON *back = cJSON_CreateObject(), *value = NULL;

		cJSON_AddStringToObject(back, undo_key, id);
		client_execute(session->client, undo, back, &value, &err);
		cJSON_Delete(value);
	} else if (status == STATUS_DONE && !session->json) {
		puts(id);
	}
	return status;
}

/* A name from a path or a tap, where the operator gave none: letters, digits and the like, after a prefix. */
static void make_id(char *id, size_t size, const char *prefix, const char *from)
{
	const char *base = strrchr(from, '/');
	size_t used = (size_t)snprintf(id, size, "%s-", prefix);

	for (base = base ? base + 1 : from; *base && used + 1 < size; base++)
		id[used++] = strchr("/ ,=:\"'\\", *base) || (unsigned char)*base <= ' ' || (unsigned char)*base > '~'
				     ? '-'
				     : *base;
	id[used] = '\0';
}

static int disk_add(struct session *session, const struct arguments *arguments)
{
	cJSON *node = cJSON_CreateObject(), *file = cJSON_AddObjectToObject(node, "file");
	char *path = realpath(arguments->plain[0], NULL), made[100];
	const char *id = arguments->id;
	int status;

	if (!id) {
		make_id(made, sizeof(made), "disk", arguments->plain[0]);
		id = made;
	}
	cJSON_AddStringToObject(node, "node-name", id);
	cJSON_AddBoolToObject(node, "read-only", arguments->read_only);
	cJSON_AddStringToObject(file, "driver", "file");
	cJSON_AddStringToObject(file, "filename", path ? path : arguments->plain[0]);
	if (arguments->direct)
		cJSON_AddBoolToObject(cJSON_AddObjectToObject(node, "cache"), "direct", true);
	free(path);
	status = simple(session, "blockdev-add", node);
	return status == STATUS_DONE ? add_device(session, arguments, "virtio-blk", id, "blockdev-del", "node-name")
				     : status;
}

/* The node keeps its rights, unless told otherwise. */
static int disk_change(struct session *session, const struct arguments *arguments)
{
	const char *mode = arguments->read_only ? "read-only" : arguments->writable ? "read-write" : "retain";
	cJSON *change = cJSON_CreateObject();
	char *path = realpath(arguments->plain[1], NULL);

	if (arguments->read_only && arguments->writable) {
		fputs("mortisectl: --read-only and --writable exclude each other\n", stderr);
		cJSON_Delete(change);
		free(path);
		return STATUS_USAGE;
	}
	cJSON_AddStringToObject(change, "id", arguments->plain[0]);
	cJSON_AddStringToObject(change, "filename", path ? path : arguments->plain[1]);
	cJSON_AddStringToObject(change, "read-only-mode", mode);
	free(path);
	return simple(session, "blockdev-change-medium", change);
}

static int nic_add(struct session *session, const struct arguments *arguments)
{
	cJSON *net = cJSON_CreateObject();
	const char *id = arguments->id;
	char made[100];
	int status;

	if (!id) {
		make_id(made, sizeof(made), "nic", arguments->tap ? arguments->tap : "user");
		id = made;
	}
	cJSON_AddStringToObject(net, "id", id);
	cJSON_AddStringToObject(net, "type", arguments->tap ? "tap" : "user");
	if (arguments->tap)
		cJSON_AddStringToObject(net, "ifname", arguments->tap);
	status = simple(session, "netdev_add", net);
	return status == STATUS_DONE ? add_device(session, arguments, "virtio-net", id, "netdev_del", "id") : status;
}

static int remove_device(struct session *session, const struct arguments *arguments)
{
	cJSON *device = cJSON_CreateObject();

	cJSON_AddStringToObject(device, "id", arguments->plain[0]);
	return simple(session, "device_del", device);
}

static int disk_list(struct session *session, const struct arguments *arguments)
{
	static const struct column columns[] = {
		{"DEVICE", "qdev", COLUMN_TEXT},
		{"NODE", "inserted.node-name", COLUMN_TEXT},
		{"SIZE", "inserted.image.virtual-size", COLUMN_SIZE},
		{"READ-ONLY", "inserted.ro", COLUMN_YES},
		{"FILE", "inserted.file", COLUMN_TEXT},
		{NULL, NULL, COLUMN_TEXT},
	};

	return query(session, "query-block", columns);
}

static int nic_list(struct session *session, const struct arguments *arguments)
{
	static const struct column columns[] = {
		{"NETDEV", "id", COLUMN_TEXT},	     {"TYPE", "type", COLUMN_TEXT},
		{"LINK", "link", COLUMN_YES},	     {"DEVICE", "device", COLUMN_TEXT},
		{"SENT", "sent", COLUMN_TEXT},	     {"RECEIVED", "received", COLUMN_TEXT},
		{"DROPPED", "dropped", COLUMN_TEXT}, {"INFO", "info", COLUMN_TEXT},
		{NULL, NULL, COLUMN_TEXT},
	};

	return query(session, "query-netdev", columns);
}

static int plugin_list(struct session *session, const struct arguments *arguments)
{
	static const struct column columns[] = {
		{"PLUGIN", "name", COLUMN_TEXT},     {"VERSION", "version", COLUMN_TEXT},
		{"ABI", "abi", COLUMN_TEXT},	     {"INSTANCES", "instances", COLUMN_TEXT},
		{"SUMMARY", "summary", COLUMN_TEXT}, {NULL, NULL, COLUMN_TEXT},
	};

	return query(session, "query-plugins", columns);
}

static int plugin_command(struct session *session, const struct arguments *arguments, const char *command)
{
	cJSON *name = cJSON_CreateObject();

	cJSON_AddStringToObject(name, "name", arguments->plain[0]);
	return simple(session, command, name);
}

static int plugin_load(struct session *session, const struct arguments *arguments)
{
	return plugin_command(session, arguments, "plugin-load");
}

static int plugin_upgrade(struct session *session, const struct arguments *arguments)
{
	return plugin_command(session, arguments, "plugin-upgrade");
}

static void print_event(struct session *session, const cJSON *event)
{
	const cJSON *data = table_item(event, "data"), *name = table_item(event, "event");
	char *text = data ? cJSON_PrintUnformatted(data) : NULL;

	if (session->json)
		print_json(event);
	else
		printf("%s%s%s\n", cJSON_IsString(name) ? name->valuestring : "?", text ? " " : "", text ? text : "");
	fflush(stdout);
	cJSON_free(text);
}

static int events(struct session *session, const struct arguments *arguments)
{
	do {
		struct mortise_error err = {0};
		cJSON *event;
		int r = client_event(session->client, &event, &err);

		if (r < 0)
			return refused(r, &err);
		print_event(session, event);
		cJSON_Delete(event);
	} while (arguments->follow);
	return STATUS_DONE;
}

static int raw(struct session *session, const struct arguments *arguments)
{
	struct mortise_error err = {0};
	cJSON *value = NULL, *parsed = cJSON_Parse(arguments->plain[0]);
	int r;

	if (!parsed) {
		fprintf(stderr, "mortisectl: '%s' is no JSON\n", arguments->plain[0]);
		return STATUS_USAGE;
	}
	cJSON_Delete(parsed);
	r = client_raw(session->client, arguments->plain[0], &value, &err);
	if (r < 0)
		return refused(r, &err);
	print_json(value);
	cJSON_Delete(value);
	return STATUS_DONE;
}

static const struct verb verbs[] = {
	{"status", "", "whether the guest runs", "", 0, NULL, status},
	{"stop", "", "stop the guest's CPUs", "", 0, "stop", NULL},
	{"cont", "", "let them run again", "", 0, "cont", NULL},
	{"reset", "", "reset the machine", "", 0, "system_reset", NULL},
	{"powerdown", "", "press the power button", "", 0, "system_powerdown", NULL},
	{"quit", "", "end the VM at once", "", 0, "quit", NULL},
	{"disk add", "IMAGE [--addr N] [--id ID] [--read-only] [--direct]", "plug a disk in",
	 "addr id read-only direct", 1, NULL, disk_add},
	{"disk change", "ID IMAGE [--read-only | --writable]", "give a disk another image", "read-only writable", 2,
	 NULL, disk_change},
	{"disk list", "", "disks and their images", "", 0, NULL, disk_list},
	{"disk remove", "ID", "unplug a disk", "", 1, NULL, remove_device},
	{"nic add", "[--tap TAP] [--addr N] [--id ID] [--mac MAC]", "plug a NIC in; without a tap, on the user network",
	 "tap addr id mac", 0, NULL, nic_add},
	{"nic list", "", "netdevs and their NICs", "", 0, NULL, nic_list},
	{"nic remove", "ID", "unplug a NIC", "", 1, NULL, remove_device},
	{"plugin list", "", "plugins that are loaded", "", 0, NULL, plugin_list},
	{"plugin load", "NAME", "load a plugin ahead of its use", "", 1, NULL, plugin_load},
	{"plugin upgrade", "NAME", "put its file's new version in the place of the loaded one", "", 1, NULL,
	 plugin_upgrade},
	{"events", "[--follow]", "print the next event; with --follow all, until the VM ends", "follow", 0, NULL,
	 events},
	{"raw", "JSON", "send a QMP command and print what it returns", "", 1, NULL, raw},
};

void verb_help(FILE *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  %s %s\n        %s\n", verbs[i].name, verbs[i].usage, verbs[i].help);
}

const char *verb_name(unsigned n)
{
	return n < ARRAY_SIZE(verbs) ? verbs[n].name : NULL;
}

/* The verb that the first words name, and how many words that took. */
static const struct verb *find_verb(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *space = strchr(verbs[i].name, ' ');
		size_t length = space ? (size_t)(space - verbs[i].name) : strlen(verbs[i].name);

		if (argc < 1 || strlen(argv[0]) != length || memcmp(argv[0], verbs[i].name, length))
			continue;
		if (space && (argc < 2 || !streq(argv[1], space + 1)))
			continue;
		*words = space ? 2 : 1;
		return &verbs[i];
	}
	return NULL;
}

static void offer_options(const struct verb *verb, void (*offer)(void *opaque, const char *word), void *opaque)
{
	char words[64], *save = NULL;

	snprintf(words, sizeof(words), "%s", verb->options);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char option[64];

		snprintf(option, sizeof(option), "--%s", word);
		offer(opaque, option);
	}
}

/* The devices that a verb could remove. */
static void offer_devices(struct session *session, bool disks, void (*offer)(void *opaque, const char *word),
			  void *opaque)
{
	struct mortise_error err = {0};
	cJSON *list = NULL, *item;

	if (client_execute(session->client, disks ? "query-block" : "query-netdev", NULL, &list, &err) < 0)
		return;
	cJSON_ArrayForEach(item, list)
	{
		const cJSON *id = table_item(item, disks ? "qdev" : "device");

		if (cJSON_IsString(id))
			offer(opaque, id->valuestring);
	}
	cJSON_Delete(list);
}

bool verb_complete(struct session *session, int argc, char **argv, void (*offer)(void *opaque, const char *word),
		   void *opaque)
{
	int words;
	const struct verb *verb = find_verb(argc, argv, &words);
	bool begun = false;

	if (verb && argc == words && (verb->run == remove_device || verb->run == disk_change)) {
		offer_devices(session, str_starts(verb->name, "disk"), offer, opaque);
		return true;
	}
	if (verb) {
		offer_options(verb, offer, opaque);
		return !verb->plain;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs) && argc < 2; i++) {
		const char *space = strchr(verbs[i].name, ' ');
		char first[32];

		snprintf(first, sizeof(first), "%.*s", (int)strcspn(verbs[i].name, " "), verbs[i].name);
		if (!argc) {
			offer(opaque, first);
		} else if (space && streq(first, argv[0])) {
			offer(opaque, space + 1);
			begun = true;
		}
	}
	return begun;
}

static bool takes(const struct verb *verb, const char *option)
{
	size_t length = strlen(option);

	for (const char *p = verb->options; (p = strstr(p, option)); p += length)
		if ((p == verb->options || p[-1] == ' ') && (!p[length] || p[length] == ' '))
			return true;
	return false;
}

/* Where an option's value goes; NULL: it is a flag, and set. */
static const char **set_option(struct arguments *arguments, const char *name)
{
	if (streq(name, "read-only"))
		arguments->read_only = true;
	else if (streq(name, "writable"))
		arguments->writable = true;
	else if (streq(name, "direct"))
		arguments->direct = true;
	else if (streq(name, "follow"))
		arguments->follow = true;
	else if (streq(name, "addr"))
		return &arguments->addr;
	else if (streq(name, "id"))
		return &arguments->id;
	else if (streq(name, "tap"))
		return &arguments->tap;
	else if (streq(name, "mac"))
		return &arguments->mac;
	return NULL;
}

static int parse(const struct verb *verb, struct arguments *arguments, int argc, char **argv)
{
	unsigned plain = 0;

	for (int i = 0; i < argc; i++) {
		const char **value;

		if (!str_starts(argv[i], "--")) {
			if (plain == verb->plain)
				return -EINVAL;
			arguments->plain[plain++] = argv[i];
			continue;
		}
		if (!takes(verb, argv[i] + 2))
			return -EINVAL;
		value = set_option(arguments, argv[i] + 2);
		if (value && i + 1 == argc)
			return -EINVAL;
		if (value)
			*value = argv[++i];
	}
	return plain < verb->plain ? -EINVAL : 0;
}

int verb_run(struct session *session, int argc, char **argv)
{
	struct arguments arguments = {0};
	const struct verb *verb;
	int words;

	verb = find_verb(argc, argv, &words);
	if (!verb) {
		fprintf(stderr, "mortisectl: '%s' is not known; `mortisectl --help` lists what is\n",
			argc ? argv[0] : "");
		return STATUS_USAGE;
	}
	if (parse(verb, &arguments, argc - words, argv + words) < 0) {
		fprintf(stderr, "usage: mortisectl %s %s\n", verb->name, verb->usage);
		return STATUS_USAGE;
	}
	return verb->run ? verb->run(session, &arguments) : simple(session, verb->command, NULL);
}
