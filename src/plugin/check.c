/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/check.c - is a plugin's description sane, and what does it say in the terms of this host?
 */
#include "plugin/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/properties.h"
#include "base/util.h"
#include "plugin/find.h"
#include "plugin/monitor.h"
#include "plugin/place.h"

/* Structures end there in ABI 1.0: no plugin has smaller ones. Larger ones, up to a limit, are a newer plugin's. */
#define END_OF(type, member) ((uint32_t)(offsetof(type, member) + sizeof(((type *)0)->member)))
#define PLUGIN_SIZE_1_0 END_OF(struct mortise_plugin, init)
#define CLASS_SIZE_1_0 END_OF(struct mortise_class, char_ready)
#define PROPERTY_SIZE_1_0 END_OF(struct mortise_property, help)
#define STRUCT_SIZE_MAX 4096u

#define PROPERTY_FLAGS \
	(MORTISE_PROPERTY_REQUIRED | MORTISE_PROPERTY_SECRET | MORTISE_PROPERTY_CLIENT | MORTISE_PROPERTY_MAPPED)

#define CLASSES_MAX 64
#define PROPERTIES_MAX 256
#define INSTANCE_SIZE_MAX (16u << 20)
#define PER_CHAIN_MAX 4096u
#define CONFIG_SIZE_MAX 4096u
#define QUEUES_MAX 64u
#define QUEUE_SIZE_MAX 1024u
#define CHILDREN_MAX 1024u

/* Bits 24 to 49 belong to the transport and the ring (virtio 1.2, 2.2). */
#define HOST_FEATURES (((UINT64_C(1) << 50) - 1) & ~((UINT64_C(1) << 24) - 1))

static bool size_ok(uint32_t size, uint32_t least)
{
	return size >= least && size <= STRUCT_SIZE_MAX && IS_ALIGNED(size, sizeof(void *));
}

static int check_abi(const struct place *place, const struct mortise_plugin *from)
{
	if (from->magic != MORTISE_PLUGIN_MAGIC)
		return bad(place, "its magic is 0x%08" PRIx32 ", not 0x%08" PRIx32 ": it is not a Mortise plugin",
			   from->magic, MORTISE_PLUGIN_MAGIC);
	if (from->abi_major != MORTISE_ABI_MAJOR)
		return bad(place, "it is built for plugin ABI %u, this is ABI %d: rebuild it against these headers",
			   from->abi_major, MORTISE_ABI_MAJOR);
	if (from->abi_minor > MORTISE_ABI_MINOR)
		return bad(place, "it needs plugin ABI %u.%u, this is %d.%d: a newer mortise is needed",
			   from->abi_major, from->abi_minor, MORTISE_ABI_MAJOR, MORTISE_ABI_MINOR);
	if (!size_ok(from->size, PLUGIN_SIZE_1_0))
		return bad(place, "its description says that it has %" PRIu32 " bytes; at least %u are needed",
			   from->size, PLUGIN_SIZE_1_0);
	return 0;
}

int description_check(struct mortise_plugin *out, const struct mortise_plugin *from, const char *name, const char *path,
		      struct mortise_error *err)
{
	const struct place place = {.path = path, .err = err};
	struct mortise_plugin copy = {0};
	unsigned classes = 0;
	int r;

	if (!from)
		return bad(&place, "it exports no symbol '" MORTISE_PLUGIN_SYMBOL "': it is not a Mortise plugin");
	r = check_abi(&place, from);
	if (r < 0)
		return r;
	memcpy(&copy, from, MIN(from->size, sizeof(copy)));
	copy.size = sizeof(copy);
	if (copy.flags)
		return bad(&place, "its flags are 0x%" PRIx32 ", must be 0", copy.flags);
	if (!copy.name || !plugin_name_ok(copy.name) || !copy.version || !copy.license || !copy.summary)
		return bad(&place, "its description lacks a name, version, license or summary");
	if (name && !streq(copy.name, name))
		return bad(&place, "it calls itself '%s': the file must be named %s.so", copy.name, copy.name);
	while (copy.classes && copy.classes[classes] && classes <= CLASSES_MAX)
		classes++;
	if (classes > CLASSES_MAX ||
	    (!classes && !(copy.block_drivers && copy.block_drivers[0]) && !(copy.net_drivers && copy.net_drivers[0])))
		return bad(&place, "it must have a driver, and at most %d classes", CLASSES_MAX);
	*out = copy;
	return 0;
}

static bool property_name_ok(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return length && length < 64 && !name[length] && name[0] >= 'a' && name[0] <= 'z';
}

/* Keys that never reach a class, or a driver. */
static const char *const keys_of_devices[] = {"driver", "id", "bus", "addr", "lun", "romfile", NULL};
static const char *const keys_of_blocks[] = {
	"driver",	"node-name",	  "file",    "read-only",     "auto-read-only",
	"cache.direct", "cache.no-flush", "discard", "detect-zeroes", NULL};
static const char *const keys_of_nets[] = {"type", "id", NULL};

static bool reserved(const char *const *keys, const char *name)
{
	for (; *keys; keys++)
		if (streq(name, *keys))
			return true;
	return false;
}

static int check_storage(const struct place *place, const struct mortise_property *property, uint32_t instance_size)
{
	uint32_t size = property_storage(property->type);

	if (!size)
		return bad(place, "type %" PRIu32 " is unknown here", property->type);
	if (property->offset > instance_size || size > instance_size - property->offset)
		return bad(place, "offset %" PRIu32 " is outside of the instance of %" PRIu32 " bytes",
			   property->offset, instance_size);
	if (property->offset % property_alignment(property->type))
		return bad(place, "offset %" PRIu32 " is not aligned for its type", property->offset);
	return 0;
}

static int check_fallback(const struct place *place, const struct mortise_property *property)
{
	struct mortise_error why = {0};
	union property_value value;

	if (!property->fallback)
		return 0;
	if (property->flags & MORTISE_PROPERTY_REQUIRED)
		return bad(place, "it is required and has a default");
	if (property_is_backend(property->type))
		return bad(place, "a backend cannot have a default");
	if (property_fallback(property, &value, &why) < 0)
		return bad(place, "its default is wrong: %s", why.message);
	return 0;
}

static int check_property(const struct place *place, const struct mortise_property *property, uint32_t instance_size,
			  const char *const *keys)
{
	int r;

	if (!property_name_ok(property->name) || reserved(keys, property->name))
		return bad(place, "this is no name for a property");
	if (property->flags & ~(uint32_t)PROPERTY_FLAGS || property->reserved)
		return bad(place, "flags or fields are set that this host does not know");
	r = check_storage(place, property, instance_size);
	if (r < 0)
		return r;
	if (property->max && property->min > property->max)
		return bad(place, "its least value %" PRIu64 " exceeds its largest %" PRIu64, property->min,
			   property->max);
	if (property->type == MORTISE_PROPERTY_ENUM && (!property->values || !property->values[0]))
		return bad(place, "an enum needs values");
	if (!property->help)
		return bad(place, "it has no help");
	if (keys != keys_of_devices && property_is_backend(property->type))
		return bad(place, "a backend cannot name another one");
	return check_fallback(place, property);
}

/* Against those before it in the table. */
static int check_overlap(const struct place *place, const struct mortise_property *table, uint32_t count)
{
	const struct mortise_property *property = &table[count];
	uint64_t end = (uint64_t)property->offset + property_storage(property->type);

	for (uint32_t i = 0; i < count; i++) {
		if (streq(table[i].name, property->name))
			return bad(place, "it is in the table twice");
		if (property->offset < (uint64_t)table[i].offset + property_storage(table[i].type) &&
		    table[i].offset < end)
			return bad(place, "its storage overlaps that of '%s'", table[i].name);
	}
	return 0;
}

/* Copies the table to this host's layout, checking each row. */
static int copy_properties(struct place *place, const struct mortise_property *from, uint32_t stride,
			   uint32_t instance_size, const char *const *keys, const struct mortise_property **out)
{
	_cleanup_free_ struct mortise_property *table = calloc(PROPERTIES_MAX + 1, sizeof(*table));
	const char *row = (const char *)from;
	uint32_t count = 0;
	int r;

	if (!table)
		return mortise_fail(place->err, -ENOMEM, "Out of memory for plugin '%s'", place->path);
	for (; row && ((const struct mortise_property *)row)->name; row += stride, count++) {
		if (count == PROPERTIES_MAX)
			return bad(place, "it has more than %d properties", PROPERTIES_MAX);
		memcpy(&table[count], row, MIN(stride, sizeof(*table)));
		place->kind = "property";
		place->name = table[count].name;
		r = check_property(place, &table[count], instance_size, keys);
		if (r < 0)
			return r;
		r = check_overlap(place, table, count);
		if (r < 0)
			return r;
	}
	place->name = NULL;
	*out = steal_ptr(&table);
	return 0;
}

static int check_name(const struct place *place, const char *driver)
{
	char name[PLUGIN_NAME_SIZE];

	if (plugin_driver_name(name, driver, NULL) < 0 || !streq(name, driver))
		return bad(place, "a driver's name has small letters, digits and dashes, and no transport at its end");
	return 0;
}

/* A child has no transport, and so nothing that belongs to one. */
static int check_limits(const struct place *place, const struct mortise_class *class)
{
	const uint64_t one = class->parent ? 0 : 1;
	const struct {
		const char *field;
		uint64_t value, min, max;
	} limits[] = {
		{"virtio_id", class->virtio_id, one, one * UINT32_MAX},
		{"queue_count", class->queue_count, one, one * QUEUES_MAX},
		{"config_size", class->config_size, 0, one * CONFIG_SIZE_MAX},
		{"instance_size", class->instance_size, 1, INSTANCE_SIZE_MAX},
		{"request_size", class->request_size, 0, one * PER_CHAIN_MAX},
		{"queue_size", class->queue_size, 0, one * QUEUE_SIZE_MAX},
		{"features", class->features, 0, one * UINT64_MAX},
		{"children_max", class->children_max, 0, one * CHILDREN_MAX},
		{"reserved", class->reserved, 0, 0},
		{"queue_features", class->queue_features, 0, 0},
		{"flags", class->flags, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].value < limits[i].min || limits[i].value > limits[i].max)
			return bad(place, "%s is %" PRIu64 ", must be from %" PRIu64 " to %" PRIu64, limits[i].field,
				   limits[i].value, limits[i].min, limits[i].max);
	if (class->queue_size & (class->queue_size - 1))
		return bad(place, "queue_size is %" PRIu32 ", must be a power of two", class->queue_size);
	if (class->features & HOST_FEATURES)
		return bad(place, "features 0x%" PRIx64 " are the transport's, bits 24 to 49, not a device type's",
			   class->features & HOST_FEATURES);
	return 0;
}

int class_check(struct mortise_class **out, const struct mortise_class *from, const char *plugin, const char *path,
		struct mortise_error *err)
{
	struct place place = {.path = path, .driver = "?", .err = err};
	_cleanup_(class_free_p) struct mortise_class *class = calloc(1, sizeof(*class));
	struct mortise_monitor *monitor = NULL;
	int r;

	if (!class)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", path);
	if (!size_ok(from->size, CLASS_SIZE_1_0) || !size_ok(from->property_size, PROPERTY_SIZE_1_0))
		return bad(&place,
			   "a class says that it has %" PRIu32 " bytes, a property %" PRIu32
			   "; at least %u and %u are needed",
			   from->size, from->property_size, CLASS_SIZE_1_0, PROPERTY_SIZE_1_0);
	memcpy(class, from, MIN(from->size, sizeof(*class)));
	class->size = sizeof(*class);
	class->properties = NULL;
	class->monitor = NULL;
	if (!class->driver || !class->summary)
		return bad(&place, "a class lacks a driver's name or a summary");
	place.driver = class->driver;
	r = check_name(&place, class->driver);
	if (r < 0)
		return r;
	r = check_limits(&place, class);
	if (r < 0)
		return r;
	if (!class->realize || (!class->notify && !class->parent))
		return bad(&place, "realize() or notify() is missing");
	if (class->children_max && (!class->child_added || !class->child_removed))
		return bad(&place, "it takes children, but child_added() or child_removed() is missing");
	r = copy_properties(&place, from->properties, from->property_size, class->instance_size, keys_of_devices,
			    &class->properties);
	if (r < 0)
		return r;
	class->property_size = sizeof(struct mortise_property);
	if (from->size >= END_OF(struct mortise_class, monitor) && from->monitor) {
		r = monitor_check(&monitor, from->monitor, plugin, class->instance_size, &place);
		if (r < 0)
			return r;
		class->monitor = monitor;
	}
	*out = steal_ptr(&class);
	return 0;
}

int class_check_parent(const struct mortise_class *class, const struct mortise_class *const *classes, const char *path,
		       struct mortise_error *err)
{
	const struct place place = {.path = path, .driver = class->driver, .err = err};

	if (!class->parent)
		return 0;
	for (; *classes; classes++)
		if (streq((*classes)->driver, class->parent) && (*classes)->children_max)
			return 0;
	return bad(&place, "its parent '%.63s' is no class of this plugin that takes children", class->parent);
}

struct mortise_class *class_free(struct mortise_class *class)
{
	if (!class)
		return NULL;
	free((void *)class->properties);
	monitor_free((struct mortise_monitor *)class->monitor);
	free(class);
	return NULL;
}

/* --- drivers of backends --- */

/* What both kinds begin with. */
static int check_driver(struct place *place, uint32_t size, uint32_t least, uint32_t property_size, const char *driver,
			const char *summary)
{
	if (!size_ok(size, least) || !size_ok(property_size, PROPERTY_SIZE_1_0))
		return bad(place, "a driver says that it has %" PRIu32 " bytes, a property %" PRIu32, size,
			   property_size);
	if (!driver || !summary)
		return bad(place, "a driver lacks a name or a summary");
	place->driver = driver;
	if (!plugin_name_ok(driver))
		return bad(place, "a driver's name has small letters, digits and dashes");
	return 0;
}

int block_driver_check(struct mortise_block_driver **out, const struct mortise_block_driver *from, const char *path,
		       struct mortise_error *err)
{
	struct place place = {.path = path, .driver = "?", .err = err};
	_cleanup_free_ struct mortise_block_driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", path);
	r = check_driver(&place, from->size, END_OF(struct mortise_block_driver, work_done), from->property_size,
			 from->driver, from->summary);
	if (r < 0)
		return r;
	memcpy(driver, from, MIN(from->size, sizeof(*driver)));
	driver->size = sizeof(*driver);
	driver->properties = NULL;
	if (driver->flags)
		return bad(&place, "its flags are 0x%" PRIx32 ", must be 0", driver->flags);
	if (!driver->node_size || driver->node_size > INSTANCE_SIZE_MAX)
		return bad(&place, "node_size is %" PRIu32 ", must be from 1 to %u", driver->node_size,
			   INSTANCE_SIZE_MAX);
	if (!driver->open || !driver->submit)
		return bad(&place, "open() or submit() is missing");
	r = copy_properties(&place, from->properties, from->property_size, driver->node_size, keys_of_blocks,
			    &driver->properties);
	if (r < 0)
		return r;
	driver->property_size = sizeof(struct mortise_property);
	*out = steal_ptr(&driver);
	return 0;
}

int net_driver_check(struct mortise_net_driver **out, const struct mortise_net_driver *from, const char *path,
		     struct mortise_error *err)
{
	struct place place = {.path = path, .driver = "?", .err = err};
	_cleanup_free_ struct mortise_net_driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", path);
	r = check_driver(&place, from->size, END_OF(struct mortise_net_driver, fd_ready), from->property_size,
			 from->driver, from->summary);
	if (r < 0)
		return r;
	memcpy(driver, from, MIN(from->size, sizeof(*driver)));
	driver->size = sizeof(*driver);
	driver->properties = NULL;
	if (driver->flags)
		return bad(&place, "its flags are 0x%" PRIx32 ", must be 0", driver->flags);
	if (!driver->net_size || driver->net_size > INSTANCE_SIZE_MAX)
		return bad(&place, "net_size is %" PRIu32 ", must be from 1 to %u", driver->net_size,
			   INSTANCE_SIZE_MAX);
	if (!driver->open || !driver->send || !driver->receive || !driver->poll)
		return bad(&place, "open(), send(), receive() or poll() is missing");
	r = copy_properties(&place, from->properties, from->property_size, driver->net_size, keys_of_nets,
			    &driver->properties);
	if (r < 0)
		return r;
	driver->property_size = sizeof(struct mortise_property);
	*out = steal_ptr(&driver);
	return 0;
}
