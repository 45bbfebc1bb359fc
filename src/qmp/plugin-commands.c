/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/plugin-commands.c - the commands of plugged devices: listed while one is there, run on the device's thread.
 */
#include "qmp/plugin-commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bus/command.h"
#include "bus/values.h"
#include "qmp/context.h"
#include "qmp/fields.h"
#include "qmp/json.h"
#include "qmp/text.h"
#include "vm/hotplug.h"
#include "vm/upgrade.h"

/* --- running one --- */

struct search {
	const char *name, *id; /* of the command; of the device, NULL: the only one */
	struct mortise_device *device;
	const struct mortise_command *command;
	unsigned found;
};

static const struct mortise_command *command_of(const struct mortise_class *class, const char *name)
{
	for (const struct mortise_command *c = class->monitor ? class->monitor->commands : NULL; c && c->name; c++)
		if (streq(c->name, name))
			return c;
	return NULL;
}

static void look_at(void *opaque, const struct hotplug_device *device)
{
	struct search *search = opaque;
	const struct mortise_command *command = command_of(device_class(device->device), search->name);

	if (!command || (search->id && !streq(device->id, search->id)))
		return;
	search->device = device->device;
	search->command = command;
	search->found++;
}

static void on_answer(struct reply *reply, int result)
{
	struct mortise_call *call = container_of(reply, struct mortise_call, reply);
	struct qmp_call *qmp = call->opaque;
	cJSON *value;

	if (result < 0) {
		qmp_answer(qmp, result, &reply->error);
	} else {
		value = cJSON_CreateObject();
		fields_write(value, call->command->returns, call->results);
		qmp_return(qmp, value);
	}
	device_call_free(call);
}

/* Has what was found carried out for `qmp`; false, with a message, where that cannot be. */
static bool begin(const struct search *search, struct qmp_call *qmp, const cJSON *arguments,
		  void (*done)(struct reply *reply, int result), struct mortise_error *err)
{
	struct mortise_call *call;

	if (search->found > 1) {
		mortise_fail(err, -EINVAL, "Parameter 'id' is missing: %u devices have the command '%s'", search->found,
			     search->name);
		return false;
	}
	if (upgrade_concerns(vm_of(qmp), device_class(search->device))) {
		mortise_fail(err, -EBUSY, "Device '%s' is being upgraded; wait for that to end",
			     device_id(search->device));
		return false;
	}
	call = device_call_new(search->command);
	if (!call) {
		mortise_fail(err, -ENOMEM, "Out of memory for command '%s'", search->name);
		return false;
	}
	if (fields_read(call->arguments, search->command->arguments, arguments, err) < 0) {
		device_call_free(call);
		return false;
	}
	call->opaque = qmp;
	call->reply.done = done;
	device_call(search->device, call);
	return true;
}

static void run(struct qmp_call *qmp, const cJSON *arguments)
{
	struct search search = {.name = qmp->command->name, .id = json_string(arguments, "id")};
	struct mortise_error err = {0};

	hotplug_each(vm_of(qmp), look_at, &search);
	if (!search.found)
		qmp_failf(qmp, QMP_DEVICE_NOT_FOUND, "Device '%s' is not there, or has no command '%s'",
			  search.id ? search.id : "", search.name);
	else if (!begin(&search, qmp, arguments, on_answer, &err))
		qmp_fail(qmp, QMP_GENERIC_ERROR, &err);
}

/* --- info --- */

#define QUERY "query-"

/* The word by which people ask for a command; NULL: it is not for them. */
static const char *info_word(const struct mortise_command *command)
{
	if (!str_starts(command->name, QUERY) || (command->arguments && command->arguments->name))
		return NULL;
	return command->name + strlen(QUERY);
}

/* "actual=268435456 ...": strings as they are, all else as in JSON. */
static void add_fields(struct text *out, const cJSON *object)
{
	for (const cJSON *item = object->child; item; item = item->next) {
		char *value = cJSON_IsString(item) ? NULL : cJSON_PrintUnformatted(item);
		const char *words = cJSON_IsString(item) ? item->valuestring : value ? value : "";

		text_add(out, " ", 1);
		text_add(out, item->string, strlen(item->string));
		text_add(out, "=", 1);
		text_add(out, words, strlen(words));
		cJSON_free(value);
	}
}

static void return_line(struct qmp_call *qmp, const char *what, const cJSON *object, const char *otherwise)
{
	struct text out = {0};

	text_add(&out, what, strlen(what));
	text_add(&out, ":", 1);
	if (object)
		add_fields(&out, object);
	else
		text_add(&out, otherwise, strlen(otherwise));
	text_add(&out, "\r\n", 2);
	qmp_return(qmp, out.failed ? NULL : cJSON_CreateString(out.data));
	text_free(&out);
}

static void on_info(struct reply *reply, int result)
{
	struct mortise_call *call = container_of(reply, struct mortise_call, reply);
	cJSON *object = cJSON_CreateObject();

	if (result == 0)
		fields_write(object, call->command->returns, call->results);
	if (result < 0)
		return_line(call->opaque, "Error", NULL, reply->error.message);
	else
		return_line(call->opaque, info_word(call->command), object, NULL);
	cJSON_Delete(object);
	device_call_free(call);
}

bool plugin_info(struct qmp_call *qmp, const char *word)
{
	char name[64];
	struct search search = {.name = name};
	struct mortise_error err = {0};

	snprintf(name, sizeof(name), QUERY "%s", word);
	hotplug_each(vm_of(qmp), look_at, &search);
	if (!search.found || !info_word(search.command))
		return false;
	if (!begin(&search, qmp, NULL, on_info, &err))
		return_line(qmp, "Error", NULL, err.message);
	return true;
}

struct info_visit {
	void (*visit)(void *opaque, const char *word, const char *help);
	void *opaque;
};

static void visit_words(void *opaque, const struct hotplug_device *device)
{
	const struct info_visit *visit = opaque;
	const struct mortise_monitor *monitor = device_class(device->device)->monitor;

	for (const struct mortise_command *c = monitor ? monitor->commands : NULL; c && c->name; c++)
		if (info_word(c))
			visit->visit(visit->opaque, info_word(c), c->help);
}

void plugin_info_each(struct vm *vm, void (*visit)(void *opaque, const char *word, const char *help), void *opaque)
{
	struct info_visit each = {visit, opaque};

	hotplug_each(vm, visit_words, &each);
}

/* The member that names the device, by the word that the protocol has for it. */
static const struct schema_member *device_member(const struct mortise_event *event)
{
	static const struct schema_member usual = {
		.name = "device", .type = &type_str, .help = "the device that it is about"};
	static const struct schema_member id = {.name = "id", .type = &type_str, .help = "the device that it is about"};

	return streq(event->name, "VSERPORT_CHANGE") ? &id : &usual;
}

cJSON *plugin_event_data(const char *device, const struct mortise_event *event, const struct mortise_value *values)
{
	cJSON *data = cJSON_CreateObject();

	fields_write(data, event->data, values);
	cJSON_AddStringToObject(data, device_member(event)->name, device);
	return data;
}

/* --- the schema --- */

/* What one class brings, in the terms of the schema. */
struct class_group {
	struct class_group *next;
	const struct mortise_class *class;
	struct schema_group group;
	struct schema_command *commands;
	struct schema_event *events;
	struct field_type *types; /* two for each command, one for each event */
	size_t type_count;
};

static struct class_group *class_group_free(struct class_group *group)
{
	if (!group)
		return NULL;
	for (size_t i = 0; i < group->type_count; i++)
		field_type_done(&group->types[i]);
	free(group->types);
	free(group->commands);
	free(group->events);
	free(group);
	return NULL;
}
DEFINE_CLEANUP(struct class_group *, class_group_free)

/* The next of group->types; NULL: out of memory. */
static const struct schema_type *add_type(struct class_group *group, const char *owner, const char *part,
					  const struct mortise_field *fields, const struct schema_member *more)
{
	struct field_type *type = &group->types[group->type_count];

	if (field_type_make(type, owner, part, fields, more) < 0)
		return NULL;
	group->type_count++;
	return &type->type;
}

static int add_command(struct class_group *group, struct schema_command *to, const struct mortise_command *from)
{
	static const struct schema_member id = {.name = "id",
						.type = &type_str,
						.help = "the device; there must be but one when absent",
						.optional = true};

	*to = (struct schema_command){.name = from->name, .run = run, .help = from->help};
	to->arguments = add_type(group, from->name, "arg", from->arguments, &id);
	if (from->returns && from->returns->name)
		to->returns = add_type(group, from->name, "ret", from->returns, NULL);
	return to->arguments && (to->returns || !from->returns || !from->returns->name) ? 0 : -ENOMEM;
}

static int add_event(struct class_group *group, struct schema_event *to, const struct mortise_event *from)
{
	*to = (struct schema_event){.name = from->name, .help = from->help};
	to->data = add_type(group, from->name, "data", from->data, device_member(from));
	return to->data ? 0 : -ENOMEM;
}

static int class_group_new(struct class_group **out, const struct mortise_class *class)
{
	const struct mortise_monitor *monitor = class->monitor;
	_cleanup_(class_group_free_p) struct class_group *group = calloc(1, sizeof(*group));
	size_t commands = 0, events = 0;
	int r = 0;

	while (monitor->commands[commands].name)
		commands++;
	while (monitor->events[events].name)
		events++;
	if (!group)
		return -ENOMEM;
	group->class = class;
	group->commands = calloc(commands + 1, sizeof(*group->commands));
	group->events = calloc(events + 1, sizeof(*group->events));
	group->types = calloc(2 * commands + events + 1, sizeof(*group->types));
	if (!group->commands || !group->events || !group->types)
		return -ENOMEM;
	for (size_t i = 0; i < commands && r == 0; i++)
		r = add_command(group, &group->commands[i], &monitor->commands[i]);
	for (size_t i = 0; i < events && r == 0; i++)
		r = add_event(group, &group->events[i], &monitor->events[i]);
	if (r < 0)
		return r;
	group->group =
		(struct schema_group){.title = class->summary, .commands = group->commands, .events = group->events};
	*out = steal_ptr(&group);
	return 0;
}

static void collect(void *opaque, const struct hotplug_device *device)
{
	struct plugin_schema *schema = opaque;
	const struct mortise_class *class = device_class(device->device);
	struct class_group **last = &schema->classes;

	for (; *last; last = &(*last)->next)
		if (streq((*last)->class->driver, class->driver))
			return;
	if (class->monitor && class_group_new(last, class) < 0)
		log_error("Out of memory: the commands of driver '%s' are not known to the monitors", class->driver);
}

static void forget(struct plugin_schema *schema)
{
	struct class_group *next;

	for (struct class_group *group = schema->classes; group; group = next) {
		next = group->next;
		class_group_free(group);
	}
	schema->classes = NULL;
}

/* A new list of groups: the own ones, then those of classes. */
static int list_groups(struct plugin_schema *schema)
{
	const struct schema_group **groups;
	size_t count = 0, i = 0;

	while (schema->own->groups[count])
		count++;
	for (const struct class_group *group = schema->classes; group; group = group->next)
		count++;
	groups = calloc(count + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	for (; schema->own->groups[i]; i++)
		groups[i] = schema->own->groups[i];
	for (const struct class_group *group = schema->classes; group; group = group->next)
		groups[i++] = &group->group;
	free(schema->groups);
	schema->groups = groups;
	schema->schema.groups = groups;
	return 0;
}

int plugin_schema_init(struct plugin_schema *schema, const struct schema *own, struct mortise_error *err)
{
	*schema = (struct plugin_schema){.own = own};
	return list_groups(schema) < 0 ? mortise_fail(err, -ENOMEM, "Out of memory for the monitors") : 0;
}

void plugin_schema_done(struct plugin_schema *schema)
{
	forget(schema);
	free(schema->groups);
	*schema = (struct plugin_schema){0};
}

void plugin_schema_update(struct plugin_schema *schema, struct vm *vm)
{
	forget(schema);
	schema->schema.groups = schema->own->groups;
	hotplug_each(vm, collect, schema);
	if (list_groups(schema) < 0)
		log_error("Out of memory: the commands of devices are not known to the monitors");
}
