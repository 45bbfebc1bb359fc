/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/watchdog.c - looks every few seconds whether the threads of devices turn. Threads that sleep are not woken for it.
 */
#include "vm/watchdog.h"

#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "vm/objects.h"
#include "vm/plugged.h"

#define LOOK_SECONDS 2

static void tell(struct plugged *plugged, uint64_t milliseconds)
{
	const struct vm_event event = {.kind = VM_EVENT_DEVICE_UNRESPONSIVE,
				       .device = plugged->id,
				       .driver = plugged->class->driver,
				       .responding = !milliseconds};

	if (!milliseconds)
		log_warning("device '%s' (%s) responds again", plugged->id, plugged->class->driver);
	else if (plugged->iothread)
		log_error("device '%s' (%s) does not respond: what runs on iothread '%s' has not come back for %llu ms",
			  plugged->id, plugged->class->driver, object_id(plugged->iothread),
			  (unsigned long long)milliseconds);
	else
		log_error("device '%s' (%s) does not respond: its plugin has not come back from a callback for %llu ms",
			  plugged->id, plugged->class->driver, (unsigned long long)milliseconds);
	plugged->stuck = milliseconds;
	vm_report(plugged->vm, &event);
}

static void look(evutil_socket_t fd, short what, void *opaque)
{
	struct vm *vm = opaque;

	for (struct plugged *plugged = vm->hotplug->first; plugged; plugged = plugged->next) {
		const uint64_t milliseconds = plugged->device ? loop_stuck(device_loop(plugged->device)) : 0;

		if (plugged->stuck != (milliseconds >= 1000 * LOOK_SECONDS / 2))
			tell(plugged, milliseconds);
	}
}

int watchdog_start(struct vm *vm, struct mortise_error *err)
{
	const struct timeval period = {.tv_sec = LOOK_SECONDS};

	vm->watchdog = event_new(loop_base(vm->loop), -1, EV_PERSIST, look, vm);
	if (!vm->watchdog || event_add(vm->watchdog, &period) < 0)
		return mortise_fail(err, -ENOMEM, "Out of memory for watching over devices");
	return 0;
}

void watchdog_stop(struct vm *vm)
{
	if (vm->watchdog)
		event_free(vm->watchdog);
	vm->watchdog = NULL;
}
