/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-object.c - objects of no bus (iothreads, sources of random bytes), and the types of all that can be
 * made.
 */
#include <string.h>

#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/flatten.h"
#include "qmp/json.h"
#include "vm/objects.h"

static ENUM_TYPE(ObjectType, "a kind of object", "iothread", "rng-random");
static OBJECT_TYPE(RngRandomProperties, "a source of random bytes",
		   MAY("filename", str, "a character device; /dev/urandom when absent"));
static const struct schema_type type_ObjectOptions = {
	.name = "ObjectOptions",
	.kind = SCHEMA_OBJECT,
	.help = "an object",
	.members =
		(const struct schema_member[]){
			MUST("qom-type", ObjectType, "its kind"),
			MUST("id", str, "its name"),
			{0},
		},
	.tag = "qom-type",
	.variants = (const struct schema_variant[]){{"rng-random", &type_RngRandomProperties}, {0}},
};

static void run_object_add(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};
	struct options *options;
	int r = flatten_arguments(&options, arguments, &err);

	if (r == 0)
		r = object_add(vm_of(call), options, &err);
	qmp_answer(call, r, &err);
}

static void run_object_del(struct qmp_call *call, const cJSON *arguments)
{
	struct mortise_error err = {0};

	qmp_answer(call, object_del(vm_of(call), json_string(arguments, "id"), &err), &err);
}

static OBJECT_TYPE(IOThreadInfo, "an I/O thread", MUST("id", str, "its name"),
		   MUST("thread-id", int, "its Linux thread"), MUST("poll-max-ns", int, "always 0: it never polls"),
		   MUST("poll-grow", int, "always 0"), MUST("poll-shrink", int, "always 0"),
		   MUST("aio-max-batch", int, "always 0: no limit of its own"));
static ARRAY_TYPE(IOThreadInfo);

static void run_query_iothreads(struct qmp_call *call, const cJSON *arguments)
{
	struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (struct object *object = NULL; (object = object_next(vm, object));) {
		cJSON *info;

		if (!streq(object_type(object), "iothread"))
			continue;
		info = cJSON_CreateObject();
		cJSON_AddStringToObject(info, "id", object_id(object));
		json_add_integer(info, "thread-id", object_thread_id(object));
		cJSON_AddNumberToObject(info, "poll-max-ns", 0);
		cJSON_AddNumberToObject(info, "poll-grow", 0);
		cJSON_AddNumberToObject(info, "poll-shrink", 0);
		cJSON_AddNumberToObject(info, "aio-max-batch", 0);
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

/* --- types --- */

static OBJECT_TYPE(ObjectTypeInfo, "a type of device or object", MUST("name", str, "its name"),
		   MAY("parent", str, "what it is a kind of"));
static ARRAY_TYPE(ObjectTypeInfo);

struct type_list {
	cJSON *list;
	const char *wanted; /* only types of that name or parent; NULL: all */
};

static void add_type(struct type_list *types, const char *name, const char *parent)
{
	cJSON *info;

	if (types->wanted && !streq(types->wanted, name) && !streq(types->wanted, parent))
		return;
	info = cJSON_CreateObject();
	cJSON_AddStringToObject(info, "name", name);
	cJSON_AddStringToObject(info, "parent", parent);
	cJSON_AddItemToArray(types->list, info);
}

/* A driver goes by the name that QEMU's clients look for, too. */
static void add_driver(void *opaque, const char *name)
{
	char device[128];

	add_type(opaque, name, "device");
	snprintf(device, sizeof(device), "%s-device", name);
	add_type(opaque, device, "device");
}

static void run_list_types(struct qmp_call *call, const cJSON *arguments)
{
	struct type_list types = {.list = cJSON_CreateArray(), .wanted = json_string(arguments, "implements")};
	struct mortise_error err = {0};
	int r;

	for (const char *const *type = object_types; *type; type++)
		add_type(&types, *type, "object");
	r = plugins_list(vm_of(call)->plugins, add_driver, &types, &err);
	if (r < 0) {
		cJSON_Delete(types.list);
		qmp_answer(call, r, &err);
	} else {
		qmp_return(call, types.list);
	}
}

static const struct schema_command commands[] = {
	{"object-add", run_object_add, "Makes an object, for devices to use by its id", &type_ObjectOptions},
	{
		"object-del",
		run_object_del,
		"Ends an object that no device uses",
		ARGUMENTS(MUST("id", str, "the object")),
	},
	{"query-iothreads", run_query_iothreads, "Lists the I/O threads", .returns = &type_IOThreadInfo_array},
	{
		"qom-list-types",
		run_list_types,
		"Lists the types of devices, by their plugins' files, and of objects",
		ARGUMENTS(MAY("implements", str, "only those of this name or parent: device, object"),
			  MAY("abstract", bool, "makes no difference: no type here is abstract")),
		&type_ObjectTypeInfo_array,
	},
	{0},
};

const struct schema_group commands_object = {.title = "Objects and types", .commands = commands};
