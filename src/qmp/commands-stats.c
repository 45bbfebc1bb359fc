/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-stats.c - query-stats and query-stats-schemas: what slots, backends and plugins count, by one kind of
 * table. Counters are read where they are: asking waits for nobody.
 */
#include "bus/slot.h"
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"
#include "vm/hotplug.h"

static ENUM_TYPE(StatsType, "how a statistic behaves: it only grows, is as it is now, or is the most that it ever was",
		 "cumulative", "instant", "peak");
static ENUM_TYPE(StatsUnit, "what a statistic is measured in; things when absent", "bytes", "seconds", "boolean");
static ENUM_TYPE(StatsProvider, "who counts: slots, block nodes, netdevs, plugins", "bus", "block", "net", "plugin");
static ENUM_TYPE(StatsTarget, "what is counted about", "vm", "vcpu", "device", "backend");
static OBJECT_TYPE(StatsRequest, "some of the statistics", MUST("provider", StatsProvider, "of whom"),
		   MAY("names", str_array, "which; all when absent"));
static ARRAY_TYPE(StatsRequest);
static ALTERNATE_TYPE(StatsValue, "a statistic's value", CHOICE(uint), CHOICE(bool));
static OBJECT_TYPE(Stats, "a statistic", MUST("name", str, "its name"), MUST("value", StatsValue, "its value"));
static ARRAY_TYPE(Stats);
static OBJECT_TYPE(StatsResult, "the statistics of one device or backend",
		   MUST("provider", StatsProvider, "who counts"),
		   MAY("qom-path", str, "the id of the device, the node-name or the netdev's id"),
		   MUST("stats", Stats_array, "the statistics"));
static ARRAY_TYPE(StatsResult);
static OBJECT_TYPE(StatsSchemaValue, "a statistic that there is", MUST("name", str, "its name"),
		   MUST("type", StatsType, "how it behaves"), MAY("unit", StatsUnit, "what it is measured in"),
		   MAY("base", int, "of the factor base^exponent, by which values are to be multiplied"),
		   MUST("exponent", int, "of that factor; 0: it is 1"), MAY("help", str, "what it counts"));
static ARRAY_TYPE(StatsSchemaValue);
static OBJECT_TYPE(StatsSchema, "the statistics of one provider", MUST("provider", StatsProvider, "who counts"),
		   MUST("target", StatsTarget, "what is counted about"),
		   MAY("driver", str, "plugin: the driver whose devices have these"),
		   MUST("stats", StatsSchemaValue_array, "the statistics"));
static ARRAY_TYPE(StatsSchema);

enum provider { BUS, BLOCK, NET, PLUGIN, PROVIDERS };

/* --- what the core counts --- */

#define CUMULATIVE(what, counted, of, member, about)                                                               \
	{                                                                                                          \
		what, MORTISE_COUNTER_CUMULATIVE, MORTISE_COUNTER_##counted, offsetof(struct of, member), 0, about \
	}

static const struct mortise_counter bus_counters[] = {
	CUMULATIVE("kicks", NUMBER, slot_info, kicks, "notifications by the driver"),
	CUMULATIVE("interrupts", NUMBER, slot_info, interrupts, "interrupts raised"),
	{0},
};

#define BLOCK_COUNTERS(op, word)                                                                     \
	CUMULATIVE(word "-operations", NUMBER, block_stats, operations[op], "requests done"),        \
		CUMULATIVE(word "-bytes", BYTES, block_stats, bytes[op], "bytes of requests done"),  \
		CUMULATIVE(word "-failed", NUMBER, block_stats, failed[op], "requests that failed"), \
		CUMULATIVE(word "-time", NANOSECONDS, block_stats, nanoseconds[op], "time that requests took")

static const struct mortise_counter block_counters[] = {
	BLOCK_COUNTERS(MORTISE_BLOCK_READ, "read"),
	BLOCK_COUNTERS(MORTISE_BLOCK_WRITE, "write"),
	BLOCK_COUNTERS(MORTISE_BLOCK_FLUSH, "flush"),
	BLOCK_COUNTERS(MORTISE_BLOCK_DISCARD_OP, "discard"),
	BLOCK_COUNTERS(MORTISE_BLOCK_WRITE_ZEROES_OP, "write-zeroes"),
	{0},
};

static const struct mortise_counter net_counters[] = {
	CUMULATIVE("sent", NUMBER, net_description, sent, "frames from the guest"),
	CUMULATIVE("received", NUMBER, net_description, received, "frames to the guest"),
	CUMULATIVE("dropped", NUMBER, net_description, dropped, "frames from the guest that went nowhere"),
	CUMULATIVE("sent-bytes", BYTES, net_description, sent_bytes, "their bytes"),
	CUMULATIVE("received-bytes", BYTES, net_description, received_bytes, "their bytes"),
	{0},
};

/* --- what is asked for --- */

struct asked {
	cJSON *list;
	const char *target;
	const cJSON *providers; /* NULL: all */
};

/* Whether a provider is asked for its statistics about `target`; `*names`: which, NULL: all. */
static bool wants(const struct asked *asked, enum provider provider, const char *target, const cJSON **names)
{
	*names = NULL;
	if (!streq(asked->target, target))
		return false;
	for (const cJSON *item = asked->providers ? asked->providers->child : NULL; item; item = item->next) {
		if (streq(json_string(item, "provider"), type_StatsProvider.values[provider])) {
			*names = json_get(item, "names");
			return true;
		}
	}
	return !asked->providers;
}

static bool is_named(const cJSON *names, const char *name)
{
	for (const cJSON *item = names ? names->child : NULL; item; item = item->next)
		if (streq(item->valuestring, name))
			return true;
	return !names;
}

/* `from`: where the counters' offsets count from; other threads may be writing there. */
static void add_result(const struct asked *asked, enum provider provider, const char *path,
		       const struct mortise_counter *counters, const void *from, const cJSON *names)
{
	cJSON *result = cJSON_CreateObject(), *stats;

	cJSON_AddStringToObject(result, "provider", type_StatsProvider.values[provider]);
	cJSON_AddStringToObject(result, "qom-path", path);
	stats = cJSON_AddArrayToObject(result, "stats");
	for (; counters->name; counters++) {
		const uint64_t *at = (const uint64_t *)((const char *)from + counters->offset);
		const uint64_t value = __atomic_load_n(at, __ATOMIC_RELAXED);
		cJSON *item;

		if (!is_named(names, counters->name))
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "name", counters->name);
		if (counters->unit == MORTISE_COUNTER_BOOLEAN)
			cJSON_AddBoolToObject(item, "value", value != 0);
		else
			json_add_unsigned(item, "value", value);
		cJSON_AddItemToArray(stats, item);
	}
	cJSON_AddItemToArray(asked->list, result);
}

static void add_device(void *opaque, const struct hotplug_device *device)
{
	const struct asked *asked = opaque;
	const struct mortise_monitor *monitor = device_class(device->device)->monitor;
	struct slot_info info;
	const cJSON *names;

	if (device->slot && wants(asked, BUS, "device", &names)) {
		slot_info(device->slot, &info);
		add_result(asked, BUS, device->id, bus_counters, &info, names);
	}
	if (monitor && monitor->counters[0].name && wants(asked, PLUGIN, "device", &names))
		add_result(asked, PLUGIN, device->id, monitor->counters, device_self(device->device), names);
}

static void run_stats(struct qmp_call *call, const cJSON *arguments)
{
	struct asked asked = {.list = cJSON_CreateArray(),
			      .target = json_string(arguments, "target"),
			      .providers = json_get(arguments, "providers")};
	struct vm *vm = vm_of(call);
	const cJSON *names;

	hotplug_each(vm, add_device, &asked);
	if (wants(&asked, BLOCK, "backend", &names)) {
		for (struct mortise_block *block = NULL; (block = block_next(vm->blocks, block));) {
			struct block_description description;

			block_describe(block, &description);
			add_result(&asked, BLOCK, description.node_name, block_counters, &description.stats, names);
		}
	}
	if (wants(&asked, NET, "backend", &names)) {
		for (struct mortise_net *net = NULL; (net = net_next(vm->nets, net));) {
			struct net_description description;

			net_describe(net, &description);
			add_result(&asked, NET, description.id, net_counters, &description, names);
		}
	}
	qmp_return(call, asked.list);
}

/* --- the schemas --- */

static cJSON *describe_counter(const struct mortise_counter *counter)
{
	static const char *const units[] = {
		[MORTISE_COUNTER_BYTES] = "bytes",
		[MORTISE_COUNTER_NANOSECONDS] = "seconds",
		[MORTISE_COUNTER_BOOLEAN] = "boolean",
	};
	cJSON *value = cJSON_CreateObject();

	cJSON_AddStringToObject(value, "name", counter->name);
	cJSON_AddStringToObject(value, "type", type_StatsType.values[counter->type - MORTISE_COUNTER_CUMULATIVE]);
	if (units[counter->unit])
		cJSON_AddStringToObject(value, "unit", units[counter->unit]);
	if (counter->unit == MORTISE_COUNTER_NANOSECONDS)
		json_add_integer(value, "base", 10);
	json_add_integer(value, "exponent", counter->unit == MORTISE_COUNTER_NANOSECONDS ? -9 : 0);
	cJSON_AddStringToObject(value, "help", counter->help);
	return value;
}

static void add_schema(cJSON *list, enum provider provider, const char *target, const char *driver,
		       const struct mortise_counter *counters)
{
	cJSON *schema = cJSON_CreateObject(), *stats;

	cJSON_AddStringToObject(schema, "provider", type_StatsProvider.values[provider]);
	cJSON_AddStringToObject(schema, "target", target);
	if (driver)
		cJSON_AddStringToObject(schema, "driver", driver);
	stats = cJSON_AddArrayToObject(schema, "stats");
	for (; counters->name; counters++)
		cJSON_AddItemToArray(stats, describe_counter(counters));
	cJSON_AddItemToArray(list, schema);
}

/* Once for each driver that has devices. */
static void add_class(void *opaque, const struct hotplug_device *device)
{
	cJSON *list = opaque;
	const struct mortise_class *class = device_class(device->device);

	if (!class->monitor || !class->monitor->counters[0].name)
		return;
	for (const cJSON *schema = list->child; schema; schema = schema->next)
		if (json_get(schema, "driver") && streq(json_string(schema, "driver"), class->driver))
			return;
	add_schema(list, PLUGIN, "device", class->driver, class->monitor->counters);
}

static void run_schemas(struct qmp_call *call, const cJSON *arguments)
{
	static const struct {
		const char *target;
		const struct mortise_counter *counters;
	} core[] = {[BUS] = {"device", bus_counters},
		    [BLOCK] = {"backend", block_counters},
		    [NET] = {"backend", net_counters}};
	const char *wanted = json_string(arguments, "provider");
	cJSON *list = cJSON_CreateArray();

	for (enum provider provider = BUS; provider < PLUGIN; provider++)
		if (!wanted || streq(wanted, type_StatsProvider.values[provider]))
			add_schema(list, provider, core[provider].target, NULL, core[provider].counters);
	if (!wanted || streq(wanted, type_StatsProvider.values[PLUGIN]))
		hotplug_each(vm_of(call), add_class, list);
	qmp_return(call, list);
}

static const struct schema_command commands[] = {
	{
		"query-stats",
		run_stats,
		"Tells what is counted about devices or backends",
		ARGUMENTS(MUST("target", StatsTarget, "about what"),
			  MAY("providers", StatsRequest_array, "by whom; by all when absent")),
		.returns = &type_StatsResult_array,
	},
	{
		"query-stats-schemas",
		run_schemas,
		"Lists the statistics that there are, those of plugins for each driver that has devices",
		ARGUMENTS(MAY("provider", StatsProvider, "of whom; of all when absent")),
		.returns = &type_StatsSchema_array,
	},
	{0},
};

const struct schema_group commands_stats = {.title = "Statistics", .commands = commands};
