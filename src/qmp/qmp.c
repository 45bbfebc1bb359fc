/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/qmp.c - the monitors of one VM.
 */
#include "qmp/qmp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/listen.h"
#include "qmp/plugin-commands.h"
#include "qmp/server.h"

struct qmp {
	struct qmp_context context;
	struct plugin_schema schema;
	struct qmp_server *server;
	struct vm_observer observer;
};

/* Why it happened, for the events that QEMU tells it with. */
static cJSON *cause(const struct vm_event *event)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddBoolToObject(data, "guest", event->guest);
	cJSON_AddStringToObject(data, "reason", event->reason);
	return data;
}

static cJSON *deleted(const struct vm_event *event)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "device", event->device);
	cJSON_AddStringToObject(data, "path", event->path);
	return data;
}

static cJSON *needs_reset(const struct vm_event *event)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "device", event->device);
	cJSON_AddStringToObject(data, "reason", event->reason);
	return data;
}

static cJSON *failed(const struct vm_event *event)
{
	const struct block_failure *failure = event->failure;
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "device", "");
	if (failure->owner)
		cJSON_AddStringToObject(data, "qom-path", failure->owner);
	cJSON_AddStringToObject(data, "node-name", failure->node_name);
	cJSON_AddStringToObject(data, "operation", failure->write ? "write" : "read");
	cJSON_AddStringToObject(data, "action", "report");
	cJSON_AddBoolToObject(data, "nospace", failure->error == -ENOSPC);
	cJSON_AddStringToObject(data, "reason", strerror(-failure->error));
	return data;
}

static cJSON *unresponsive(const struct vm_event *event)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "device", event->device);
	cJSON_AddStringToObject(data, "driver", event->driver);
	cJSON_AddBoolToObject(data, "responding", event->responding);
	return data;
}

static void report(struct qmp *qmp, const struct vm_event *event)
{
	static const struct {
		const char *name;
		cJSON *(*data)(const struct vm_event *event);
	} events[] = {
		[VM_EVENT_STOP] = {"STOP"},
		[VM_EVENT_RESUME] = {"RESUME"},
		[VM_EVENT_POWERDOWN] = {"POWERDOWN"},
		[VM_EVENT_RESET] = {"RESET", cause},
		[VM_EVENT_SHUTDOWN] = {"SHUTDOWN", cause},
		[VM_EVENT_DEVICE_DELETED] = {"DEVICE_DELETED", deleted},
		[VM_EVENT_DEVICE_NEEDS_RESET] = {"DEVICE_NEEDS_RESET", needs_reset},
		[VM_EVENT_BLOCK_IO_ERROR] = {"BLOCK_IO_ERROR", failed},
		[VM_EVENT_PLUGIN_UPGRADED] = {"PLUGIN_UPGRADED", plugin_upgrade_data},
		[VM_EVENT_PLUGIN_UPGRADE_FAILED] = {"PLUGIN_UPGRADE_FAILED", plugin_upgrade_data},
		[VM_EVENT_DEVICE_UNRESPONSIVE] = {"DEVICE_UNRESPONSIVE", unresponsive},
		[VM_EVENT_DEVICE_UPGRADED] = {"DEVICE_UPGRADED", plugin_upgrade_data},
	};

	qmp_server_event(qmp->server, events[event->kind].name,
			 events[event->kind].data ? events[event->kind].data(event) : NULL);
}

static void on_event(struct vm_observer *observer, const struct vm_event *event)
{
	struct qmp *qmp = container_of(observer, struct qmp, observer);

	switch (event->kind) {
	case VM_EVENT_DEVICES_CHANGED:
		plugin_schema_update(&qmp->schema, qmp->context.vm);
		break;
	case VM_EVENT_OF_DEVICE:
		if (schema_event(&qmp->schema.schema, event->event->name))
			qmp_server_event(qmp->server, event->event->name,
					 plugin_event_data(event->device, event->event, event->values));
		break;
	default:
		report(qmp, event);
		break;
	}
}

int qmp_new(struct qmp **out, struct vm *vm, const struct qmp_option *options, struct mortise_error *err)
{
	_cleanup_(qmp_free_p) struct qmp *qmp = calloc(1, sizeof(*qmp));
	int r;

	if (!qmp)
		return mortise_fail(err, -ENOMEM, "Out of memory for the monitors");
	qmp->context.vm = vm;
	qmp->context.options = options;
	qmp->context.fds = named_fds_new();
	if (!qmp->context.fds)
		return mortise_fail(err, -ENOMEM, "Out of memory for the monitors");
	r = plugin_schema_init(&qmp->schema, &qmp_schema, err);
	if (r == 0)
		r = qmp_server_new(&qmp->server, vm->loop, &qmp->schema.schema, &qmp->context, err);
	if (r < 0)
		return r;
	qmp->observer.event = on_event;
	vm_observe(vm, &qmp->observer);
	*out = steal_ptr(&qmp);
	return 0;
}

struct qmp *qmp_free(struct qmp *qmp)
{
	struct qmp_monitor *monitor;

	if (!qmp)
		return NULL;
	vm_unobserve(qmp->context.vm, &qmp->observer);
	qmp_server_free(qmp->server);
	plugin_schema_done(&qmp->schema);
	named_fds_free(qmp->context.fds);
	while ((monitor = qmp->context.monitors)) {
		qmp->context.monitors = monitor->next;
		free(monitor->label);
		free(monitor->filename);
		free(monitor);
	}
	free(qmp);
	return NULL;
}

/* Notes a monitor for query-chardev, under its chardev's name or one like QEMU's. */
static int add_monitor(struct qmp_context *context, const char *id, const struct listen_address *address,
		       struct mortise_error *err)
{
	struct qmp_monitor *monitor = calloc(1, sizeof(*monitor)), **last = &context->monitors;
	unsigned number = 0;
	int n;

	if (!monitor)
		return mortise_fail(err, -ENOMEM, "Out of memory for a monitor");
	for (; *last; last = &(*last)->next)
		number++;
	n = id ? asprintf(&monitor->label, "%s", id) : asprintf(&monitor->label, "compat_monitor%u", number);
	if (n >= 0)
		n = address->path ? asprintf(&monitor->filename, "unix:%s,server=on", address->path)
				  : asprintf(&monitor->filename, "tcp:%s:%s,server=on", address->host, address->port);
	*last = monitor; /* what could not be written down is NULL */
	return n < 0 ? mortise_fail(err, -ENOMEM, "Out of memory for a monitor") : 0;
}

int qmp_listen(struct qmp *qmp, struct options *options, struct mortise_error *err)
{
	_cleanup_(listen_address_free) struct listen_address address = {0};
	const char *id = NULL;
	int r = options_string(options, "id", &id, err);

	if (r == 0 || r == -ENOENT)
		r = listen_parse(&address, options, err);
	if (r == 0)
		r = options_done(options, err);
	if (r == 0)
		r = qmp_server_listen(qmp->server, &address, err);
	return r < 0 ? r : add_monitor(&qmp->context, id, &address, err);
}

void qmp_start(struct qmp *qmp)
{
	qmp_server_start(qmp->server);
}
