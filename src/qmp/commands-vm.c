/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-vm.c - the VM's life: run and stop, reset, power off; and the events of it.
 */
#include "qmp/commands.h"
#include "qmp/context.h"

static ENUM_TYPE(RunState, "what the VM does", "prelaunch", "running", "paused", "shutdown");
static OBJECT_TYPE(StatusInfo, "the VM's state", MUST("running", bool, "whether the vCPUs run"),
		   MUST("singlestep", bool, "always false"), MUST("status", RunState, "the state"));

static void run_status(struct qmp_call *call, const cJSON *arguments)
{
	const struct vm *vm = vm_of(call);
	cJSON *status = cJSON_CreateObject();

	cJSON_AddBoolToObject(status, "running", vm->state == VM_RUNNING);
	cJSON_AddBoolToObject(status, "singlestep", false);
	cJSON_AddStringToObject(status, "status", vm_state_name(vm->state));
	qmp_return(call, status);
}

static void run_stop(struct qmp_call *call, const cJSON *arguments)
{
	vm_stop(vm_of(call), qmp_reply(call));
}

static void run_cont(struct qmp_call *call, const cJSON *arguments)
{
	vm_cont(vm_of(call), qmp_reply(call));
}

static void run_reset(struct qmp_call *call, const cJSON *arguments)
{
	vm_reset(vm_of(call), qmp_reply(call));
}

static void run_powerdown(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};

	qmp_answer(call, vm_powerdown(vm_of(call), &err), &err);
}

static void run_quit(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);

	qmp_done(call);
	vm_quit(vm, "host-qmp-quit");
}

static const struct schema_command commands[] = {
	{
		"query-status",
		run_status,
		"Tells whether the VM runs",
		.returns = &type_StatusInfo,
		.flags = SCHEMA_OOB,
	},
	{"stop", run_stop, "Stops vCPUs and devices; nothing happens to a VM that is stopped"},
	{"cont", run_cont, "Lets vCPUs and devices run; nothing happens to a VM that runs"},
	{"system_reset", run_reset, "Resets the machine as its reset button would"},
	{"system_powerdown", run_powerdown, "Presses the power button; the guest decides what it does"},
	{"quit", run_quit, "Ends the VM at once, without asking the guest", .flags = SCHEMA_OOB},
	{0},
};

static OBJECT_TYPE(ShutdownInfo, "why it happens", MUST("guest", bool, "whether the guest brought it about"),
		   MUST("reason", str, "QEMU's word for the cause"));

static const struct schema_event events[] = {
	{"STOP", "vCPUs and devices have stopped"},	 {"RESUME", "vCPUs and devices run again"},
	{"POWERDOWN", "the power button was pressed"},	 {"RESET", "the machine was reset", &type_ShutdownInfo},
	{"SHUTDOWN", "the VM ends", &type_ShutdownInfo}, {0},
};

const struct schema_group commands_vm = {.title = "The VM's life", .commands = commands, .events = events};
