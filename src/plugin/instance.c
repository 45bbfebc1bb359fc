/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/instance.c - instances of classes, with what their properties own: strings and claimed backends.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/properties.h"
#include "base/util.h"
#include "plugin/registry.h"

/* What one property keeps alive for as long as the instance is there. */
struct holding {
	char *string;
	struct mortise_block *block;
	struct mortise_net *net;
	struct mortise_chardev *chardev;
};

/*
 * Where backends' news goes: one for an instance and those that take over from it, so that a backend's claim stays what
 * it is while the instance behind it changes.
 */
struct seat {
	struct mortise_device *_Atomic device;
	unsigned users;
};

/* The record behind device_owner(). */
struct instance {
	struct plugin *plugin;
	struct seat *seat;
	struct options *given; /* properties that were set, as they were written */
	bool borrows;	       /* the claims held are those of the instance that this one is to take over from */
	size_t count;
	struct holding holdings[]; /* one for each property of the class */
};

/* What is needed while an instance is being made. */
struct making {
	struct mortise_device *device;
	struct instance *instance;
	const struct instance *from; /* what it is to take over from; NULL: nothing */
	struct options *options;
	const struct backends *backends;
	struct mortise_error *err;
};

static struct mortise_device *sitting(void *opaque)
{
	struct seat *seat = opaque;

	return atomic_load_explicit(&seat->device, memory_order_acquire);
}

static void block_changed(void *seat, struct mortise_block *block)
{
	device_block_changed(sitting(seat), block);
}

static void net_ready(void *seat, struct mortise_net *net, uint32_t queue, uint32_t events)
{
	device_net_ready(sitting(seat), net, queue, events);
}

static bool char_ready(void *seat, struct mortise_chardev *chardev, uint32_t events)
{
	return device_char_ready(sitting(seat), chardev, events);
}

/* Whether the instance that this one is to take over from holds the backend, one of the three. */
static bool is_inherited(const struct making *making, const void *backend)
{
	for (size_t i = 0; making->from && i < making->from->count; i++) {
		const struct holding *holding = &making->from->holdings[i];

		if (backend == holding->block || backend == holding->net || backend == holding->chardev)
			return true;
	}
	return false;
}

static int hold_string(const struct making *making, struct holding *holding, const char *text)
{
	holding->string = strdup(text);
	if (!holding->string)
		return mortise_fail(making->err, -ENOMEM, "Out of memory for device '%s'", device_id(making->device));
	return 0;
}

static int hold_block(const struct making *making, struct holding *holding, const char *name, bool mapped)
{
	struct mortise_block *block = block_find(making->backends->blocks, name);
	int r;

	if (!block)
		return mortise_fail(making->err, -ENOENT, "Failed to find node with node-name='%s'", name);
	if (is_inherited(making, block)) {
		holding->block = block;
		return 0;
	}
	r = block_claim(block, device_id(making->device), device_loop(making->device), making->err);
	if (r < 0)
		return r;
	if (mapped)
		r = block_pin(block, making->err);
	if (r < 0) {
		block_release(block);
		return r;
	}
	block_on_change(block, block_changed, making->instance->seat);
	holding->block = block;
	return 0;
}

static int hold_net(const struct making *making, struct holding *holding, const char *name)
{
	struct mortise_net *net = net_find(making->backends->nets, name);
	int r;

	if (!net)
		return mortise_fail(making->err, -ENOENT, "Failed to find netdev with id='%s'", name);
	if (is_inherited(making, net)) {
		holding->net = net;
		return 0;
	}
	r = net_claim(net, device_id(making->device), device_loop(making->device), making->err);
	if (r < 0)
		return r;
	net_on_ready(net, net_ready, making->instance->seat);
	holding->net = net;
	return 0;
}

static int hold_chardev(const struct making *making, struct holding *holding, const char *name, bool client)
{
	struct chars *chars = making->backends->chars;
	struct mortise_chardev *chardev = chars ? char_find(chars, name) : NULL;
	int r;

	if (!chardev)
		return mortise_fail(making->err, -ENOENT, "Failed to find chardev with id='%s'", name);
	if (is_inherited(making, chardev)) {
		holding->chardev = chardev;
		return 0;
	}
	r = client ? 0 : char_check_own(chardev, making->err);
	if (r == 0)
		r = char_claim(chardev, device_id(making->device), device_loop(making->device), char_ready,
			       making->instance->seat, making->err);
	if (r == 0)
		holding->chardev = chardev;
	return r;
}

/* The seed's rule: a backend that has the device's name is meant where none is named. */
static bool find_namesake(const struct making *making, const struct mortise_property *property, const char *id)
{
	const void *namesake = property->type == MORTISE_PROPERTY_BLOCK
				       ? (void *)block_find(making->backends->blocks, id)
			       : property->type == MORTISE_PROPERTY_NET ? (void *)net_find(making->backends->nets, id)
									: NULL;

	return namesake && (!making->from || is_inherited(making, namesake));
}

static int missing(const struct making *making, const struct mortise_property *property)
{
	const char *id = device_id(making->device);

	switch (property->type) {
	case MORTISE_PROPERTY_BLOCK:
		return mortise_fail(making->err, -EINVAL,
				    "Parameter '%s' is missing, and there is no block node with node-name='%s'",
				    property->name, id);
	case MORTISE_PROPERTY_NET:
		return mortise_fail(making->err, -EINVAL,
				    "Parameter '%s' is missing, and there is no netdev with id='%s'", property->name,
				    id);
	default:
		return mortise_fail(making->err, -EINVAL, "Parameter '%s' is missing", property->name);
	}
}

static int set_property(const struct making *making, const struct mortise_property *property, struct holding *holding)
{
	const struct option *given = options_find(making->options, property->name);
	union property_value value = {0};
	void *self = device_self(making->device);
	int r = 0;

	if (given)
		r = options_add(making->instance->given, given->key, given->value, given->kind, making->err);
	if (r == 0)
		r = property_read(property, making->options, &value, making->err);
	if (r == -ENOENT && find_namesake(making, property, device_id(making->device))) {
		value.string = device_id(making->device);
		r = 0;
	}
	if (r == -ENOENT)
		return property->flags & MORTISE_PROPERTY_REQUIRED ? missing(making, property) : 0;
	if (r < 0)
		return r;
	switch (property->type) {
	case MORTISE_PROPERTY_STRING:
		r = hold_string(making, holding, value.string);
		property_store_pointer(property, holding->string, self);
		return r;
	case MORTISE_PROPERTY_BLOCK:
		r = hold_block(making, holding, value.string, property->flags & MORTISE_PROPERTY_MAPPED);
		property_store_pointer(property, holding->block, self);
		return r;
	case MORTISE_PROPERTY_NET:
		r = hold_net(making, holding, value.string);
		property_store_pointer(property, holding->net, self);
		return r;
	case MORTISE_PROPERTY_CHARDEV:
		r = hold_chardev(making, holding, value.string, property->flags & MORTISE_PROPERTY_CLIENT);
		property_store_pointer(property, holding->chardev, self);
		return r;
	default:
		property_store(property, &value, self);
		return 0;
	}
}

static struct instance *instance_free(struct instance *instance)
{
	if (!instance)
		return NULL;
	for (size_t i = 0; i < instance->count; i++)
		free(instance->holdings[i].string);
	if (instance->seat && !--instance->seat->users)
		free(instance->seat);
	options_free(instance->given);
	free(instance);
	return NULL;
}
DEFINE_CLEANUP(struct instance *, instance_free)

static int instance_new(struct instance **out, const struct mortise_class *class, const struct making *making,
			const char *id)
{
	_cleanup_(instance_free_p) struct instance *instance = NULL;
	size_t count = 0;

	while (class->properties[count].name)
		count++;
	instance = calloc(1, sizeof(*instance) + count * sizeof(*instance->holdings));
	if (instance) {
		instance->given = options_new();
		instance->seat = making->from ? making->from->seat : calloc(1, sizeof(*instance->seat));
	}
	if (!instance || !instance->given || !instance->seat)
		return mortise_fail(making->err, -ENOMEM, "Out of memory for device '%s'", id);
	instance->seat->users++;
	instance->borrows = making->from != NULL;
	instance->count = count;
	*out = steal_ptr(&instance);
	return 0;
}

static int make(struct mortise_device **out, struct making *making, struct plugins *plugins,
		struct device_config *config)
{
	_cleanup_(instance_free_p) struct instance *instance = NULL;
	const struct mortise_class *class = config->class;
	int r = instance_new(&instance, class, making, config->id);

	if (r < 0)
		return r;
	instance->plugin = plugin_of_class(plugins, class);
	config->owner = instance;
	config->host = plugins_host(plugins);
	r = device_new(&making->device, config, making->err);
	if (r < 0)
		return r;
	if (!making->from)
		atomic_store(&instance->seat->device, making->device);
	making->instance = steal_ptr(&instance);
	making->instance->plugin->instances++;
	for (size_t i = 0; i < making->instance->count && r >= 0; i++)
		r = set_property(making, &class->properties[i], &making->instance->holdings[i]);
	if (r < 0) {
		plugin_instance_free(making->device);
		return r;
	}
	*out = making->device;
	return 0;
}

int plugin_instance_new(struct mortise_device **out, struct plugins *plugins, const struct mortise_class *class,
			const char *id, struct options *options, const struct backends *backends, struct loop *control,
			struct mortise_error *err)
{
	struct making making = {.options = options, .backends = backends, .err = err};
	struct device_config config = {.class = class,
				       .id = id,
				       .control = control,
				       .loop = backends->loop,
				       .parent = backends->parent,
				       .ram = backends->ram};

	return make(out, &making, plugins, &config);
}

struct mortise_device *plugin_instance_free(struct mortise_device *device)
{
	struct instance *instance;

	if (!device)
		return NULL;
	instance = device_owner(device);
	for (size_t i = 0; i < instance->count && !instance->borrows; i++) {
		if (instance->holdings[i].block)
			block_release(instance->holdings[i].block);
		if (instance->holdings[i].net)
			net_release(instance->holdings[i].net);
		if (instance->holdings[i].chardev)
			char_release(instance->holdings[i].chardev);
	}
	device_free(device);
	instance->plugin->instances--;
	instance_free(instance);
	return NULL;
}

/* --- taking over --- */

static int copy_options(struct options **out, const struct options *from, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	int r = options ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for a device's properties");

	for (size_t i = 0; i < from->count && r == 0; i++)
		r = options_add(options, from->items[i].key, from->items[i].value, from->items[i].kind, err);
	if (r == 0)
		*out = steal_ptr(&options);
	return r;
}

int plugin_instance_successor(struct mortise_device **out, struct plugins *plugins, const struct mortise_class *class,
			      struct mortise_device *from, const struct backends *backends, struct loop *control,
			      struct mortise_error *err)
{
	const struct instance *old = device_owner(from);
	_cleanup_(options_free_p) struct options *options = NULL;
	struct making making = {.from = old, .backends = backends, .err = err};
	struct device_config config = {.class = class,
				       .id = device_id(from),
				       .control = control,
				       .loop = device_loop(from),
				       .parent = backends->parent,
				       .ram = backends->ram};
	struct mortise_device *device;
	int r = copy_options(&options, old->given, err);

	if (r < 0)
		return r;
	making.options = options;
	r = make(&device, &making, plugins, &config);
	if (r < 0)
		return r;
	r = options_done(options, err);
	if (r < 0)
		plugin_instance_free(device);
	else
		*out = device;
	return r;
}

void plugin_instance_seat(struct mortise_device *device)
{
	struct instance *instance = device_owner(device);

	atomic_store_explicit(&instance->seat->device, device, memory_order_release);
}

void plugin_instance_take_over(struct mortise_device *device, struct mortise_device *from)
{
	struct instance *instance = device_owner(device), *old = device_owner(from);

	for (size_t i = 0; i < instance->count; i++) {
		const struct holding *now = &instance->holdings[i];

		for (size_t k = 0; k < old->count; k++) {
			struct holding *was = &old->holdings[k];

			was->block = was->block == now->block ? NULL : was->block;
			was->net = was->net == now->net ? NULL : was->net;
			was->chardev = was->chardev == now->chardev ? NULL : was->chardev;
		}
	}
	instance->borrows = false;
	device_take_loop(device, from);
}

struct plugin *plugin_of_device(const struct mortise_device *device)
{
	const struct instance *instance = device_owner(device);

	return instance->plugin;
}

struct mortise_block *plugin_instance_block(const struct mortise_device *device)
{
	const struct instance *instance = device_owner(device);

	for (size_t i = 0; i < instance->count; i++)
		if (instance->holdings[i].block)
			return instance->holdings[i].block;
	return NULL;
}

struct mortise_net *plugin_instance_net(const struct mortise_device *device)
{
	const struct instance *instance = device_owner(device);

	for (size_t i = 0; i < instance->count; i++)
		if (instance->holdings[i].net)
			return instance->holdings[i].net;
	return NULL;
}
