/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-net.c - netdevs: added, deleted, their links, listed.
 */
#include <errno.h>
#include <string.h>

#include "qmp/borrow.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"
#include "vm/hotplug.h"

/* --- netdev_add --- */

static OPEN_OBJECT_TYPE(NetdevOptions, "a netdev, with its type's options as further members",
			MUST("id", str, "its name; that of the device that is to use it without naming it"),
			MAY("type", str, "tap, user, ...: see -netdev help; tap when absent and ifname is given"),
			MAY("ifname", str, "tap: the name of one that exists"),
			MAY("fd", str, "tap: the name of a descriptor passed with getfd"),
			MAY("fds", str, "tap: the same for several queues, separated by colons"),
			MAY("vhostfd", str, "tap: the name of one of /dev/vhost-net, passed with getfd"),
			MAY("vhostfds", str, "tap: the same for several queues, separated by colons"));

static void run_netdev_add(struct qmp_call *call, const cJSON *arguments)
{
	static const char *const keys[] = {"fd", "fds", "vhostfd", "vhostfds", "addr.str", "local.str", NULL};

	run_with_descriptors(call, arguments, keys, hotplug_netdev_add);
}

/* --- the others --- */

static void not_found(struct qmp_call *call, const char *id)
{
	qmp_failf(call, QMP_DEVICE_NOT_FOUND, "Device '%s' not found", id);
}

static void run_netdev_del(struct qmp_call *call, const cJSON *arguments)
{
	const char *id = json_string(arguments, "id");
	struct vm *vm = vm_of(call);

	if (!net_find(vm->nets, id))
		not_found(call, id);
	else
		hotplug_netdev_del(vm, id, qmp_reply(call));
}

/* A netdev by its own name, or by the id of the device that uses it. */
static struct mortise_net *find_net(struct vm *vm, const char *name)
{
	struct mortise_net *net = net_find(vm->nets, name);
	struct net_description description;

	if (net)
		return net;
	while ((net = net_next(vm->nets, net))) {
		net_describe(net, &description);
		if (description.owner && streq(description.owner, name))
			return net;
	}
	return NULL;
}

static void run_set_link(struct qmp_call *call, const cJSON *arguments)
{
	const char *name = json_string(arguments, "name");
	struct mortise_net *net = find_net(vm_of(call), name);

	if (!net) {
		not_found(call, name);
		return;
	}
	net_set_link(net, json_bool(arguments, "up", true));
	qmp_done(call);
}

static OBJECT_TYPE(NetdevInfo, "a netdev", MUST("id", str, "its name"), MUST("type", str, "its type"),
		   MUST("info", str, "what it is connected to"),
		   MAY("device", str, "the id of the device that uses it"),
		   MUST("link", bool, "whether its link is up"), MUST("queues", int, "queue pairs"),
		   MUST("sent", uint, "frames from the guest"), MUST("sent-bytes", uint, "bytes from the guest"),
		   MUST("received", uint, "frames to the guest"), MUST("received-bytes", uint, "bytes to the guest"),
		   MUST("dropped", uint, "frames dropped either way"));
static ARRAY_TYPE(NetdevInfo);

static void run_query_netdev(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (struct mortise_net *net = NULL; (net = net_next(vm->nets, net));) {
		cJSON *info = cJSON_CreateObject();
		struct net_description description;

		net_describe(net, &description);
		cJSON_AddStringToObject(info, "id", description.id);
		cJSON_AddStringToObject(info, "type", description.type);
		cJSON_AddStringToObject(info, "info", description.info ? description.info : "");
		if (description.owner)
			cJSON_AddStringToObject(info, "device", description.owner);
		cJSON_AddBoolToObject(info, "link", description.link_up);
		json_add_unsigned(info, "queues", description.queue_pairs);
		json_add_unsigned(info, "sent", description.sent);
		json_add_unsigned(info, "sent-bytes", description.sent_bytes);
		json_add_unsigned(info, "received", description.received);
		json_add_unsigned(info, "received-bytes", description.received_bytes);
		json_add_unsigned(info, "dropped", description.dropped);
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

static const struct schema_command commands[] = {
	{"netdev_add", run_netdev_add, "Opens a netdev, for device_add to use", &type_NetdevOptions},
	{
		"netdev_del",
		run_netdev_del,
		"Closes a netdev that no device uses; its tap is free at once",
		ARGUMENTS(MUST("id", str, "the netdev")),
	},
	{
		"set_link",
		run_set_link,
		"Takes a link down or up; the guest sees the carrier change",
		ARGUMENTS(MUST("name", str, "the netdev, or the device that uses it"),
			  MUST("up", bool, "whether the link is to be up")),
	},
	{"query-netdev", run_query_netdev, "Lists the netdevs", .returns = &type_NetdevInfo_array},
	{0},
};

const struct schema_group commands_net = {.title = "Networks", .commands = commands};
