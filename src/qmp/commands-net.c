/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-net.c - netdevs: added, deleted, their links, listed.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/flatten.h"
#include "qmp/json.h"
#include "vm/hotplug.h"

/* --- netdev_add --- */

static OPEN_OBJECT_TYPE(NetdevOptions, "a netdev, with its type's options as further members",
			MUST("id", str, "its name; that of the device that is to use it without naming it"),
			MAY("type", str, "tap, user, ...: see -netdev help; tap when absent and ifname is given"),
			MAY("ifname", str, "tap: the name of one that exists"),
			MAY("fd", str, "tap: the name of a descriptor passed with getfd"),
			MAY("fds", str, "tap: the same for several queues, separated by colons"));

/* A netdev_add under way, with the descriptors that it has borrowed. */
struct addition {
	struct qmp_call *call;
	struct named_fds *store;
	struct reply reply;
	int fds[64];
	unsigned count;
};

static void settle(struct addition *addition, bool taken)
{
	for (unsigned i = 0; i < addition->count; i++) /* the last one may free the store */
		named_fds_settle(addition->store, addition->fds[i], taken);
}

static void on_added(struct reply *reply, int result)
{
	struct addition *addition = container_of(reply, struct addition, reply);

	settle(addition, result >= 0);
	qmp_answer(addition->call, result, &reply->error);
	free(addition);
}

/* "a:b" to "7:8", where a and b were passed in under these names. */
static int borrow(struct addition *addition, struct option *option, struct mortise_error *err)
{
	_cleanup_free_ char *names = strdup(option->value), *numbers = calloc(ARRAY_SIZE(addition->fds), 12);
	char *rest = names, *end = numbers;

	if (!names || !numbers)
		return mortise_fail(err, -ENOMEM, "Out of memory for parameter '%s'", option->key);
	while (rest) {
		char *name = strsep(&rest, ":");
		int fd;

		if (isdigit((unsigned char)*name))
			return mortise_fail(
				err, -EINVAL,
				"Parameter '%s' is '%s': pass a descriptor in with getfd, and give its name",
				option->key, option->value);
		if (addition->count == ARRAY_SIZE(addition->fds))
			return mortise_fail(err, -E2BIG, "Parameter '%s' names more than %zu descriptors", option->key,
					    ARRAY_SIZE(addition->fds));
		fd = named_fds_lend(addition->store, name, err);
		if (fd < 0)
			return fd;
		addition->fds[addition->count++] = fd;
		end += sprintf(end, "%s%d", end > numbers ? ":" : "", fd);
	}
	free(option->value);
	option->value = steal_ptr(&numbers);
	return 0;
}

static int borrow_all(struct addition *addition, struct options *options, struct mortise_error *err)
{
	static const char *const keys[] = {"fd", "fds", "addr.str", "local.str"};

	for (size_t i = 0; i < options->count; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			int r = 0;

			if (streq(options->items[i].key, keys[k]) && options->items[i].kind == OPTION_STRING)
				r = borrow(addition, &options->items[i], err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void run_netdev_add(struct qmp_call *call, const cJSON *arguments)
{
	struct addition *addition = calloc(1, sizeof(*addition));
	struct options *options = NULL;
	struct mortise_error err = {0};
	int r;

	if (!addition) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Out of memory for a netdev");
		return;
	}
	addition->call = call;
	addition->store = context_of(call)->fds;
	addition->reply.done = on_added;
	r = flatten_arguments(&options, arguments, &err);
	if (r == 0)
		r = borrow_all(addition, options, &err);
	if (r < 0) {
		options_free(options);
		settle(addition, false);
		free(addition);
		qmp_answer(call, r, &err);
		return;
	}
	hotplug_netdev_add(vm_of(call), options, &addition->reply);
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
