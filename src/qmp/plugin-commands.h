/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/plugin-commands.h - commands and events that plugins bring, beside those of Mortise itself in one schema.
 */
#pragma once

#include "qmp/call.h"
#include "qmp/schema.h"
#include "vm/vm.h"

/* The schema of a monitor of one VM, at the moment. Control thread. */
struct plugin_schema {
	struct schema schema; /* what servers are given: stays where it is, its groups change */
	const struct schema *own;
	const struct schema_group **groups;
	struct class_group *classes;
};

/* `own` is the part that stays, borrowed. -ENOMEM. */
int plugin_schema_init(struct plugin_schema *schema, const struct schema *own, struct mortise_error *err);
void plugin_schema_done(struct plugin_schema *schema);

/* Looks which classes have devices plugged in now; the same classes' commands and events are there afterwards. */
void plugin_schema_update(struct plugin_schema *schema, struct vm *vm);

/*
 * `info WORD`, for people: where a plugged device has a command query-WORD that needs no arguments, has it run, and
 * ends the call with what it returns as a line of text. false: there is none, and nothing was done.
 */
bool plugin_info(struct qmp_call *call, const char *word);

/* Visits each such word once for each device. */
void plugin_info_each(struct vm *vm, void (*visit)(void *opaque, const char *word, const char *help), void *opaque);

/* The data of an event of a device's, with the device. */
cJSON *plugin_event_data(const char *device, const struct mortise_event *event, const struct mortise_value *values);
