/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/vm.h - a virtual machine's life: made, started, stopped, reset, ended.
 *
 * Everything here belongs to the control thread; what takes time answers through a reply, and calls are carried out in
 * the order in which they came.
 */
#pragma once

#include "base/loop.h"
#include "base/reply.h"
#include "bus/bus.h"
#include "machine/machine.h"
#include "plugin/plugin.h"
#include "vm/config.h"

/* QEMU's RunState, as far as it happens here. */
enum vm_state { VM_PRELAUNCH, VM_RUNNING, VM_PAUSED, VM_SHUTDOWN };

enum vm_event_kind {
	VM_EVENT_STOP,
	VM_EVENT_RESUME,
	VM_EVENT_POWERDOWN,
	VM_EVENT_RESET,			/* guest, reason */
	VM_EVENT_SHUTDOWN,		/* guest, reason */
	VM_EVENT_DEVICE_DELETED,	/* device, path */
	VM_EVENT_DEVICES_CHANGED,	/* one has come or gone: what the monitors can do may be another */
	VM_EVENT_PLUGIN_UPGRADED,	/* upgrade */
	VM_EVENT_PLUGIN_UPGRADE_FAILED, /* upgrade */
	VM_EVENT_DEVICE_UPGRADED,	/* device, upgrade, pause_ns */
	VM_EVENT_DEVICE_UNRESPONSIVE,	/* device, driver, responding */
	VM_EVENT_OF_DEVICE,		/* device, event, values: one of its class's own */
	VM_EVENT_DEVICE_NEEDS_RESET,	/* device, reason */
	VM_EVENT_BLOCK_IO_ERROR,	/* failure */
};

/* Strings are borrowed for the time of the call. */
struct vm_event {
	enum vm_event_kind kind;
	bool guest;	    /* the guest brought it about */
	const char *reason; /* QEMU's ShutdownCause: "guest-shutdown", "host-qmp-quit", ...; or a sentence */
	const char *device, *path, *driver;
	bool responding;
	const struct mortise_event *event;
	const struct mortise_value *values;
	const struct upgrade_info *upgrade;  /* see vm/upgrade.h */
	const struct block_failure *failure; /* see backend/block.h */
	uint64_t pause_ns;
};

/* Someone who wants to hear of events; embedded in its own state. */
struct vm_observer {
	void (*event)(struct vm_observer *observer, const struct vm_event *event);
	struct vm_observer *next;
};

struct vm {
	const struct vm_config *config; /* borrowed */
	struct loop *loop;		/* the control thread's, borrowed */
	enum vm_state state;
	struct ram *ram;
	struct accel *accel;
	struct machine *machine;
	struct chardev *serial;
	struct plugins *plugins;
	struct block_nodes *blocks;
	struct nets *nets;
	struct chars *chars;
	struct object *objects; /* see vm/objects.h */
	struct vm_observer *observers;
	struct vm_lifecycle *lifecycle; /* lifecycle.c's own */
	struct hotplug *hotplug;	/* hotplug.c's own */
	struct vm_upgrade *upgrade;	/* upgrade.c's own */
	struct event *watchdog;		/* watchdog.c's own */
};

/* Builds the VM as configured, with its memory, board and CPUs, but without the devices of the command line. */
int vm_new(struct vm **out, const struct vm_config *config, struct loop *loop, struct mortise_error *err);

/* Ends vCPUs and instances and frees all; the loop keeps turning inside until the last of them has come to rest. */
struct vm *vm_free(struct vm *vm);
DEFINE_CLEANUP(struct vm *, vm_free)

/*
 * Adds the backends and devices of the command line, loads the guest, and runs it unless -S was given. Turns the loop
 * meanwhile.
 */
int vm_start(struct vm *vm, struct mortise_error *err);

/* The firmware tables that the guest would get; malloc'ed. */
int vm_dump(struct vm *vm, void **data, size_t *size, struct mortise_error *err);

/*
 * The life cycle commands. stop when stopped and cont when running succeed without an event. STOP, RESUME, RESET and
 * POWERDOWN are reported before the reply. cont after a power-off is refused.
 */
void vm_stop(struct vm *vm, struct reply *reply);
void vm_cont(struct vm *vm, struct reply *reply);
void vm_reset(struct vm *vm, struct reply *reply);

/* Presses the power button. -ENOTSUP where the machine has none. */
int vm_powerdown(struct vm *vm, struct mortise_error *err);

/*
 * Ends the VM: once the present event has been dealt with (a QMP answer, say), SHUTDOWN is reported with `reason`, a
 * string that stays, and the control loop quits. Jumps the queue of the calls above.
 */
void vm_quit(struct vm *vm, const char *reason);
bool vm_quitting(const struct vm *vm);

const char *vm_state_name(enum vm_state state);
void vm_observe(struct vm *vm, struct vm_observer *observer);
void vm_unobserve(struct vm *vm, struct vm_observer *observer);
void vm_report(struct vm *vm, const struct vm_event *event);
