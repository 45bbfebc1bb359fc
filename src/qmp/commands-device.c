/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-device.c - devices: plugged, unplugged, and the plugins that they come from.
 */
#include "base/properties.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"
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
	run_with_options(call, arguments, hotplug_device_add);
}

static void run_device_del(struct qmp_call *call, const cJSON *arguments)
{
	hotplug_device_del(vm_of(call), json_string(arguments, "id"), qmp_reply(call));
}

static OBJECT_TYPE(PluginClass, "a driver in a plugin", MUST("driver", str, "its name for device_add"),
		   MUST("summary", str, "what it is"), MUST("virtio-id", int, "its virtio device type"),
		   MUST("queues", int, "how many virtqueues it has at most"));
static ARRAY_TYPE(PluginClass);
static OBJECT_TYPE(PluginInfo, "a loaded plugin", MUST("name", str, "its name"), MUST("version", str, "its version"),
		   MUST("summary", str, "what it is"), MUST("license", str, "an SPDX expression"),
		   MUST("file", str, "where it was loaded from"), MUST("abi", str, "major.minor of the ABI it needs"),
		   MUST("sha256", str, "of the file as it was loaded, in hex"),
		   MUST("instances", int, "how many devices of it there are"),
		   MUST("classes", PluginClass_array, "its drivers"));
static ARRAY_TYPE(PluginInfo);

static cJSON *describe_plugin(const struct plugin *plugin)
{
	const struct mortise_plugin *description = plugin->description;
	cJSON *info = cJSON_CreateObject(), *classes;
	char abi[16];

	snprintf(abi, sizeof(abi), "%u.%u", description->abi_major, description->abi_minor);
	cJSON_AddStringToObject(info, "name", description->name);
	cJSON_AddStringToObject(info, "version", description->version);
	cJSON_AddStringToObject(info, "summary", description->summary);
	cJSON_AddStringToObject(info, "license", description->license);
	cJSON_AddStringToObject(info, "file", plugin->file);
	cJSON_AddStringToObject(info, "abi", abi);
	cJSON_AddStringToObject(info, "sha256", plugin->sha256);
	json_add_unsigned(info, "instances", plugin->instances);
	classes = cJSON_AddArrayToObject(info, "classes");
	for (const struct mortise_class *const *class = plugin->classes; *class; class ++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "driver", (*class)->driver);
		cJSON_AddStringToObject(item, "summary", (*class)->summary);
		json_add_unsigned(item, "virtio-id", (*class)->virtio_id);
		json_add_unsigned(item, "queues", (*class)->queue_count);
		cJSON_AddItemToArray(classes, item);
	}
	return info;
}

static void run_query_plugins(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (const struct plugin *plugin = NULL; (plugin = plugins_next(vm->plugins, plugin));)
		cJSON_AddItemToArray(list, describe_plugin(plugin));
	qmp_return(call, list);
}

static void run_plugin_load(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};
	const struct plugin *plugin;
	int r = plugins_load(vm_of(call)->plugins, json_string(arguments, "name"), &plugin, &err);

	if (r < 0)
		qmp_answer(call, r, &err);
	else
		qmp_return(call, describe_plugin(plugin));
}

static OBJECT_TYPE(ObjectPropertyInfo, "an option of a driver", MUST("name", str, "its name"),
		   MUST("type", str, "what its value is: bool, uint32, size, str, ..."),
		   MAY("description", str, "what it is for"), MAY("default-value", str, "as on the command line"));
static ARRAY_TYPE(ObjectPropertyInfo);

static void run_device_list_properties(struct qmp_call *call, const cJSON *arguments)
{
	const struct mortise_class *class;
	struct mortise_error err = {0};
	cJSON *list;
	int r = plugins_class(vm_of(call)->plugins, json_string(arguments, "typename"), &class, &err);

	if (r < 0) {
		qmp_answer(call, r, &err);
		return;
	}
	list = cJSON_CreateArray();
	for (const struct mortise_property *property = class->properties; property->name; property++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", property->name);
		cJSON_AddStringToObject(item, "type", property_type_name(property->type));
		cJSON_AddStringToObject(item, "description", property->help);
		if (property->fallback)
			cJSON_AddStringToObject(item, "default-value", property->fallback);
		cJSON_AddItemToArray(list, item);
	}
	qmp_return(call, list);
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
	{
		"plugin-load",
		run_plugin_load,
		"Loads a plugin ahead of its first device_add",
		ARGUMENTS(MUST("name", str, "the plugin's, or that of a driver in it")),
		.returns = &type_PluginInfo,
	},
	{"query-plugins", run_query_plugins, "Lists the loaded plugins", .returns = &type_PluginInfo_array},
	{0},
};

static OBJECT_TYPE(DeviceDeletedInfo, "an unplugged device", MUST("device", str, "its id"),
		   MUST("path", str, "its id again"));

static const struct schema_event events[] = {
	{"DEVICE_DELETED", "a device is unplugged, its name and its slot are free", &type_DeviceDeletedInfo},
	{0},
};

const struct schema_group commands_device = {.title = "Devices and plugins", .commands = commands, .events = events};
