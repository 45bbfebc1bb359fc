/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp-manual.c - writes mortise-qmp(7) from the tables that the monitor itself works with. Run by make, not installed.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "config.h"
#include "qmp/commands.h"
#include "tools/manual/troff.h"

static const char head[] =
	".SH NAME\n"
	"mortise\\-qmp \\- commands and events of mortise's monitor\n"
	".SH DESCRIPTION\n"
	"A monitor that was opened with\n"
	".BR mortise (1)'s\n"
	".B \\-qmp\n"
	"takes commands and tells events in the QEMU Machine Protocol: JSON objects, one after the other.\n"
	"It greets each client, whose first command must be\n"
	".BR qmp_capabilities .\n"
	"A command is\n"
	".PP\n"
	".RS\n"
	"{\"execute\": \"\\fINAME\\fP\", \"arguments\": {...}, \"id\": \\fIANY\\fP}\n"
	".RE\n"
	".PP\n"
	"where \"arguments\" and \"id\" may be left out. It is answered by a line with \"return\", or with \"error\" "
	"and in it\n"
	"\"class\" and \"desc\"; and the \"id\", if there was one. Commands of one client are answered in their "
	"order.\n"
	"Strings may be in single quotes. A byte 0xFF, or a control character, ends whatever was begun.\n"
	".PP\n"
	"A client that has enabled the capability\n"
	".B oob\n"
	"may say \"exec\\-oob\" instead of \"execute\" for commands marked\n"
	".IR oob :\n"
	"they are then answered at once, ahead of those that wait.\n"
	".PP\n"
	"File descriptors come along with a command (SCM_RIGHTS), or ahead of it with a single space.\n"
	".SH EXAMPLE\n"
	"A disk is plugged as the guest's vdb and taken out again:\n"
	".PP\n"
	".nf\n"
	"{\"execute\": \"qmp_capabilities\"}\n"
	"{\"execute\": \"blockdev\\-add\", \"arguments\": {\"node\\-name\": \"drive\\-0\",\n"
	"    \"file\": {\"driver\": \"file\", \"filename\": \"/path/to/image\"},\n"
	"    \"cache\": {\"direct\": true}, \"read\\-only\": false}}\n"
	"{\"execute\": \"device_add\", \"arguments\": {\"id\": \"drive\\-0\",\n"
	"    \"driver\": \"virtio\\-blk\\-mmio\", \"addr\": \"0x1\"}}\n"
	"{\"execute\": \"device_del\", \"arguments\": {\"id\": \"drive\\-0\"}}\n"
	".fi\n";

static const char tail[] = ".SH SEE ALSO\n"
			   ".BR mortise (1)\n";

/* Object types that were mentioned, to be described at the end. */
static const struct schema_type *mentioned[256];
static size_t mentioned_count;

static void mention(const struct schema_type *type)
{
	for (size_t i = 0; i < mentioned_count; i++)
		if (mentioned[i] == type)
			return;
	if (mentioned_count < ARRAY_SIZE(mentioned))
		mentioned[mentioned_count++] = type;
}

static void put_type(const struct schema_type *type)
{
	const char *separator = "";

	switch (type->kind) {
	case SCHEMA_ARRAY:
		printf("array of ");
		put_type(type->element);
		break;
	case SCHEMA_ENUM:
		for (const char *const *value = type->values; *value; value++) {
			printf("%s\"", separator);
			troff_put(*value);
			printf("\"");
			separator = " | ";
		}
		break;
	case SCHEMA_ALTERNATE:
		for (const struct schema_member *member = type->members; member->name; member++) {
			printf("%s", separator);
			put_type(member->type);
			separator = " or ";
		}
		break;
	case SCHEMA_OBJECT:
		mention(type);
		printf("\\fI");
		troff_put(type->name);
		printf("\\fP");
		break;
	case SCHEMA_STRING:
		printf("string");
		break;
	case SCHEMA_ANY:
		printf("any value");
		break;
	default:
		troff_put(schema_expected(type));
		break;
	}
}

static void put_members(const struct schema_type *type)
{
	for (const struct schema_member *member = type->members; member && member->name; member++) {
		printf(".TP\n\\fB");
		troff_put(member->name);
		printf("\\fP: ");
		put_type(member->type);
		printf("%s\n", member->optional ? " (optional)" : "");
		troff_put(member->help);
		printf("\n");
	}
	for (const struct schema_variant *variant = type->variants; variant && variant->value; variant++) {
		if (!variant->type->members)
			continue;
		printf(".TP\nif \\fB");
		troff_put(type->tag);
		printf("\\fP is \"");
		troff_put(variant->value);
		printf("\"\nthe members of ");
		put_type(variant->type);
		printf("\n");
	}
}

static void put_command(const struct schema_command *command)
{
	printf(".SS ");
	troff_put(command->name);
	printf("\n");
	troff_put(command->help);
	printf(".%s\n", command->flags & SCHEMA_OOB ? " (\\fIoob\\fP)" : "");
	if (command->arguments)
		put_members(command->arguments);
	if (command->returns) {
		printf(".PP\nReturns: ");
		put_type(command->returns);
		printf(".\n");
	}
}

int main(void)
{
	printf(".\\\" SPDX-License-Identifier: Apache-2.0\n"
	       ".\\\" Made by qmp-manual from the tables of src/qmp.\n"
	       ".TH MORTISE\\-QMP 7 \"\" \"mortise %s\" \"Monitor\"\n%s",
	       PACKAGE_VERSION, head);
	for (const struct schema_group *const *group = qmp_schema.groups; *group; group++) {
		if ((*group)->commands)
			printf(".SH \"COMMANDS: %s\"\n", (*group)->title);
		for (const struct schema_command *c = (*group)->commands; c && c->name; c++)
			put_command(c);
	}
	printf(".SH EVENTS\nEvents have a \"timestamp\" of the host's clock, in seconds and microseconds.\n");
	for (const struct schema_group *const *group = qmp_schema.groups; *group; group++) {
		for (const struct schema_event *e = (*group)->events; e && e->name; e++) {
			printf(".SS ");
			troff_put(e->name);
			printf("\nTold when ");
			troff_put(e->help);
			printf(".\n");
			if (e->data)
				put_members(e->data);
		}
	}
	printf(".SH TYPES\n");
	for (size_t i = 0; i < mentioned_count; i++) { /* grows while types mention others */
		printf(".SS ");
		troff_put(mentioned[i]->name);
		printf("\n");
		troff_put(mentioned[i]->help);
		printf(".\n");
		put_members(mentioned[i]);
	}
	printf("%s", tail);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
