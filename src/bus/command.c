/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/command.c - commands to an instance.
 */
#include "bus/command.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bus/instance.h"
#include "bus/values.h"

struct mortise_call *device_call_new(const struct mortise_command *command)
{
	struct mortise_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->command = command;
	call->arguments = calloc(values_count(command->arguments) + 1, sizeof(*call->arguments));
	return call->arguments ? call : device_call_free(call);
}

struct mortise_call *device_call_free(struct mortise_call *call)
{
	if (!call)
		return NULL;
	values_free(call->command->returns, call->results);
	free(call->arguments);
	free(call);
	return NULL;
}

/* Once only, whatever the plugin does; `call` belongs to the control thread afterwards. */
static void answer(struct mortise_call *call, int result)
{
	struct mortise_device *device = call->device;

	for (struct mortise_call **at = &device->calls; *at; at = &(*at)->next) {
		if (*at == call) {
			*at = call->next;
			break;
		}
	}
	reply_post(&call->reply, device->control, result);
}

void device_call_return(struct mortise_call *call, const struct mortise_value *values)
{
	int r = values_copy(&call->results, call->command->returns, values);

	if (r < 0)
		mortise_fail(&call->reply.error, r, "Device '%s' answers '%s' with what is no answer to it",
			     call->device->id, call->command->name);
	answer(call, r);
}

void device_call_fail(struct mortise_call *call, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(call->reply.error.message, sizeof(call->reply.error.message), format, args);
	va_end(args);
	answer(call, code < 0 ? code : -EIO);
}

static void run_call(struct task *task)
{
	struct mortise_call *call = container_of(task, struct mortise_call, task);
	struct mortise_device *device = call->device;

	call->next = device->calls;
	device->calls = call;
	if (device->alive)
		call->command->run(device->self, call, call->arguments);
	else
		device_call_fail(call, -ENODEV, "Device '%s' is gone", device->id);
}

void device_call(struct mortise_device *device, struct mortise_call *call)
{
	call->device = device;
	call->task.run = run_call;
	loop_post(device->loop, &call->task);
}

void commands_end(struct mortise_device *device)
{
	while (device->calls)
		device_call_fail(device->calls, -ENODEV, "Device '%s' was taken out before it had answered '%s'",
				 device->id, device->calls->command->name);
	events_end(device);
}
