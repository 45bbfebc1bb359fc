/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/hotplug.c - plug, unplug and exchange.
 */
#include "vm/hotplug.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bus/command.h"
#include "vm/plugged.h"
#include "vm/upgrade.h"

static void answer(struct vm *vm, struct reply *reply, int result, const struct mortise_error *error)
{
	if (!reply)
		return;
	if (error)
		reply->error = *error;
	reply_post(reply, vm->loop, result);
}

void plugged_changed(struct vm *vm)
{
	const struct vm_event event = {.kind = VM_EVENT_DEVICES_CHANGED};

	vm_report(vm, &event);
}

/* Gives up the id and the place. */
static void unlist(struct plugged *plugged)
{
	for (struct plugged **at = &plugged->vm->hotplug->first; *at; at = &(*at)->next) {
		if (*at == plugged) {
			*at = plugged->next;
			return;
		}
	}
}

static struct plugged *plugged_free(struct plugged *plugged)
{
	plugin_instance_free(plugged->device);
	object_release(plugged->iothread);
	object_release(plugged->rng);
	free(plugged->id);
	free(plugged);
	return NULL;
}

/* What is called when a device has come to rest: who waits for that goes on. `parent` is what it was plugged into. */
static void rested(struct vm *vm, struct plugged *parent);

/* The end of a device that nobody knows of any more. */
static void forget(struct plugged *plugged)
{
	struct vm *vm = plugged->vm;
	struct plugged *parent = plugged->parent;

	unlist(plugged);
	plugged_free(plugged);
	rested(vm, parent);
}

#define PLACE_SIZE 128

/* "blk slot 3" or "device 'serial0'", for the log. */
static const char *name_place(const struct plugged *plugged, char text[PLACE_SIZE])
{
	if (plugged->parent)
		snprintf(text, PLACE_SIZE, "device '%s'", plugged->parent->id);
	else
		snprintf(text, PLACE_SIZE, "%s slot %u", plugged->bay->name, plugged->addr);
	return text;
}

/* --- device_add: what can be checked before anything changes --- */

static int check_id(struct vm *vm, const char *id, struct mortise_error *err)
{
	int r = id_check(id, err);

	if (r < 0)
		return r;
	return plugged_find(vm, id) ? mortise_fail(err, -EEXIST, "Duplicate device ID '%s'", id) : 0;
}

/* Clients made for PCI machines pass an empty romfile along; nothing else has a meaning here. */
static int check_romfile(struct options *options, struct mortise_error *err)
{
	const char *romfile;
	int r = options_string(options, "romfile", &romfile, err);

	if (r == 0 && *romfile)
		return mortise_fail(err, -EINVAL,
				    "Parameter 'romfile' must be empty: no device here has an option ROM");
	return r == -ENOENT ? 0 : r;
}

static int make_id(struct plugged *plugged, const char *id, struct mortise_error *err)
{
	static unsigned unnamed; /* control thread */
	int n = id ? asprintf(&plugged->id, "%s", id) : asprintf(&plugged->id, "_unnamed%u", unnamed++);

	if (n >= 0)
		return 0;
	plugged->id = NULL;
	return mortise_fail(err, -ENOMEM, "Out of memory for device '%s'", id ? id : "");
}

/* Takes the object that the device names in `key`, if it does. */
static int use_object(struct plugged *plugged, struct options *options, const char *key, const char *type,
		      struct object **out, struct mortise_error *err)
{
	const char *id;
	int r = options_string(options, key, &id, err);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : object_use(plugged->vm, key, type, id, out, err);
}

/* An iothread is the host's affair; what other objects hold becomes the device's own options. */
static int use_objects(struct plugged *plugged, struct options *options, struct backends *backends,
		       struct mortise_error *err)
{
	int r = use_object(plugged, options, "iothread", "iothread", &plugged->iothread, err);

	if (r == 0)
		r = use_object(plugged, options, "rng", "rng-random", &plugged->rng, err);
	if (r == 0 && plugged->rng)
		r = options_add(options, "filename", object_filename(plugged->rng), OPTION_TEXT, err);
	if (r == 0 && plugged->iothread)
		backends->loop = object_loop(plugged->iothread);
	return r;
}

static int prepare(struct plugged *plugged, struct options *options, struct mortise_error *err)
{
	struct vm *vm = plugged->vm;
	struct backends backends = {.blocks = vm->blocks, .nets = vm->nets, .chars = vm->chars, .ram = vm->ram};
	const char *driver, *id = NULL;
	int r;

	r = options_string(options, "driver", &driver, err);
	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "Parameter 'driver' is missing");
	if (r < 0)
		return r;
	r = options_string(options, "id", &id, err);
	if (r == 0)
		r = check_id(vm, id, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = make_id(plugged, id, err);
	if (r == 0)
		r = check_romfile(options, err);
	if (r == 0)
		r = plugins_class(vm->plugins, driver, &plugged->class, err);
	if (r == 0 && upgrade_concerns(vm, plugged->class))
		r = mortise_fail(err, -EBUSY, "The plugin of driver '%s' is being upgraded; wait for that to end",
				 plugged->class->driver);
	if (r == 0)
		r = place_choose(plugged, options, err);
	if (r == 0 && plugged->parent)
		backends.parent = plugged->parent->device;
	if (r == 0 && !plugged->parent)
		r = use_objects(plugged, options, &backends, err);
	if (r == 0)
		r = plugin_instance_new(&plugged->device, vm->plugins, plugged->class, plugged->id, options, &backends,
					vm->loop, err);
	if (r == 0)
		r = options_done(options, err);
	return r;
}

/* --- device_add: the steps --- */

void plugged_hear(void *opaque, const struct mortise_event *what, const struct mortise_value *values)
{
	const struct plugged *plugged = opaque;
	const struct vm_event event = {
		.kind = VM_EVENT_OF_DEVICE, .device = plugged->id, .event = what, .values = values};

	vm_report(plugged->vm, &event);
}

void plugged_broke(void *opaque, const char *why)
{
	const struct plugged *plugged = opaque;
	const struct vm_event event = {.kind = VM_EVENT_DEVICE_NEEDS_RESET, .device = plugged->id, .reason = why};

	vm_report(plugged->vm, &event);
}

static void undone(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);
	struct vm *vm = plugged->vm;

	answer(vm, plugged->reply, plugged->result, &plugged->error);
	forget(plugged);
}

static void undo(struct plugged *plugged, int result)
{
	plugged->result = result;
	plugged->error = plugged->work.error;
	plugged->work = (struct reply){.done = undone};
	device_unrealize(plugged->device, &plugged->work);
}

static void now_present(struct plugged *plugged)
{
	char place[PLACE_SIZE];

	plugged->step = PRESENT;
	plugged_changed(plugged->vm);
	log_info("device '%s' (%s) plugged into %s", plugged->id, plugged->class->driver, name_place(plugged, place));
	answer(plugged->vm, plugged->reply, 0, NULL);
	plugged->reply = NULL;
	rested(plugged->vm, plugged->parent);
}

static void added(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);

	if (result < 0)
		undo(plugged, result);
	else
		now_present(plugged);
}

static void realized(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);
	struct vm *vm = plugged->vm;

	if (result < 0) {
		answer(vm, plugged->reply, result, &work->error);
		forget(plugged);
	} else if (plugged->parent) {
		now_present(plugged);
	} else {
		plugged->work = (struct reply){.done = added};
		slot_exchange(plugged_slot(plugged), plugged->device, &plugged->work);
	}
}

void hotplug_device_add(struct vm *vm, struct options *options, struct reply *reply)
{
	_cleanup_(options_free_p) struct options *owned = options;
	struct plugged *plugged = calloc(1, sizeof(*plugged)), **last = &vm->hotplug->first;
	struct mortise_error error = {0};
	int r;

	if (!plugged) {
		answer(vm, reply, mortise_fail(&reply->error, -ENOMEM, "Out of memory for a device"), NULL);
		return;
	}
	plugged->vm = vm;
	r = prepare(plugged, owned, &error);
	if (r < 0) {
		plugged_free(plugged);
		answer(vm, reply, r, &error);
		return;
	}
	plugged->step = ADDING;
	plugged->reply = reply;
	plugged->work.done = realized;
	while (*last)
		last = &(*last)->next;
	*last = plugged;
	device_on_event(plugged->device, plugged_hear, plugged);
	device_on_broken(plugged->device, plugged_broke, plugged);
	device_realize(plugged->device, &plugged->work);
}

/* --- device_del --- */

static void gone(struct plugged *plugged)
{
	struct vm *vm = plugged->vm;
	const struct vm_event event = {.kind = VM_EVENT_DEVICE_DELETED, .device = plugged->id, .path = plugged->id};
	struct plugged *parent = plugged->parent;
	char place[PLACE_SIZE];

	unlist(plugged);
	log_info("device '%s' unplugged from %s", plugged->id, name_place(plugged, place));
	vm_report(vm, &event);
	answer(vm, plugged->reply, 0, NULL);
	plugged_free(plugged);
	rested(vm, parent);
}

/* The device is gone whatever became of its backend. */
static void backend_gone(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);

	if (result < 0 && result != -ENOENT)
		log_warning("backend of device '%s': %s", plugged->id, work->error.message);
	gone(plugged);
}

static void unrealized(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);
	struct vm *vm = plugged->vm;

	plugged->device = plugin_instance_free(plugged->device);
	plugged->work = (struct reply){.done = backend_gone};
	if (block_find(vm->blocks, plugged->id))
		block_del(vm->blocks, plugged->id, &plugged->work);
	else if (net_find(vm->nets, plugged->id))
		net_del(vm->nets, plugged->id, &plugged->work);
	else
		gone(plugged);
}

/* Children go first. Taken up again for each that has come to rest. */
static void remove_children(struct plugged *plugged);

/* Requests of a device that is to go are not waited for for ever: its store may be gone. */
static void hurry(const struct plugged *plugged, bool on)
{
	struct mortise_block *block = plugin_instance_block(plugged->device);

	if (block)
		block_hurry(block, on);
}

static void exchanged(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);

	if (result < 0) {
		hurry(plugged, false);
		plugged->step = PRESENT;
		plugged_changed(plugged->vm);
		answer(plugged->vm, plugged->reply, result, &work->error);
		plugged->reply = NULL;
		return;
	}
	plugged->work = (struct reply){.done = unrealized};
	device_unrealize(plugged->device, &plugged->work);
}

static void begin_removal(struct plugged *plugged, struct reply *reply)
{
	plugged->step = REMOVING;
	plugged_changed(plugged->vm);
	plugged->reply = reply;
	remove_children(plugged);
}

static void take_out(struct plugged *plugged)
{
	if (plugged->parent) {
		plugged->work = (struct reply){.done = unrealized};
		device_unrealize(plugged->device, &plugged->work);
	} else {
		hurry(plugged, true);
		if (plugged->vm->hotplug->all_removed)
			slot_end(plugged_slot(plugged));
		plugged->work = (struct reply){.done = exchanged};
		slot_exchange(plugged_slot(plugged), NULL, &plugged->work);
	}
}

static void remove_children(struct plugged *plugged)
{
	struct plugged *child = plugged->vm->hotplug->first;

	while (child && child->parent != plugged)
		child = child->next;
	if (!child)
		take_out(plugged);
	else if (child->step == PRESENT)
		begin_removal(child, NULL);
}

void hotplug_device_del(struct vm *vm, const char *id, struct reply *reply)
{
	struct plugged *plugged = plugged_find(vm, id);
	int r;

	if (!plugged) {
		r = mortise_fail(&reply->error, -ENODEV, "Device '%s' not found", id);
		answer(vm, reply, r, NULL);
	} else if (plugged->moving) {
		r = mortise_fail(&reply->error, -EBUSY, "Device '%s' is being upgraded; wait for that to end", id);
		answer(vm, reply, r, NULL);
	} else if (plugged->step != PRESENT) {
		r = mortise_fail(&reply->error, -EBUSY, "Device '%s' is %s; wait for that to end", id,
				 plugged->step == ADDING ? "being plugged" : "already in the process of unplug");
		answer(vm, reply, r, NULL);
	} else {
		begin_removal(plugged, reply);
	}
}

/* --- backends --- */

void hotplug_blockdev_add(struct vm *vm, struct options *options, struct reply *reply)
{
	block_add(vm->blocks, options, reply);
}

void hotplug_blockdev_del(struct vm *vm, const char *node_name, struct reply *reply)
{
	block_del(vm->blocks, node_name, reply);
}

void hotplug_netdev_add(struct vm *vm, struct options *options, struct reply *reply)
{
	net_add(vm->nets, options, reply);
}

void hotplug_netdev_del(struct vm *vm, const char *id, struct reply *reply)
{
	net_del(vm->nets, id, reply);
}

/* --- queries --- */

static struct hotplug_device describe(const struct plugged *plugged)
{
	return (struct hotplug_device){.id = plugged->id,
				       .driver = plugged->class->driver,
				       .bay = plugged->bay ? plugged->bay->name : NULL,
				       .addr = plugged->addr,
				       .slot = plugged_slot(plugged),
				       .parent = plugged->parent ? plugged->parent->id : NULL,
				       .device = plugged->device};
}

void hotplug_each(struct vm *vm, void (*visit)(void *opaque, const struct hotplug_device *device), void *opaque)
{
	for (struct plugged *plugged = vm->hotplug->first; plugged; plugged = plugged->next) {
		const struct hotplug_device device = describe(plugged);

		if (plugged->step == PRESENT)
			visit(opaque, &device);
	}
}

bool hotplug_find(struct vm *vm, const char *id, struct hotplug_device *out)
{
	const struct plugged *plugged = plugged_find(vm, id);

	if (!plugged || plugged->step != PRESENT)
		return false;
	*out = describe(plugged);
	return true;
}

/* --- the end --- */

/* While all are being removed: the next step, when one device has come to rest. */
static void remove_next(struct vm *vm)
{
	struct hotplug *hotplug = vm->hotplug;
	struct plugged *plugged = hotplug->first;

	if (!hotplug->all_removed)
		return;
	if (!plugged) {
		reply_post(steal_ptr(&hotplug->all_removed), vm->loop, 0);
		return;
	}
	if (plugged->step == PRESENT && !plugged->moving)
		begin_removal(plugged, NULL);
}

void plugged_rested(struct vm *vm)
{
	remove_next(vm);
}

static void rested(struct vm *vm, struct plugged *parent)
{
	if (parent && parent->step == REMOVING)
		remove_children(parent);
	else
		remove_next(vm);
}

void hotplug_remove_all(struct vm *vm, struct reply *reply)
{
	vm->hotplug->all_removed = reply;
	upgrade_cancel(vm);
	remove_next(vm);
}

int hotplug_new(struct vm *vm, struct mortise_error *err)
{
	vm->hotplug = calloc(1, sizeof(*vm->hotplug));
	return vm->hotplug ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for the VM's devices");
}

void hotplug_free(struct vm *vm)
{
	free(vm->hotplug);
	vm->hotplug = NULL;
}
