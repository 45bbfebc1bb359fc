/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-protocol.c - commands about the protocol itself: capabilities, version, what there is.
 */
#include "qmp/call.h"
#include "qmp/commands.h"
#include "qmp/introspect.h"
#include "qmp/json.h"
#include "qmp/version.h"

static ENUM_TYPE(QMPCapability, "what a client may switch on", "oob");
static ARRAY_TYPE(QMPCapability);

static void run_capabilities(struct qmp_call *call, const cJSON *arguments)
{
	qmp_negotiated(call, cJSON_GetArraySize(json_get(arguments, "enable")) > 0);
	qmp_done(call);
}

static OBJECT_TYPE(VersionTriple, "a version of QEMU", MUST("major", int, "major version"),
		   MUST("minor", int, "minor version"), MUST("micro", int, "micro version"));
static OBJECT_TYPE(VersionInfo, "what the monitor speaks, and what it is",
		   MUST("qemu", VersionTriple, "the QEMU release whose protocol this is"),
		   MUST("package", str, "name and version of this program"));

static void run_version(struct qmp_call *call, const cJSON *arguments)
{
	qmp_return(call, qmp_version());
}

static OBJECT_TYPE(CommandInfo, "a command", MUST("name", str, "its name"));
static ARRAY_TYPE(CommandInfo);
static OBJECT_TYPE(EventInfo, "an event", MUST("name", str, "its name"));
static ARRAY_TYPE(EventInfo);

static void add_name(cJSON *list, const char *name)
{
	cJSON *info = cJSON_CreateObject();

	cJSON_AddStringToObject(info, "name", name);
	cJSON_AddItemToArray(list, info);
}

static void run_commands(struct qmp_call *call, const cJSON *arguments)
{
	cJSON *list = cJSON_CreateArray();

	for (const struct schema_group *const *group = call->schema->groups; *group; group++)
		for (const struct schema_command *c = (*group)->commands; c && c->name; c++)
			add_name(list, c->name);
	qmp_return(call, list);
}

static void run_events(struct qmp_call *call, const cJSON *arguments)
{
	cJSON *list = cJSON_CreateArray();

	for (const struct schema_group *const *group = call->schema->groups; *group; group++)
		for (const struct schema_event *e = (*group)->events; e && e->name; e++)
			add_name(list, e->name);
	qmp_return(call, list);
}

static ENUM_TYPE(SchemaMetaType, "what an entry of the schema describes", "builtin", "enum", "array", "object",
		 "alternate", "command", "event");
static OPEN_OBJECT_TYPE(SchemaInfo, "an entry of the schema, with further members by its meta-type",
			MUST("name", str, "the entry's name; those of types may change"),
			MUST("meta-type", SchemaMetaType, "what it describes"));
static ARRAY_TYPE(SchemaInfo);

static void run_schema(struct qmp_call *call, const cJSON *arguments)
{
	qmp_return(call, introspect(call->schema));
}

static const struct schema_command commands[] = {
	{
		"qmp_capabilities",
		run_capabilities,
		"Ends capabilities negotiation: the first command of every connection",
		ARGUMENTS(MAY("enable", QMPCapability_array, "capabilities of the greeting to switch on")),
		.flags = SCHEMA_NEGOTIATION,
	},
	{
		"query-version",
		run_version,
		"Tells the version",
		.returns = &type_VersionInfo,
		.flags = SCHEMA_OOB,
	},
	{
		"query-commands",
		run_commands,
		"Lists the commands",
		.returns = &type_CommandInfo_array,
		.flags = SCHEMA_OOB,
	},
	{
		"query-events",
		run_events,
		"Lists the events",
		.returns = &type_EventInfo_array,
		.flags = SCHEMA_OOB,
	},
	{
		"query-qmp-schema",
		run_schema,
		"Tells the types of all commands and events, as QAPI does",
		.returns = &type_SchemaInfo_array,
		.flags = SCHEMA_OOB,
	},
	{0},
};

const struct schema_group commands_protocol = {.title = "The protocol", .commands = commands};
