/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-monitor.c - the VM's ends towards people and programs: character devices, and commands for people.
 */
#include <string.h>

#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/hmp.h"
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

static void run_human(struct qmp_call *call, const cJSON *arguments)
{
	struct text out = {0};

	hmp_run(&out, context_of(call), json_string(arguments, "command-line"));
	qmp_return(call, out.failed ? NULL : cJSON_CreateString(out.data ? out.data : ""));
	text_free(&out);
}

static const struct schema_command commands[] = {
	{
		"query-chardev",
		run_query_chardev,
		"Lists the character devices: the serial line, the monitors and those of -chardev",
		.returns = &type_ChardevInfo_array,
	},
	{
		"human-monitor-command",
		run_human,
		"Runs a command made for people and returns what it prints; `help` lists them. Programs have better "
		"ways",
		ARGUMENTS(MUST("command-line", str, "the command"),
			  MAY("cpu-index", int, "makes no difference to these commands")),
		&type_str,
	},
	{0},
};

const struct schema_group commands_monitor = {.title = "Monitors", .commands = commands};
