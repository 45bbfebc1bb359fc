/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-plugin.c - plugins: what is loaded, and newer versions in their place.
 */
#include <stdlib.h>

#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"
#include "qmp/types-property.h"
#include "vm/hotplug.h"
#include "vm/upgrade.h"

static OBJECT_TYPE(PluginClass, "a driver in a plugin", MUST("driver", str, "its name for device_add"),
		   MUST("summary", str, "what it is"), MUST("virtio-id", int, "its virtio device type"),
		   MUST("queues", int, "how many virtqueues it has at most"));
static ARRAY_TYPE(PluginClass);
static OBJECT_TYPE(PluginDriver, "a driver of backends in a plugin",
		   MUST("driver", str, "its name for blockdev-add, or as the type in netdev_add"),
		   MUST("summary", str, "what it is"), MUST("properties", ObjectPropertyInfo_array, "its options"));
static ARRAY_TYPE(PluginDriver);
static OBJECT_TYPE(PluginInfo, "a loaded plugin", MUST("name", str, "its name"), MUST("version", str, "its version"),
		   MUST("summary", str, "what it is"), MUST("license", str, "an SPDX expression"),
		   MUST("file", str, "where it was loaded from"), MUST("abi", str, "major.minor of the ABI it needs"),
		   MUST("sha256", str, "of the file as it was loaded, in hex"),
		   MUST("current", bool, "whether new devices are of this version"),
		   MUST("instances", int, "how many devices, block nodes and netdevs of it there are"),
		   MUST("devices", str_array, "their ids, as far as they are plugged"),
		   MUST("classes", PluginClass_array, "its drivers of devices"),
		   MUST("block-drivers", PluginDriver_array, "its drivers of block nodes"),
		   MUST("net-drivers", PluginDriver_array, "its types of netdevs"));
static ARRAY_TYPE(PluginInfo);

struct devices_of {
	const struct plugin *plugin;
	cJSON *ids;
};

static void add_device(void *opaque, const struct hotplug_device *device)
{
	struct devices_of *of = opaque;

	if (plugin_of_device(device->device) == of->plugin)
		cJSON_AddItemToArray(of->ids, cJSON_CreateString(device->id));
}

static void add_driver(cJSON *list, const char *driver, const char *summary, const struct mortise_property *properties)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "driver", driver);
	cJSON_AddStringToObject(item, "summary", summary);
	cJSON_AddItemToObject(item, "properties", describe_properties(properties));
	cJSON_AddItemToArray(list, item);
}

static cJSON *describe_plugin(struct vm *vm, const struct plugin *plugin)
{
	const struct mortise_plugin *description = plugin->description;
	cJSON *info = cJSON_CreateObject(), *classes, *drivers;
	struct devices_of of = {.plugin = plugin};
	char abi[16];

	snprintf(abi, sizeof(abi), "%u.%u", description->abi_major, description->abi_minor);
	cJSON_AddStringToObject(info, "name", description->name);
	cJSON_AddStringToObject(info, "version", description->version);
	cJSON_AddStringToObject(info, "summary", description->summary);
	cJSON_AddStringToObject(info, "license", description->license);
	cJSON_AddStringToObject(info, "file", plugin->file);
	cJSON_AddStringToObject(info, "abi", abi);
	cJSON_AddStringToObject(info, "sha256", plugin->sha256);
	cJSON_AddBoolToObject(info, "current", plugin->current);
	json_add_unsigned(info, "instances", plugin->instances);
	of.ids = cJSON_AddArrayToObject(info, "devices");
	hotplug_each(vm, add_device, &of);
	classes = cJSON_AddArrayToObject(info, "classes");
	for (const struct mortise_class *const *class = plugin->classes; *class; class ++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "driver", (*class)->driver);
		cJSON_AddStringToObject(item, "summary", (*class)->summary);
		json_add_unsigned(item, "virtio-id", (*class)->virtio_id);
		json_add_unsigned(item, "queues", (*class)->queue_count);
		cJSON_AddItemToArray(classes, item);
	}
	drivers = cJSON_AddArrayToObject(info, "block-drivers");
	for (const struct mortise_block_driver *const *driver = plugin->block_drivers; *driver; driver++)
		add_driver(drivers, (*driver)->driver, (*driver)->summary, (*driver)->properties);
	drivers = cJSON_AddArrayToObject(info, "net-drivers");
	for (const struct mortise_net_driver *const *driver = plugin->net_drivers; *driver; driver++)
		add_driver(drivers, (*driver)->driver, (*driver)->summary, (*driver)->properties);
	return info;
}

static void run_query_plugins(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (const struct plugin *plugin = NULL; (plugin = plugins_next(vm->plugins, plugin));)
		if (plugin->current || plugin->instances)
			cJSON_AddItemToArray(list, describe_plugin(vm, plugin));
	qmp_return(call, list);
}

static void run_plugin_load(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};
	const struct plugin *plugin;
	struct vm *vm = vm_of(call);
	int r = plugins_load(vm->plugins, json_string(arguments, "name"), &plugin, &err);

	if (r < 0)
		qmp_answer(call, r, &err);
	else
		qmp_return(call, describe_plugin(vm, plugin));
}

/* --- upgrades --- */

static ENUM_TYPE(PluginUpgradeStatus, "how far an upgrade is", "none", "running", "completed", "failed");
static OBJECT_TYPE(PluginUpgradeInfo, "an upgrade of a plugin",
		   MUST("status", PluginUpgradeStatus, "how far it is; none: there was none"),
		   MAY("name", str, "the plugin"), MAY("from", str, "the version that its devices had"),
		   MAY("to", str, "the version of the new file"), MAY("sha256", str, "of the new file, in hex"),
		   MAY("devices", int, "how many devices it has"),
		   MAY("pause-us", int, "the longest time for which one of them did not serve its driver, in us"),
		   MAY("error", str, "why all of them are of the old version still"));

static void add_string(cJSON *object, const char *name, const char *value)
{
	if (value)
		cJSON_AddStringToObject(object, name, value);
}

static cJSON *describe_upgrade(const struct upgrade_info *info)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "status", type_PluginUpgradeStatus.values[info->status]);
	if (info->status == UPGRADE_NONE)
		return object;
	cJSON_AddStringToObject(object, "name", info->name);
	add_string(object, "from", info->from);
	add_string(object, "to", info->to);
	add_string(object, "sha256", info->sha256);
	json_add_unsigned(object, "devices", info->devices);
	json_add_unsigned(object, "pause-us", info->pause_ns / 1000);
	add_string(object, "error", info->error);
	return object;
}

static void run_query_upgrade(struct qmp_call *call, const cJSON *arguments)
{
	struct upgrade_info info;

	upgrade_query(vm_of(call), &info);
	qmp_return(call, describe_upgrade(&info));
}

/* On its way; the VM may outlive the monitors. */
struct upgrade_call {
	struct reply reply;
	struct qmp_call *call;
	struct vm *vm;
};

static void on_upgraded(struct reply *reply, int result)
{
	struct upgrade_call *upgrade = container_of(reply, struct upgrade_call, reply);
	struct upgrade_info info;

	upgrade_query(upgrade->vm, &info);
	if (result < 0)
		qmp_answer(upgrade->call, result, &reply->error);
	else
		qmp_return(upgrade->call, describe_upgrade(&info));
	free(upgrade);
}

static void run_plugin_upgrade(struct qmp_call *call, const cJSON *arguments)
{
	const cJSON *item = json_get(arguments, "timeout");
	uint64_t timeout = UPGRADE_TIMEOUT_MS;
	struct upgrade_call *upgrade;

	if (item)
		json_to_unsigned(item, &timeout);
	if (!timeout || timeout > UPGRADE_TIMEOUT_MAX_MS) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Parameter 'timeout' must be from 1 to %d milliseconds",
			  UPGRADE_TIMEOUT_MAX_MS);
		return;
	}
	upgrade = calloc(1, sizeof(*upgrade));
	if (!upgrade) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Out of memory for the upgrade");
		return;
	}
	*upgrade = (struct upgrade_call){.reply.done = on_upgraded, .call = call, .vm = vm_of(call)};
	upgrade_plugin(upgrade->vm, json_string(arguments, "name"), (unsigned)timeout, &upgrade->reply);
}

cJSON *plugin_upgrade_data(const struct vm_event *event)
{
	const struct upgrade_info *info = event->upgrade;
	cJSON *data;

	if (!event->device)
		return describe_upgrade(info);
	data = cJSON_CreateObject();
	cJSON_AddStringToObject(data, "device", event->device);
	cJSON_AddStringToObject(data, "name", info->name);
	cJSON_AddStringToObject(data, "from", info->from);
	cJSON_AddStringToObject(data, "to", info->to);
	json_add_unsigned(data, "pause-us", event->pause_ns / 1000);
	return data;
}

static const struct schema_command commands[] = {
	{
		"plugin-load",
		run_plugin_load,
		"Loads a plugin ahead of its first device_add",
		ARGUMENTS(MUST("name", str, "the plugin's, or that of a driver in it")),
		.returns = &type_PluginInfo,
	},
	{
		"plugin-upgrade",
		run_plugin_upgrade,
		"Has all devices of a loaded plugin go on with the version that its file holds now, which the guest "
		"does not notice; or none of them, where one cannot. Returns when that is certain",
		ARGUMENTS(MUST("name", str, "the plugin"),
			  MAY("timeout", uint, "milliseconds to wait for devices to come to rest; 1000 when absent")),
		.returns = &type_PluginUpgradeInfo,
	},
	{
		"query-plugin-upgrade",
		run_query_upgrade,
		"Tells of the upgrade under way, or the last one",
		.returns = &type_PluginUpgradeInfo,
	},
	{
		"query-plugins",
		run_query_plugins,
		"Lists the loaded plugins; one twice where devices of an older version are left",
		.returns = &type_PluginInfo_array,
	},
	{0},
};

static OBJECT_TYPE(DeviceUpgradedInfo, "a device that goes on with another version of its plugin",
		   MUST("device", str, "the device"), MUST("name", str, "the plugin"),
		   MUST("from", str, "the version that it had"), MUST("to", str, "the version that it has"),
		   MUST("pause-us", int, "for how long it did not serve its driver, in us"));

static OBJECT_TYPE(DeviceUnresponsiveInfo, "a device whose thread does not come back from its plugin, or has now",
		   MUST("device", str, "the device"), MUST("driver", str, "its driver"),
		   MUST("responding", bool, "false: it has not come back for seconds; true: it has, after that"));

static const struct schema_event events[] = {
	{"DEVICE_UNRESPONSIVE", "a device's plugin hangs in a callback, or goes on after that",
	 &type_DeviceUnresponsiveInfo},
	{"DEVICE_UPGRADED", "a device goes on with another version of its plugin", &type_DeviceUpgradedInfo},
	{"PLUGIN_UPGRADED", "all devices of a plugin go on with another version", &type_PluginUpgradeInfo},
	{"PLUGIN_UPGRADE_FAILED", "all devices of a plugin stay with the version that they had",
	 &type_PluginUpgradeInfo},
	{0},
};

const struct schema_group commands_plugin = {.title = "Plugins", .commands = commands, .events = events};
