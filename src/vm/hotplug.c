/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/hotplug.c - plug, unplug and exchange.
 */
#include "vm/hotplug.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "vm/objects.h"

enum step { ADDING, PRESENT, REMOVING };

/* A device by its id. It holds its id and its slot from the first check of device_add to the end of device_del. */
struct plugged {
	struct vm *vm;
	char *id;
	const struct mortise_class *class;
	struct bay *bay;
	unsigned addr;
	struct mortise_device *device;
	struct object *iothread; /* NULL: the device has a thread of its own */
	struct object *rng;	 /* NULL: it names none */
	enum step step;
	struct reply work;   /* the step under way */
	struct reply *reply; /* whom to tell */
	int result;	     /* why adding failed, while it is being undone */
	struct mortise_error error;
	struct plugged *next;
};

struct hotplug {
	struct plugged *first;	   /* in the order of plugging */
	struct reply *all_removed; /* hotplug_remove_all() is under way */
};

static struct slot *slot_of(const struct plugged *plugged)
{
	return plugged->bay->slots[plugged->addr];
}

static struct plugged *find(struct vm *vm, const char *id)
{
	for (struct plugged *plugged = vm->hotplug->first; plugged; plugged = plugged->next)
		if (streq(plugged->id, id))
			return plugged;
	return NULL;
}

static struct plugged *find_at(struct vm *vm, const struct bay *bay, unsigned addr)
{
	for (struct plugged *plugged = vm->hotplug->first; plugged; plugged = plugged->next)
		if (plugged->bay == bay && plugged->addr == addr)
			return plugged;
	return NULL;
}

static void answer(struct vm *vm, struct reply *reply, int result, const struct mortise_error *error)
{
	if (!reply)
		return;
	if (error)
		reply->error = *error;
	reply_post(reply, vm->loop, result);
}

/* Gives up the id and the slot. */
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

static void remove_next(struct vm *vm);

/* --- device_add: what can be checked before anything changes --- */

static int check_id(struct vm *vm, const char *id, struct mortise_error *err)
{
	int r = id_check(id, err);

	if (r < 0)
		return r;
	return find(vm, id) ? mortise_fail(err, -EEXIST, "Duplicate device ID '%s'", id) : 0;
}

/* addr (string or number) wins over lun, which counts from addr 1. 0 and UINT64_MAX when neither is given. */
static int parse_addr(struct options *options, uint64_t *addr, struct mortise_error *err)
{
	const struct option *option = options_find(options, "addr");
	uint64_t lun;
	int r;

	*addr = UINT64_MAX;
	r = options_u64_text(options, "lun", &lun, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && lun >= UINT32_MAX)
		return mortise_fail(err, -ERANGE, "Parameter 'lun' is out of range: %" PRIu64, lun);
	if (r == 0)
		*addr = lun + 1;
	if (!option)
		return 0;
	r = options_u64_text(options, "addr", addr, err);
	if (r < 0)
		return r;
	if (*addr >= UINT32_MAX)
		return mortise_fail(err, -ERANGE, "Parameter 'addr' is out of range: '%s'", option->value);
	return 0;
}

static int choose_slot(struct vm *vm, struct plugged *plugged, uint64_t addr, struct mortise_error *err)
{
	struct bay *bay = bus_bay(&vm->machine->bus, plugged->class->virtio_id);
	struct plugged *other;

	if (!bay || !bay->count)
		return mortise_fail(err, -ENOSPC, "The machine has no slot for a device of driver '%s'",
				    plugged->class->driver);
	if (addr == UINT64_MAX)
		for (addr = 0; addr < bay->count && find_at(vm, bay, (unsigned)addr);)
			addr++;
	else if (addr >= bay->count)
		return mortise_fail(err, -ERANGE,
				    "Parameter 'addr' of device '%s' is %" PRIu64 " (0x%" PRIx64
				    "); the slots for a %s are 0x0 to 0x%x",
				    plugged->id, addr, addr, bay->noun, bay->count - 1);
	if (addr == bay->count)
		return mortise_fail(err, -ENOSPC,
				    "All %u slots for a %s are occupied; remove one with device_del first", bay->count,
				    bay->noun);
	other = find_at(vm, bay, (unsigned)addr);
	if (other)
		return mortise_fail(err, -EBUSY, "The slot %" PRIu64 " for a %s is occupied already, by device '%s'",
				    addr, bay->noun, other->id);
	plugged->bay = bay;
	plugged->addr = (unsigned)addr;
	return 0;
}

static bool has_property(const struct mortise_class *class, const char *name)
{
	const struct mortise_property *property = class->properties;

	while (property && property->name && !streq(property->name, name))
		property++;
	return property && property->name;
}

/* A NIC has its slot's address, unless another is given while no driver has read that one yet. */
static int choose_mac(struct plugged *plugged, struct options *options, struct mortise_error *err)
{
	const struct option *option = options_find(options, "mac");
	uint8_t mac[6], given[6];
	char text[18];
	bool learnt;

	if (!slot_mac(slot_of(plugged), mac, &learnt) || !has_property(plugged->class, "mac"))
		return 0;
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (!option)
		return options_add(options, "mac", text, OPTION_STRING, err);
	if (learnt && parse_mac(option->value, given) == 0 && memcmp(mac, given, sizeof(mac)) != 0)
		return mortise_fail(
			err, -EBUSY,
			"Device '%s' cannot have mac=%s: the guest's driver has read the address of slot 0x%x, "
			"%s, and will not look again; leave 'mac' out, or set it with -machine ...,mac%u=",
			plugged->id, option->value, plugged->addr, text, plugged->addr);
	return 0;
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
	struct backends backends = {.blocks = vm->blocks, .nets = vm->nets, .chars = vm->chars};
	const char *driver, *id = NULL;
	uint64_t addr;
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
		r = parse_addr(options, &addr, err);
	if (r == 0)
		r = plugins_class(vm->plugins, driver, &plugged->class, err);
	if (r == 0)
		r = choose_slot(vm, plugged, addr, err);
	if (r == 0)
		r = choose_mac(plugged, options, err);
	if (r == 0)
		r = use_objects(plugged, options, &backends, err);
	if (r == 0)
		r = plugin_instance_new(&plugged->device, vm->plugins, plugged->class, plugged->id, options, &backends,
					vm->loop, err);
	if (r == 0)
		r = options_done(options, err);
	return r;
}

/* --- device_add: the steps --- */

static void undone(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);
	struct vm *vm = plugged->vm;

	answer(vm, plugged->reply, plugged->result, &plugged->error);
	unlist(plugged);
	plugged_free(plugged);
	remove_next(vm);
}

static void undo(struct plugged *plugged, int result)
{
	plugged->result = result;
	plugged->error = plugged->work.error;
	plugged->work = (struct reply){.done = undone};
	device_unrealize(plugged->device, &plugged->work);
}

static void added(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);

	if (result < 0) {
		undo(plugged, result);
		return;
	}
	plugged->step = PRESENT;
	log_info("device '%s' (%s) plugged into %s slot %u", plugged->id, plugged->class->driver, plugged->bay->name,
		 plugged->addr);
	answer(plugged->vm, plugged->reply, 0, NULL);
	plugged->reply = NULL;
	remove_next(plugged->vm);
}

static void realized(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);
	struct vm *vm = plugged->vm;

	if (result < 0) {
		answer(vm, plugged->reply, result, &work->error);
		unlist(plugged);
		plugged_free(plugged);
		remove_next(vm);
		return;
	}
	plugged->work = (struct reply){.done = added};
	slot_exchange(slot_of(plugged), plugged->device, &plugged->work);
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
	device_realize(plugged->device, &plugged->work);
}

/* --- device_del --- */

static void gone(struct plugged *plugged)
{
	struct vm *vm = plugged->vm;
	const struct vm_event event = {.kind = VM_EVENT_DEVICE_DELETED, .device = plugged->id, .path = plugged->id};

	log_info("device '%s' unplugged from %s slot %u", plugged->id, plugged->bay->name, plugged->addr);
	vm_report(vm, &event);
	answer(vm, plugged->reply, 0, NULL);
	plugged_free(plugged);
	remove_next(vm);
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

	unlist(plugged);
	plugged->device = plugin_instance_free(plugged->device);
	plugged->work = (struct reply){.done = backend_gone};
	if (block_find(vm->blocks, plugged->id))
		block_del(vm->blocks, plugged->id, &plugged->work);
	else if (net_find(vm->nets, plugged->id))
		net_del(vm->nets, plugged->id, &plugged->work);
	else
		gone(plugged);
}

static void exchanged(struct reply *work, int result)
{
	struct plugged *plugged = container_of(work, struct plugged, work);

	if (result < 0) {
		plugged->step = PRESENT;
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
	plugged->reply = reply;
	plugged->work = (struct reply){.done = exchanged};
	slot_exchange(slot_of(plugged), NULL, &plugged->work);
}

void hotplug_device_del(struct vm *vm, const char *id, struct reply *reply)
{
	struct plugged *plugged = find(vm, id);
	int r;

	if (!plugged) {
		r = mortise_fail(&reply->error, -ENODEV, "Device '%s' not found", id);
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
				       .bay = plugged->bay->name,
				       .addr = plugged->addr,
				       .slot = slot_of(plugged),
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
	const struct plugged *plugged = find(vm, id);

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
	if (plugged->step == PRESENT)
		begin_removal(plugged, NULL);
}

void hotplug_remove_all(struct vm *vm, struct reply *reply)
{
	vm->hotplug->all_removed = reply;
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
