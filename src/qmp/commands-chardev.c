/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-chardev.c - the VM's ends towards people and programs: character devices.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/flatten.h"
#include "qmp/json.h"

static OBJECT_TYPE(ChardevInfo, "a character device", MUST("label", str, "its name"),
		   MUST("filename", str, "what it is connected to"),
		   MUST("frontend-open", bool, "whether something of the VM uses it"));
static ARRAY_TYPE(ChardevInfo);

static void add_chardev(cJSON *list, const char *label, const char *filename, bool used)
{
	cJSON *info = cJSON_CreateObject();

	cJSON_AddStringToObject(info, "label", label);
	cJSON_AddStringToObject(info, "filename", filename);
	cJSON_AddBoolToObject(info, "frontend-open", used);
	cJSON_AddItemToArray(list, info);
}

static void run_query_chardev(struct qmp_call *call, const cJSON *arguments)
{
	const struct qmp_context *context = context_of(call);
	cJSON *list = cJSON_CreateArray();

	add_chardev(list, "serial0", chardev_describe(context->vm->serial), true);
	for (const struct qmp_monitor *monitor = context->monitors; monitor; monitor = monitor->next)
		add_chardev(list, monitor->label, monitor->filename, true);
	for (struct mortise_chardev *chardev = NULL; (chardev = char_next(context->vm->chars, chardev));)
		add_chardev(list, char_id(chardev), char_filename(chardev), char_is_claimed(chardev));
	qmp_return(call, list);
}

static ENUM_TYPE(ChardevBackendKind, "a kind of character device", "socket", "file", "null");
static OBJECT_TYPE(ChardevSocketPath, "a unix socket", MUST("path", str, "its file"));
static ENUM_TYPE(ChardevSocketType, "a kind of socket", "unix");
static OBJECT_TYPE(ChardevSocketAddress, "where a socket is", MUST("type", ChardevSocketType, "its kind"),
		   MUST("data", ChardevSocketPath, "its address"));
static OBJECT_TYPE(ChardevData, "what the kind needs", MAY("addr", ChardevSocketAddress, "of a socket"),
		   MAY("server", bool, "of a socket: it listens (the default), or connects now"),
		   MAY("wait", bool, "of a socket: must be false, nothing waits for a peer"),
		   MAY("reconnect", uint, "of a socket that connects: seconds between attempts; 0, the default: one"),
		   MAY("reconnect-ms", uint, "the same in milliseconds"),
		   MAY("out", str, "of a file: its path, appended to"));
static OBJECT_TYPE(ChardevBackend, "what is behind a character device", MUST("type", ChardevBackendKind, "its kind"),
		   MUST("data", ChardevData, "what that kind needs"));

/* QEMU nests what -chardev has flat, and calls some of it otherwise. */
static int chardev_options(const cJSON *arguments, struct options **out, struct mortise_error *err)
{
	static const struct {
		const char *from, *to;
	} names[] = {
		{"id", "id"},
		{"backend.type", "backend"},
		{"backend.data.addr.data.path", "path"},
		{"backend.data.server", "server"},
		{"backend.data.wait", "wait"},
		{"backend.data.reconnect", "reconnect"},
		{"backend.data.reconnect-ms", "reconnect-ms"},
		{"backend.data.out", "path"},
	};
	_cleanup_(options_free_p) struct options *nested = NULL, *options = options_new();
	int r = flatten_arguments(&nested, arguments, err);

	if (r < 0)
		return r;
	if (!options)
		return mortise_fail(err, -ENOMEM, "Out of memory for a chardev");
	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		const struct option *option = options_find(nested, names[i].from);

		if (option)
			r = options_add(options, names[i].to, option->value, option->kind, err);
	}
	if (r == 0 && streq(options_find(options, "backend")->value, "socket") && !options_find(options, "server"))
		r = options_add(options, "server", "on", OPTION_BOOL, err);
	if (r == 0)
		*out = steal_ptr(&options);
	return r;
}

static void run_chardev_add(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};
	struct options *options = NULL;
	int r = chardev_options(arguments, &options, &err);

	if (r == 0)
		r = char_add(vm_of(call)->chars, options, &err);
	qmp_answer(call, r, &err);
}

static void run_chardev_remove(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};

	qmp_answer(call, char_del(vm_of(call)->chars, json_string(arguments, "id"), &err), &err);
}

/* In [0, 65535], or refused. */
static bool take_size(struct qmp_call *call, const cJSON *arguments, const char *key, uint16_t *out)
{
	const double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(arguments, key));

	if (value < 0 || value > UINT16_MAX) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Parameter '%s' is %g, must be from 0 to %d", key, value,
			  UINT16_MAX);
		return false;
	}
	*out = (uint16_t)value;
	return true;
}

static void run_chardev_resize(struct qmp_call *call, const cJSON *arguments)
{
	const char *id = json_string(arguments, "id");
	struct mortise_chardev *chardev = char_find(vm_of(call)->chars, id);
	uint16_t columns, rows;

	if (!take_size(call, arguments, "cols", &columns) || !take_size(call, arguments, "rows", &rows))
		return;
	if (!chardev) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Chardev '%s' not found", id);
		return;
	}
	char_resize(chardev, columns, rows);
	qmp_answer(call, 0, NULL);
}

static const struct schema_command commands[] = {
	{
		"chardev-add",
		run_chardev_add,
		"Makes a character device, for device_add to use",
		ARGUMENTS(MUST("id", str, "its name"), MUST("backend", ChardevBackend, "what is behind it")),
	},
	{
		"chardev-remove",
		run_chardev_remove,
		"Ends a character device that no device uses",
		ARGUMENTS(MUST("id", str, "the character device")),
	},
	{
		"chardev-resize",
		run_chardev_resize,
		"Tells the size of the terminal at the other end, which a console in the guest takes over",
		ARGUMENTS(MUST("id", str, "the character device"), MUST("cols", int, "its width in characters"),
			  MUST("rows", int, "its height in characters")),
	},
	{
		"query-chardev",
		run_query_chardev,
		"Lists the character devices: the serial line, the monitors and those of -chardev",
		.returns = &type_ChardevInfo_array,
	},
	{0},
};

const struct schema_group commands_chardev = {.title = "Character devices", .commands = commands};
