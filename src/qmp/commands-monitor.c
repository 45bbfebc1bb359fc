/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-monitor.c - commands for people.
 */
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/hmp.h"
#include "qmp/json.h"
#include "qmp/plugin-commands.h"

static void run_human(struct qmp_call *call, const cJSON *arguments)
{
	struct text out = {0};
	char topic[HMP_WORD_MAX];

	hmp_run(&out, context_of(call), json_string(arguments, "command-line"), topic);
	if (!*topic || !plugin_info(call, topic))
		qmp_return(call, out.failed ? NULL : cJSON_CreateString(out.data ? out.data : ""));
	text_free(&out);
}

static const struct schema_command commands[] = {
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
