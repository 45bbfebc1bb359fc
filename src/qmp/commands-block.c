/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-block.c - block nodes: added, deleted, resized, listed.
 */
#include <errno.h>

#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/flatten.h"
#include "qmp/json.h"
#include "qmp/types-block.h"
#include "vm/hotplug.h"

static void run_blockdev_add(struct qmp_call *call, const cJSON *arguments)
{
	run_with_options(call, arguments, hotplug_blockdev_add);
}

static void run_blockdev_del(struct qmp_call *call, const cJSON *arguments)
{
	hotplug_blockdev_del(vm_of(call), json_string(arguments, "node-name"), qmp_reply(call));
}

static void run_blockdev_reopen(struct qmp_call *call, const cJSON *arguments)
{
	const cJSON *list = json_get(arguments, "options"), *item;
	const unsigned count = (unsigned)cJSON_GetArraySize(list);
	_cleanup_free_ struct options **lists = calloc(count + 1, sizeof(struct options *));
	struct mortise_error err = {0};
	unsigned done = 0;
	int r = lists ? 0 : mortise_fail(&err, -ENOMEM, "Out of memory for %u nodes", count);

	for (item = list->child; r == 0 && item; item = item->next) {
		r = flatten_arguments(&lists[done], item, &err);
		done += r == 0;
	}
	if (r == 0) {
		block_reopen(vm_of(call)->blocks, lists, count, qmp_reply(call));
		return;
	}
	while (done)
		options_free(lists[--done]);
	qmp_answer(call, r, &err);
}

/* The node that a device uses, or NULL. */
static struct mortise_block *node_of_device(struct vm *vm, const char *id)
{
	struct mortise_block *node = NULL;

	while ((node = block_next(vm->blocks, node))) {
		struct block_description description;

		block_describe(node, &description);
		if (description.owner && streq(description.owner, id))
			break;
	}
	return node;
}

/* A node by its name, or by the id of the device that uses it. */
static int find_node(struct vm *vm, const cJSON *arguments, struct mortise_block **out, struct mortise_error *err)
{
	const char *name = json_string(arguments, "node-name"), *device = json_string(arguments, "device");

	if (name) {
		*out = block_find(vm->blocks, name);
		return *out ? 0 : mortise_fail(err, -ENOENT, "Failed to find node with node-name='%s'", name);
	}
	if (!device || !*device)
		return mortise_fail(err, -EINVAL, "Parameter 'node-name' is missing");
	*out = node_of_device(vm, device);
	return *out ? 0 : mortise_fail(err, -ENODEV, "Device '%s' not found", device);
}

static void run_block_resize(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};
	struct mortise_block *node;
	uint64_t size;
	int r = 0;

	json_to_unsigned(json_get(arguments, "size"), &size);
	if (!size || size % 512)
		r = mortise_fail(&err, -EINVAL, "Parameter 'size' expects a multiple of 512 bytes, and not 0");
	if (r == 0)
		r = find_node(vm_of(call), arguments, &node, &err);
	if (r < 0)
		qmp_answer(call, r, &err);
	else
		block_resize(node, size, qmp_reply(call));
}

static void run_change_medium(struct qmp_call *call, const cJSON *arguments)
{
	const char *id = json_string(arguments, "id"), *device = json_string(arguments, "device");
	const char *mode = json_string(arguments, "read-only-mode");
	const char *read_only = !mode || streq(mode, "retain") ? NULL : streq(mode, "read-only") ? "on" : "off";
	struct mortise_block *node;

	if (!id == !device) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Need exactly one of 'device' and 'id'");
		return;
	}
	id = id ? id : device;
	node = node_of_device(vm_of(call), id);
	if (!node)
		qmp_failf(call, QMP_DEVICE_NOT_FOUND, "Device '%s' not found, or it uses no block node", id);
	else
		block_change_medium(node, json_string(arguments, "filename"), read_only, qmp_reply(call));
}

/* --- queries --- */

/* A BlockDeviceInfo. */
static cJSON *describe_node(const struct block_description *node)
{
	static const char *const limits[] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
	cJSON *info = cJSON_CreateObject(), *cache, *image;

	cJSON_AddStringToObject(info, "node-name", node->node_name);
	cJSON_AddStringToObject(info, "file", node->filename);
	cJSON_AddStringToObject(info, "drv", node->driver);
	cJSON_AddBoolToObject(info, "ro", node->read_only);
	cJSON_AddStringToObject(info, "aio", node->aio);
	cJSON_AddNumberToObject(info, "backing_file_depth", 0);
	cJSON_AddFalseToObject(info, "encrypted");
	cJSON_AddStringToObject(info, "detect_zeroes", "off");
	cJSON_AddNumberToObject(info, "write_threshold", 0);
	cache = cJSON_AddObjectToObject(info, "cache");
	cJSON_AddTrueToObject(cache, "writeback");
	cJSON_AddBoolToObject(cache, "direct", node->direct);
	cJSON_AddBoolToObject(cache, "no-flush", node->no_flush);
	image = cJSON_AddObjectToObject(info, "image");
	cJSON_AddStringToObject(image, "filename", node->filename);
	cJSON_AddStringToObject(image, "format", "raw");
	json_add_unsigned(image, "virtual-size", node->info.size);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		cJSON_AddNumberToObject(info, limits[i], 0);
	return info;
}

static void run_query_block(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (struct mortise_block *node = NULL; (node = block_next(vm->blocks, node));) {
		struct block_description description;
		cJSON *info;

		block_describe(node, &description);
		if (!description.owner)
			continue;
		info = cJSON_CreateObject();
		cJSON_AddStringToObject(info, "device", "");
		cJSON_AddStringToObject(info, "qdev", description.owner);
		cJSON_AddStringToObject(info, "type", "unknown");
		cJSON_AddFalseToObject(info, "removable");
		cJSON_AddFalseToObject(info, "locked");
		cJSON_AddItemToObject(info, "inserted", describe_node(&description));
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

static void run_query_nodes(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (struct mortise_block *node = NULL; (node = block_next(vm->blocks, node));) {
		struct block_description description;

		block_describe(node, &description);
		cJSON_AddItemToArray(list, describe_node(&description));
	}
	qmp_return(call, list);
}

static cJSON *describe_stats(const struct block_stats *stats)
{
	static const struct {
		enum mortise_block_op op;
		const char *bytes, *operations, *time, *failed;
	} names[] = {
		{MORTISE_BLOCK_READ, "rd_bytes", "rd_operations", "rd_total_time_ns", "failed_rd_operations"},
		{MORTISE_BLOCK_WRITE, "wr_bytes", "wr_operations", "wr_total_time_ns", "failed_wr_operations"},
		{MORTISE_BLOCK_FLUSH, NULL, "flush_operations", "flush_total_time_ns", "failed_flush_operations"},
		{MORTISE_BLOCK_DISCARD_OP, "unmap_bytes", "unmap_operations", "unmap_total_time_ns",
		 "failed_unmap_operations"},
	};
	cJSON *info = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].bytes)
			json_add_unsigned(info, names[i].bytes, stats->bytes[names[i].op]);
		json_add_unsigned(info, names[i].operations, stats->operations[names[i].op]);
		json_add_unsigned(info, names[i].time, stats->nanoseconds[names[i].op]);
		json_add_unsigned(info, names[i].failed, stats->failed[names[i].op]);
	}
	return info;
}

static void run_query_stats(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();
	bool all = json_bool(arguments, "query-nodes", false);

	for (struct mortise_block *node = NULL; (node = block_next(vm->blocks, node));) {
		struct block_description description;
		cJSON *info;

		block_describe(node, &description);
		if (!description.owner && !all)
			continue;
		info = cJSON_CreateObject();
		if (description.owner) {
			cJSON_AddStringToObject(info, "device", "");
			cJSON_AddStringToObject(info, "qdev", description.owner);
		}
		cJSON_AddStringToObject(info, "node-name", description.node_name);
		cJSON_AddItemToObject(info, "stats", describe_stats(&description.stats));
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

static const struct schema_command commands[] = {
	{"blockdev-add", run_blockdev_add, "Opens a block node, for device_add to use", &type_BlockdevOptions},
	{
		"blockdev-reopen",
		run_blockdev_reopen,
		"Gives block nodes new options, another file among them: all of these nodes or none. They may be in "
		"use: what "
		"was submitted before is finished on the old file, and the guest sees the new size",
		ARGUMENTS(MUST("options", BlockdevOptions_array,
			       "as for blockdev-add, whole: what is absent has its default again")),
	},
	{
		"blockdev-change-medium",
		run_change_medium,
		"Gives a disk another file, as blockdev-reopen does, and leaves its node's other options as they are",
		ARGUMENTS(MAY("id", str, "the device"), MAY("device", str, "the same, in older words"),
			  MUST("filename", str, "the new file's path"), MAY("format", BlockdevFormat, "must be raw"),
			  MAY("force", bool, "makes no difference: no guest locks a disk here"),
			  MAY("read-only-mode", BlockdevChangeReadOnlyMode, "retain when absent")),
	},
	{
		"blockdev-del",
		run_blockdev_del,
		"Closes a block node that no device uses",
		ARGUMENTS(MUST("node-name", str, "the node")),
	},
	{
		"block_resize",
		run_block_resize,
		"Changes the size of a node's image; the guest sees the new size at once",
		ARGUMENTS(MAY("device", str, "the id of the device that uses the node"),
			  MAY("node-name", str, "the node"), MUST("size", uint, "bytes, a multiple of 512")),
	},
	{"query-block", run_query_block, "Lists the guest's disks", .returns = &type_BlockInfo_array},
	{
		"query-named-block-nodes",
		run_query_nodes,
		"Lists the block nodes, used or not",
		ARGUMENTS(MAY("flat", bool, "makes no difference here: nodes have no backing chain")),
		&type_BlockDeviceInfo_array,
	},
	{
		"query-blockstats",
		run_query_stats,
		"Tells what disks have done",
		ARGUMENTS(MAY("query-nodes", bool, "whether nodes that no device uses are listed too")),
		&type_BlockStats_array,
	},
	{0},
};

static ENUM_TYPE(IoOperationType, "what failed", "read", "write");
static ENUM_TYPE(BlockErrorAction, "what becomes of it", "report");
static OBJECT_TYPE(BlockErrorInfo, "a request that failed", MUST("device", str, "empty, as in query-block"),
		   MAY("qom-path", str, "the device that uses the node, where it is still there"),
		   MUST("node-name", str, "the node"), MUST("operation", IoOperationType, "write: all that is no read"),
		   MUST("action", BlockErrorAction, "always report: the guest is told"),
		   MUST("nospace", bool, "whether there was no space left"),
		   MUST("reason", str, "the error in words, for people"));

static const struct schema_event events[] = {
	{"BLOCK_IO_ERROR",
	 "a disk's request has failed; of each node's reads and writes once a second at most, query-blockstats counts "
	 "all",
	 &type_BlockErrorInfo},
	{0},
};

const struct schema_group commands_block = {.title = "Block nodes", .commands = commands, .events = events};
