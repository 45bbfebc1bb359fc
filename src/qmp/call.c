/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/call.c - from a request to its command, and from the command to its answer.
 */
#include "qmp/call.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/check.h"
#include "qmp/client.h"
#include "qmp/json.h"
#include "qmp/writer.h"

static const char *const class_names[] = {
	[QMP_GENERIC_ERROR] = "GenericError",
	[QMP_COMMAND_NOT_FOUND] = "CommandNotFound",
	[QMP_DEVICE_NOT_FOUND] = "DeviceNotFound",
};

struct qmp_call *call_new(struct qmp_client *client, cJSON *request)
{
	struct qmp_call *call = calloc(1, sizeof(*call));

	if (!call) {
		cJSON_Delete(request);
		return NULL;
	}
	call->request = request;
	call->client = client;
	return call;
}

void call_free(struct qmp_call *call)
{
	if (!call)
		return;
	fd_batch_close(&call->fds);
	cJSON_Delete(call->request);
	free(call);
}

bool call_wants_oob(const struct qmp_call *call)
{
	return call->request && json_get(call->request, "exec-oob") && !json_get(call->request, "execute");
}

/* The form of a request: an object with `execute` or `exec-oob`, and nothing that is not known. */
static int check_form(const struct qmp_call *call, const char **name, struct mortise_error *err)
{
	const cJSON *request = call->request, *item;
	bool oob_allowed = client_allows_oob(call->client);

	if (!request)
		return mortise_fail(err, -EINVAL, "%s", call->input_error.message);
	if (!cJSON_IsObject(request))
		return mortise_fail(err, -EINVAL, "QMP input must be a JSON object");
	*name = NULL;
	for (item = request->child; item; item = item->next) {
		if (streq(item->string, "execute") || (streq(item->string, "exec-oob") && oob_allowed)) {
			if (!cJSON_IsString(item))
				return mortise_fail(err, -EINVAL, "QMP input member '%s' must be a string",
						    item->string);
			if (*name)
				return mortise_fail(err, -EINVAL, "QMP input member '%s' clashes with '%s'",
						    item->string,
						    streq(item->string, "execute") ? "exec-oob" : "execute");
			*name = item->valuestring;
		} else if (streq(item->string, "arguments")) {
			if (!cJSON_IsObject(item))
				return mortise_fail(err, -EINVAL, "QMP input member 'arguments' must be an object");
		} else if (!streq(item->string, "id")) {
			return mortise_fail(err, -EINVAL, "QMP input member '%s' is unexpected", item->string);
		}
	}
	if (!*name)
		return mortise_fail(err, -EINVAL, "QMP input lacks member 'execute'");
	return 0;
}

void call_run(struct qmp_call *call)
{
	static const cJSON no_arguments = {.type = cJSON_Object};
	const struct schema_command *command;
	const cJSON *arguments;
	const char *name = NULL;
	struct mortise_error err = {0};
	bool negotiated = client_is_negotiated(call->client);

	if (check_form(call, &name, &err) < 0) {
		qmp_fail(call, QMP_GENERIC_ERROR, &err);
		return;
	}
	command = schema_command(call->schema, name);
	if (!negotiated && !(command && command->flags & SCHEMA_NEGOTIATION)) {
		qmp_failf(call, QMP_COMMAND_NOT_FOUND, "Expecting capabilities negotiation with 'qmp_capabilities'");
		return;
	}
	if (negotiated && command && command->flags & SCHEMA_NEGOTIATION) {
		qmp_failf(call, QMP_COMMAND_NOT_FOUND, "Capabilities negotiation is already complete, command ignored");
		return;
	}
	if (!command) {
		qmp_failf(call, QMP_COMMAND_NOT_FOUND, "The command %s has not been found", name);
		return;
	}
	if (call_wants_oob(call) && !(command->flags & SCHEMA_OOB)) {
		qmp_failf(call, QMP_GENERIC_ERROR, "The command %s does not support OOB", name);
		return;
	}
	arguments = json_get(call->request, "arguments");
	if (!arguments)
		arguments = &no_arguments;
	if (check_arguments(command->arguments, arguments, &err) < 0) {
		qmp_fail(call, QMP_GENERIC_ERROR, &err);
		return;
	}
	call->command = command;
	command->run(call, arguments);
}

static void add(struct text *text, const char *word)
{
	text_add(text, word, strlen(word));
}

/* Sends the message that begins with `text`, and ends the call. */
static void finish(struct qmp_call *call, struct text *text)
{
	const cJSON *id = cJSON_IsObject(call->request) ? json_get(call->request, "id") : NULL;
	struct qmp_client *client = call->client;

	if (id) {
		add(text, ", \"id\": ");
		write_json(text, id);
	}
	add(text, "}\r\n");
	client_answer(client, call, text);
	text_free(text);
}

static void finish_return(struct qmp_call *call, const cJSON *value)
{
	struct text text = {0};

	add(&text, "{\"return\": ");
	write_json(&text, value);
	finish(call, &text);
}

void qmp_return(struct qmp_call *call, cJSON *value)
{
	if (!value) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Out of memory for the answer");
		return;
	}
	finish_return(call, value);
	cJSON_Delete(value);
}

void qmp_done(struct qmp_call *call)
{
	static const cJSON nothing = {.type = cJSON_Object};

	finish_return(call, &nothing);
}

void qmp_fail(struct qmp_call *call, enum qmp_class class, const struct mortise_error *err)
{
	cJSON desc = {.type = cJSON_String};
	struct text text = {0};

	desc.valuestring = (char *)(err->message[0] ? err->message : "The command failed");
	add(&text, "{\"error\": {\"class\": \"");
	add(&text, class_names[class]);
	add(&text, "\", \"desc\": ");
	write_json(&text, &desc);
	add(&text, "}");
	finish(call, &text);
}

void qmp_failf(struct qmp_call *call, enum qmp_class class, const char *format, ...)
{
	struct mortise_error err;
	va_list args;

	va_start(args, format);
	vsnprintf(err.message, sizeof(err.message), format, args);
	va_end(args);
	qmp_fail(call, class, &err);
}

void qmp_answer(struct qmp_call *call, int result, const struct mortise_error *err)
{
	struct mortise_error unnamed = {0};

	if (result >= 0) {
		qmp_done(call);
		return;
	}
	if (!err->message[0]) {
		mortise_fail(&unnamed, result, "%s", strerror(-result));
		err = &unnamed;
	}
	qmp_fail(call, result == -ENODEV ? QMP_DEVICE_NOT_FOUND : QMP_GENERIC_ERROR, err);
}

static void on_reply(struct reply *reply, int result)
{
	struct qmp_call *call = container_of(reply, struct qmp_call, reply);
	const struct mortise_error err = reply->error;

	qmp_answer(call, result, &err);
}

struct reply *qmp_reply(struct qmp_call *call)
{
	call->reply = (struct reply){.done = on_reply};
	return &call->reply;
}

void qmp_negotiated(struct qmp_call *call, bool oob)
{
	client_set_negotiated(call->client, oob);
}
