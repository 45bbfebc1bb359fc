/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/command.h - what goes between an instance and the monitor: commands of its class, and events.
 *
 * Commands are carried out on the instance's thread and answered on the control thread, which never waits; events come
 * to the control thread the other way. How many of both can be on their way is bounded.
 */
#pragma once

#include "base/reply.h"
#include "bus/device.h"

/* A command on its way. Made by device_call_new(), freed by device_call_free() once it was answered. */
struct mortise_call {
	struct reply reply; /* whoever made the call sets `done` */
	void *opaque;	    /* theirs too */
	const struct mortise_command *command;
	struct mortise_value *arguments; /* one for each field; strings are borrowed until the answer */
	struct mortise_value *results;	 /* the same of command->returns, on success; strings are the call's */

	/* The instance's thread. */
	struct mortise_device *device;
	struct mortise_call *next;
	struct task task;
};

/* Arguments are all absent. NULL: out of memory. */
struct mortise_call *device_call_new(const struct mortise_command *command);
struct mortise_call *device_call_free(struct mortise_call *call); /* frees; NULL is fine */

/* Has the command, one of the class's, carried out; call->reply is answered. The instance is REALIZED or later. */
void device_call(struct mortise_device *device, struct mortise_call *call);

/* One event of an instance. `values` are there until the callback returns. */
typedef void device_event_fn(void *opaque, const struct mortise_event *event, const struct mortise_value *values);

/* Who hears of the instance's events, on the control thread; before realize(). */
void device_on_event(struct mortise_device *device, device_event_fn *heard, void *opaque);

/* Who hears that the driver has broken the protocol, or is said to have; the same. At most once a second. */
void device_on_broken(struct mortise_device *device, void (*broke)(void *opaque, const char *why), void *opaque);

/* The services of struct mortise_host; see mortise/plugin.h. */
void device_call_return(struct mortise_call *call, const struct mortise_value *values);
MORTISE_PRINTF(3, 4) void device_call_fail(struct mortise_call *call, int code, const char *format, ...);
void device_event(struct mortise_device *device, uint32_t event, const struct mortise_value *values);
