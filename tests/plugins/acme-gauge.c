/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/acme-gauge.c - a vendor's device that Mortise has never heard of: an entropy device whose bytes all have the
 * same value, its level, with commands, events and counters of its own.
 */
#include <errno.h>
#include <string.h>

#include <mortise/plugin.h>

#define LEVEL_MAX 255
#define LABEL_MAX 15

enum { EVENT_CHANGED, EVENT_READ };

struct gauge {
	uint32_t start; /* property: the level at first */

	const struct mortise_host *host;
	struct mortise_device *device;
	struct mortise_call *waiting; /* x-acme-gauge-wait */
	uint32_t mode;
	char label[LABEL_MAX + 1];
	uint64_t level;			/* counters */
	uint64_t requests, bytes, most; /* counters */
};

static const char *const modes[] = {"steady", "count", NULL};

/* --- commands and events --- */

static const struct mortise_field state_fields[] = {
	{.name = "level", .type = MORTISE_FIELD_UINT, .help = "the value of each byte"},
	{.name = "mode", .type = MORTISE_FIELD_ENUM, .values = modes, .help = "count: the level grows by each request"},
	{.name = "label", .type = MORTISE_FIELD_STRING, .flags = MORTISE_FIELD_OPTIONAL, .help = "what it is called"},
	{0},
};

static const struct mortise_field set_fields[] = {
	{.name = "level", .type = MORTISE_FIELD_UINT, .max = LEVEL_MAX, .help = "the value of each byte"},
	{.name = "mode",
	 .type = MORTISE_FIELD_ENUM,
	 .flags = MORTISE_FIELD_OPTIONAL,
	 .values = modes,
	 .help = "count: the level grows by each request"},
	{.name = "label",
	 .type = MORTISE_FIELD_STRING,
	 .flags = MORTISE_FIELD_OPTIONAL,
	 .max = LABEL_MAX,
	 .help = "what it is called"},
	{0},
};

static const struct mortise_field level_field[] = {
	{.name = "level", .type = MORTISE_FIELD_UINT, .help = "the value of each byte"},
	{0},
};

static void describe(const struct gauge *gauge, struct mortise_value values[3])
{
	memset(values, 0, 3 * sizeof(*values));
	values[0].number = gauge->level;
	values[1].number = gauge->mode;
	values[2].present = gauge->label[0] != '\0';
	values[2].string = gauge->label;
}

static void tell(struct gauge *gauge, uint32_t event)
{
	struct mortise_value level = {.number = gauge->level};

	if (MORTISE_HAS(gauge->host, event))
		gauge->host->event(gauge->device, event, &level);
}

static void run_query(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
	struct gauge *gauge = self;
	struct mortise_value values[3];

	describe(gauge, values);
	gauge->host->call_return(call, values);
}

static void run_set(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
	struct gauge *gauge = self;
	struct mortise_value values[3];

	if (arguments[0].number == 13) {
		gauge->host->call_fail(call, -EINVAL, "Level 13 brings bad luck");
		return;
	}
	describe(gauge, values);
	gauge->host->call_return(call, values);
	gauge->level = arguments[0].number;
	if (arguments[1].present)
		gauge->mode = (uint32_t)arguments[1].number;
	if (arguments[2].present)
		memcpy(gauge->label, arguments[2].string, strlen(arguments[2].string) + 1);
	tell(gauge, EVENT_CHANGED);
	if (gauge->waiting) {
		describe(gauge, values);
		gauge->host->call_return(gauge->waiting, values);
		gauge->waiting = NULL;
	}
}

static void run_wait(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
	struct gauge *gauge = self;

	if (gauge->waiting)
		gauge->host->call_fail(call, -EBUSY, "Somebody waits already");
	else
		gauge->waiting = call;
}

static const struct mortise_command commands[] = {
	{"x-acme-gauge-query", "Tells how the gauge is set", NULL, state_fields, run_query},
	{"x-acme-gauge-set", "Sets the gauge; returns how it was set", set_fields, state_fields, run_set},
	{"x-acme-gauge-wait", "Returns when the gauge has been set", NULL, state_fields, run_wait},
	{0},
};

static const struct mortise_event events[] = {
	{"X_ACME_GAUGE_CHANGED", "the gauge was set", level_field, 0, 0},
	{"X_ACME_GAUGE_READ", "the guest has read it", level_field, MORTISE_EVENT_LATEST, 0},
	{0},
};

static const struct mortise_counter counters[] = {
	{"level", MORTISE_COUNTER_INSTANT, MORTISE_COUNTER_NUMBER, offsetof(struct gauge, level), 0,
	 "the value of each byte"},
	{"requests", MORTISE_COUNTER_CUMULATIVE, MORTISE_COUNTER_NUMBER, offsetof(struct gauge, requests), 0,
	 "requests of the driver's"},
	{"bytes", MORTISE_COUNTER_CUMULATIVE, MORTISE_COUNTER_BYTES, offsetof(struct gauge, bytes), 0,
	 "bytes given to the driver"},
	{"most", MORTISE_COUNTER_PEAK, MORTISE_COUNTER_BYTES, offsetof(struct gauge, most), 0, "the largest request"},
	{0},
};

static const struct mortise_monitor monitor = MORTISE_MONITOR(commands, events, counters);

/* --- the device --- */

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct gauge *gauge = self;

	gauge->host = host;
	gauge->device = device;
	gauge->level = gauge->start;
	return 0;
}

static void notify(void *self, uint32_t queue)
{
	struct gauge *gauge = self;
	struct mortise_chain *chain;

	while ((chain = gauge->host->queue_pop(gauge->device, queue))) {
		for (uint32_t i = 0; i < chain->in_count; i++)
			memset(chain->in[i].iov_base, (int)gauge->level, chain->in[i].iov_len);
		gauge->requests++;
		gauge->bytes += chain->in_size;
		gauge->most = chain->in_size > gauge->most ? chain->in_size : gauge->most;
		gauge->host->queue_push(gauge->device, chain, chain->in_size);
		gauge->level += gauge->mode;
		tell(gauge, EVENT_READ);
	}
}

struct saved {
	uint32_t version, mode;
	uint64_t level, requests, bytes, most;
	char label[LABEL_MAX + 1];
};

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct gauge *gauge = self;
	struct saved saved = {1, gauge->mode, gauge->level, gauge->requests, gauge->bytes, gauge->most, ""};

	if (room < sizeof(saved))
		return -ENOSPC;
	memcpy(saved.label, gauge->label, sizeof(saved.label));
	memcpy(data, &saved, sizeof(saved));
	return sizeof(saved);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct gauge *gauge = self;
	struct saved saved;

	if (size != sizeof(saved))
		return mortise_fail(err, -EINVAL, "The state of a gauge has %zu bytes, not %llu", sizeof(saved),
				    (unsigned long long)size);
	memcpy(&saved, data, sizeof(saved));
	if (saved.version != 1 || saved.mode > 1 || saved.label[LABEL_MAX])
		return mortise_fail(err, -EINVAL, "The state is not one of a gauge");
	gauge->mode = saved.mode;
	gauge->level = saved.level;
	gauge->requests = saved.requests;
	gauge->bytes = saved.bytes;
	gauge->most = saved.most;
	memcpy(gauge->label, saved.label, sizeof(gauge->label));
	return 0;
}

static const struct mortise_property properties[] = {
	{.name = "level",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct gauge, start),
	 .max = LEVEL_MAX,
	 .fallback = "90",
	 .help = "the value of each byte at first"},
	{0},
};

static const struct mortise_class acme_gauge = {
	.size = sizeof(acme_gauge),
	.property_size = sizeof(struct mortise_property),
	.driver = "acme-gauge",
	.summary = "Gauge of Acme's",
	.virtio_id = 4,
	.queue_count = 1,
	.instance_size = sizeof(struct gauge),
	.properties = properties,
	.realize = realize,
	.notify = notify,
	.save = save,
	.restore = restore,
	.monitor = &monitor,
};

static const struct mortise_class *const classes[] = {&acme_gauge, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "acme-gauge",
	.version = NEXT_VERSION,
	.license = "LicenseRef-Acme",
	.summary = "A gauge for tests",
	.classes = classes,
};
