/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-device.c - devices: plugged and unplugged.
 */
#include "qmp/borrow.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"
#include "qmp/types-property.h"
#include "vm/hotplug.h"

static ALTERNATE_TYPE(SlotNumber, "the number of a slot, as a JSON number or in a string, decimal or 0x hexadecimal",
		      CHOICE(str), CHOICE(uint));
static OPEN_OBJECT_TYPE(DeviceOptions, "a device, with its driver's properties as further members",
			MUST("driver", str, "a driver's name, such as virtio-blk-mmio"),
			MAY("id", str, "its name, which a backend to be used may share"),
			MAY("addr", SlotNumber, "its slot in the bay for such devices; the first free one when absent"),
			MAY("bus", str,
			    "the device to be plugged into, as ID or ID.0, where it does not go into a slot"),
			MAY("lun", SlotNumber, "its slot minus one; addr wins"),
			MAY("iothread", str, "the iothread object to run on; a thread of its own when absent"),
			MAY("romfile", str, "must be empty"));

static void run_device_add(struct qmp_call *call, const cJSON *arguments)
{
	static const char *const keys[] = {"vhostfd", NULL};

	run_with_descriptors(call, arguments, keys, hotplug_device_add);
}

static void run_device_del(struct qmp_call *call, const cJSON *arguments)
{
	hotplug_device_del(vm_of(call), json_string(arguments, "id"), qmp_reply(call));
}

static void run_device_list_properties(struct qmp_call *call, const cJSON *arguments)
{
	const struct mortise_class *class;
	struct mortise_error err = {0};
	int r = plugins_class(vm_of(call)->plugins, json_string(arguments, "typename"), &class, &err);

	if (r < 0) {
		qmp_answer(call, r, &err);
		return;
	}
	qmp_return(call, describe_properties(class->properties));
}

static const struct schema_command commands[] = {
	{"device_add", run_device_add, "Plugs a device; returns when the guest has been told", &type_DeviceOptions},
	{
		"device_del",
		run_device_del,
		"Unplugs a device: what is in flight is finished, DEVICE_DELETED follows, then the return. What "
		"is plugged into it goes before it. A backend that shares the device's name goes along",
		ARGUMENTS(MUST("id", str, "the device")),
	},
	{
		"device-list-properties",
		run_device_list_properties,
		"Lists what device_add takes for a driver, besides driver, id and addr",
		ARGUMENTS(MUST("typename", str, "the driver")),
		.returns = &type_ObjectPropertyInfo_array,
	},
	{0},
};

static OBJECT_TYPE(DeviceDeletedInfo, "an unplugged device", MUST("device", str, "its id"),
		   MUST("path", str, "its id again"));

static OBJECT_TYPE(DeviceNeedsResetInfo, "a device that is out of service", MUST("device", str, "its id"),
		   MUST("reason", str, "what its driver has done"));

static const struct schema_event events[] = {
	{"DEVICE_DELETED", "a device is unplugged, its name and its slot are free", &type_DeviceDeletedInfo},
	{"DEVICE_NEEDS_RESET", "a device does nothing until the guest's driver resets it; told once a second at most",
	 &type_DeviceNeedsResetInfo},
	{0},
};

const struct schema_group commands_device = {.title = "Devices", .commands = commands, .events = events};
