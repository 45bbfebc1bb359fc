/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/monitor.c - what a class brings to the monitor: its names, forms and places checked, its tables copied.
 */
#include "plugin/monitor.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"

#define ROWS_MAX 64
#define FIELDS_MAX 32
#define ROW_SIZE_MAX 4096u
#define NAME_LENGTH_MAX 63

/* Rows end there in the ABI that brought them, 1.1. */
#define END_OF(type, member) ((uint32_t)(offsetof(type, member) + sizeof(((type *)0)->member)))

DEFINE_CLEANUP(struct mortise_monitor *, monitor_free)

/* Whose tables are being looked at, and where in them. */
struct context {
	struct place place;
	const char *plugin;
	uint32_t instance_size, field_size;
};

/* --- names --- */

/* Names of the protocol that belong to kinds of devices: whoever implements the kind may have them. */
static const char *const standard_names[] = {
	"balloon",	   "query-balloon", "BALLOON_CHANGE", "MEMORY_DEVICE_SIZE_CHANGE", "NIC_RX_FILTER_CHANGED",
	"VSERPORT_CHANGE",
};

static bool is_standard(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(standard_names); i++)
		if (streq(name, standard_names[i]))
			return true;
	return false;
}

static bool made_of(const char *name, const char *letters)
{
	size_t length = strspn(name, letters);

	return length && length <= NAME_LENGTH_MAX && !name[length];
}

static int check_command_name(const struct context *context, const char *name)
{
	const char *plugin = context->plugin;
	const size_t length = strlen(plugin);

	if (is_standard(name))
		return 0;
	if (made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-") && !strncmp(name, "x-", 2) &&
	    !strncmp(name + 2, plugin, length) && name[2 + length] == '-' && name[2 + length + 1])
		return 0;
	return bad(&context->place,
		   "its name must be standard, or begin with 'x-%s-' and have small letters, digits and dashes",
		   plugin);
}

static int check_event_name(const struct context *context, const char *name)
{
	char prefix[80] = "X_";
	size_t length = 2;

	if (is_standard(name))
		return 0;
	for (const char *plugin = context->plugin; *plugin && length < sizeof(prefix) - 2; plugin++)
		prefix[length++] = *plugin == '-'		      ? '_'
				   : *plugin >= 'a' && *plugin <= 'z' ? (char)(*plugin - 'a' + 'A')
								      : *plugin;
	prefix[length++] = '_';
	if (made_of(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") && !strncmp(name, prefix, length) && name[length])
		return 0;
	return bad(&context->place,
		   "its name must be standard, or begin with '%s' and have capitals, digits and underscores", prefix);
}

/* Of fields and counters. */
static int check_member_name(const struct context *context, const char *name)
{
	if (!made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") || name[0] < 'a')
		return bad(&context->place,
			   "'%.63s' is no name: it must have small letters, digits, dashes and underscores", name);
	if (streq(name, "id") || streq(name, "device"))
		return bad(&context->place, "'%s' is the host's own", name);
	return 0;
}

/* --- tables --- */

/* What all rows of tables begin with. */
static const char *name_of(const void *row)
{
	return *(const char *const *)row;
}

/* A kind of table. */
struct layout {
	const char *kind;     /* of its rows; NULL: they are parts of something that has one */
	uint32_t least, size; /* bytes of a row: in ABI 1.1, here */
	uint32_t most;	      /* rows */
	int (*check)(struct context *context, void *row);
};

/*
 * Copies a table row by row to this host's layout, and checks each row, which replaces what it points to by copies.
 * `*out`, owned by the caller whatever happens, ends in a row of zeroes.
 */
static int copy_rows(struct context *context, const void *from, uint32_t stride, const struct layout *layout,
		     const void **out)
{
	char *table = calloc(layout->most + 1, layout->size), *to = table;
	const char *row = from;
	int r;

	*out = table;
	if (!table)
		return mortise_fail(context->place.err, -ENOMEM, "Out of memory for plugin '%s'", context->place.path);
	if (stride < layout->least || stride > ROW_SIZE_MAX || !IS_ALIGNED(stride, sizeof(void *)))
		return bad(&context->place, "a row of a table has %" PRIu32 " bytes; at least %" PRIu32 " are needed",
			   stride, layout->least);
	for (uint32_t count = 0; row && name_of(row); row += stride, to += layout->size, count++) {
		if (layout->kind) {
			context->place.kind = layout->kind;
			context->place.name = name_of(row);
		}
		if (count == layout->most)
			return bad(&context->place, "its table has more than %" PRIu32 " rows", layout->most);
		for (const char *other = table; other < to; other += layout->size)
			if (streq(name_of(other), name_of(row)))
				return bad(&context->place, "'%.63s' is in a table twice", name_of(row));
		memcpy(to, row, MIN(stride, layout->size));
		r = layout->check(context, to);
		if (r < 0)
			return r;
	}
	if (layout->kind)
		context->place.name = NULL;
	return 0;
}

static int check_field(struct context *context, void *row)
{
	const struct mortise_field *field = row;
	const struct place *place = &context->place;
	int r = check_member_name(context, field->name);

	if (r < 0)
		return r;
	if (field->type < MORTISE_FIELD_BOOL || field->type > MORTISE_FIELD_ENUM)
		return bad(place, "type %" PRIu32 " of '%s' is unknown here", field->type, field->name);
	if (field->flags & ~(uint32_t)MORTISE_FIELD_OPTIONAL)
		return bad(place, "flags 0x%" PRIx32 " of '%s' are unknown here", field->flags, field->name);
	if (field->max && field->min > field->max)
		return bad(place, "the range of '%s' is empty", field->name);
	if (field->type == MORTISE_FIELD_ENUM && (!field->values || !field->values[0]))
		return bad(place, "'%s' has no values", field->name);
	return field->help ? 0 : bad(place, "'%s' has no help", field->name);
}

/* Replaces a table of fields by its copy. */
static int copy_fields(struct context *context, const struct mortise_field *from, const struct mortise_field **out)
{
	static const struct layout layout = {
		.least = END_OF(struct mortise_field, help),
		.size = sizeof(struct mortise_field),
		.most = FIELDS_MAX,
		.check = check_field,
	};
	const void *table;
	int r = copy_rows(context, from, context->field_size, &layout, &table);

	*out = table;
	return r;
}

static int check_command(struct context *context, void *row)
{
	struct mortise_command *command = row;
	const struct mortise_field *arguments = command->arguments, *returns = command->returns;
	int r = check_command_name(context, command->name);

	command->arguments = command->returns = NULL;
	if (r == 0 && (!command->help || !command->run))
		r = bad(&context->place, "it has no help or no run()");
	if (r == 0)
		r = copy_fields(context, arguments, &command->arguments);
	if (r == 0)
		r = copy_fields(context, returns, &command->returns);
	return r;
}

static int check_event(struct context *context, void *row)
{
	struct mortise_event *event = row;
	const struct mortise_field *data = event->data;
	int r = check_event_name(context, event->name);

	event->data = NULL;
	if (r == 0 && !event->help)
		r = bad(&context->place, "it has no help");
	if (r == 0 && event->flags & ~(uint32_t)MORTISE_EVENT_LATEST)
		r = bad(&context->place, "flags 0x%" PRIx32 " are unknown here", event->flags);
	if (r == 0)
		r = copy_fields(context, data, &event->data);
	return r;
}

static int check_counter(struct context *context, void *row)
{
	const struct mortise_counter *counter = row;
	const struct place *place = &context->place;
	int r = check_member_name(context, counter->name);

	if (r < 0)
		return r;
	if (counter->type < MORTISE_COUNTER_CUMULATIVE || counter->type > MORTISE_COUNTER_PEAK)
		return bad(place, "type %" PRIu32 " is unknown here", counter->type);
	if (counter->unit > MORTISE_COUNTER_BOOLEAN)
		return bad(place, "unit %" PRIu32 " is unknown here", counter->unit);
	if (!counter->help)
		return bad(place, "it has no help");
	if (counter->offset > context->instance_size || sizeof(uint64_t) > context->instance_size - counter->offset)
		return bad(place, "offset %" PRIu32 " is outside of the instance of %" PRIu32 " bytes", counter->offset,
			   context->instance_size);
	if (counter->offset % sizeof(uint64_t))
		return bad(place, "offset %" PRIu32 " is not aligned", counter->offset);
	return 0;
}

static int copy_tables(struct context *context, const struct mortise_monitor *from, struct mortise_monitor *to)
{
	static const struct layout commands = {"command", END_OF(struct mortise_command, run),
					       sizeof(struct mortise_command), ROWS_MAX, check_command},
				   events = {"event", END_OF(struct mortise_event, reserved),
					     sizeof(struct mortise_event), ROWS_MAX, check_event},
				   counters = {"counter", END_OF(struct mortise_counter, help),
					       sizeof(struct mortise_counter), ROWS_MAX, check_counter};
	const void *table;
	int r = copy_rows(context, from->commands, from->command_size, &commands, &table);

	to->commands = table;
	if (r < 0)
		return r;
	r = copy_rows(context, from->events, from->event_size, &events, &table);
	to->events = table;
	if (r < 0)
		return r;
	r = copy_rows(context, from->counters, from->counter_size, &counters, &table);
	to->counters = table;
	return r;
}

int monitor_check(struct mortise_monitor **out, const struct mortise_monitor *from, const char *plugin,
		  uint32_t instance_size, const struct place *place)
{
	static const struct mortise_monitor sizes = MORTISE_MONITOR(NULL, NULL, NULL);
	_cleanup_(monitor_free_p) struct mortise_monitor *monitor = calloc(1, sizeof(*monitor));
	struct context context = {.place = *place, .plugin = plugin, .instance_size = instance_size};
	int r;

	if (!monitor)
		return mortise_fail(place->err, -ENOMEM, "Out of memory for plugin '%s'", place->path);
	if (from->size < END_OF(struct mortise_monitor, counters) || from->size > ROW_SIZE_MAX)
		return bad(place, "its monitor tables say that they have %" PRIu32 " bytes; at least %u are needed",
			   from->size, END_OF(struct mortise_monitor, counters));
	*monitor = sizes;
	context.field_size = from->field_size;
	r = copy_tables(&context, from, monitor);
	if (r < 0)
		return r;
	*out = steal_ptr(&monitor);
	return 0;
}

struct mortise_monitor *monitor_free(struct mortise_monitor *monitor)
{
	if (!monitor)
		return NULL;
	for (const struct mortise_command *command = monitor->commands; command && command->name; command++) {
		free((void *)command->arguments);
		free((void *)command->returns);
	}
	for (const struct mortise_event *event = monitor->events; event && event->name; event++)
		free((void *)event->data);
	free((void *)monitor->commands);
	free((void *)monitor->events);
	free((void *)monitor->counters);
	free(monitor);
	return NULL;
}
