/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/instance.c - instances of classes, with what their properties own: strings and claimed backends.
 */
#include <errno.h>
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

/* The record behind device_owner(). */
struct instance {
	struct plugin *plugin;
	size_t count;
	struct holding holdings[]; /* one for each property of the class */
};

/* What is needed while an instance is being made. */
struct making {
	struct mortise_device *device;
	struct options *options;
	const struct backends *backends;
	struct mortise_error *err;
};

static void block_changed(void *device, struct mortise_block *block)
{
	device_block_changed(device, block);
}

static void net_ready(void *device, struct mortise_net *net, uint32_t queue, uint32_t events)
{
	device_net_ready(device, net, queue, events);
}

static bool char_ready(void *device, struct mortise_chardev *chardev, uint32_t events)
{
	return device_char_ready(device, chardev, events);
}

static int hold_string(const struct making *making, struct holding *holding, const char *text)
{
	holding->string = strdup(text);
	if (!holding->string)
		return mortise_fail(making->err, -ENOMEM, "Out of memory for device '%s'", device_id(making->device));
	return 0;
}

static int hold_block(const struct making *making, struct holding *holding, const char *name)
{
	struct mortise_block *block = block_find(making->backends->blocks, name);
	int r;

	if (!block)
		return mortise_fail(making->err, -ENOENT, "Failed to find node with node-name='%s'", name);
	r = block_claim(block, device_id(making->device), device_loop(making->device), making->err);
	if (r < 0)
		return r;
	block_on_change(block, block_changed, making->device);
	holding->block = block;
	return 0;
}

static int hold_net(const struct making *making, struct holding *holding, const char *name)
{
	struct mortise_net *net = net_find(making->backends->nets, name);
	int r;

	if (!net)
		return mortise_fail(making->err, -ENOENT, "Failed to find netdev with id='%s'", name);
	r = net_claim(net, device_id(making->device), device_loop(making->device), making->err);
	if (r < 0)
		return r;
	net_on_ready(net, net_ready, making->device);
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
	r = client ? 0 : char_check_own(chardev, making->err);
	if (r == 0)
		r = char_claim(chardev, device_id(making->device), device_loop(making->device), char_ready,
			       making->device, making->err);
	if (r == 0)
		holding->chardev = chardev;
	return r;
}

/* The seed's rule: a backend that has the device's name is meant where none is named. */
static bool find_namesake(const struct making *making, const struct mortise_property *property, const char *id)
{
	return (property->type == MORTISE_PROPERTY_BLOCK && block_find(making->backends->blocks, id)) ||
	       (property->type == MORTISE_PROPERTY_NET && net_find(making->backends->nets, id));
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
	union property_value value = {0};
	void *self = device_self(making->device);
	int r = property_read(property, making->options, &value, making->err);

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
		r = hold_block(making, holding, value.string);
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

int plugin_instance_new(struct mortise_device **out, struct plugins *plugins, const struct mortise_class *class,
			const char *id, struct options *options, const struct backends *backends, struct loop *control,
			struct mortise_error *err)
{
	_cleanup_free_ struct instance *instance = NULL;
	struct making making = {.options = options, .backends = backends, .err = err};
	struct device_config config = {.class = class,
				       .host = plugins_host(plugins),
				       .id = id,
				       .control = control,
				       .loop = backends->loop,
				       .parent = backends->parent,
				       .ram = backends->ram};
	size_t count = 0;
	int r;

	while (class->properties[count].name)
		count++;
	instance = calloc(1, sizeof(*instance) + count * sizeof(*instance->holdings));
	if (!instance)
		return mortise_fail(err, -ENOMEM, "Out of memory for device '%s'", id);
	instance->plugin = plugin_of_class(plugins, class);
	instance->count = count;
	config.owner = instance;
	r = device_new(&making.device, &config, err);
	if (r < 0)
		return r;
	steal_ptr(&instance)->plugin->instances++;
	for (size_t i = 0; i < count && r >= 0; i++) {
		struct instance *owner = device_owner(making.device);

		r = set_property(&making, &class->properties[i], &owner->holdings[i]);
	}
	if (r < 0) {
		plugin_instance_free(making.device);
		return r;
	}
	*out = making.device;
	return 0;
}

struct mortise_device *plugin_instance_free(struct mortise_device *device)
{
	struct instance *instance;

	if (!device)
		return NULL;
	instance = device_owner(device);
	for (size_t i = 0; i < instance->count; i++) {
		if (instance->holdings[i].block)
			block_release(instance->holdings[i].block);
		if (instance->holdings[i].net)
			net_release(instance->holdings[i].net);
		if (instance->holdings[i].chardev)
			char_release(instance->holdings[i].chardev);
	}
	device_free(device);
	for (size_t i = 0; i < instance->count; i++)
		free(instance->holdings[i].string);
	instance->plugin->instances--;
	free(instance);
	return NULL;
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
