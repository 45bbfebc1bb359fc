/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/upgrade.c - the upgrade of a plugin, over all of its devices.
 */
#include "vm/upgrade.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bus/command.h"
#include "bus/handover.h"
#include "vm/plugged.h"

enum phase { IDLE, REALIZING, PREPARING, COMMITTING, ABORTING, CLEARING };

/* One device on its way. */
struct move {
	struct vm_upgrade *upgrade;
	struct plugged *plugged;
	struct mortise_device *successor; /* until it has taken over */
	struct mortise_device *leftover; /* what is to be ended: the old instance, or a successor that was not wanted */
	struct reply work;		 /* realize(), unrealize() */
	struct slot_handover handover;	 /* of a device in a slot */
	bool handed;			 /* slot_hand_over() was called, and `done` not yet answered */
	bool ready, moved;
};

struct vm_upgrade {
	struct vm *vm;
	enum phase phase;
	struct plugin *from, *to;
	struct move *moves; /* parents before their children */
	size_t count, at;   /* `at`: the one that is being realized, or cleared */
	struct event *timer;
	struct reply *reply; /* whom to tell; NULL: told */
	int result;
	struct mortise_error error;
	char name[64];
	struct upgrade_info info;
};

static bool in_slot(const struct move *move)
{
	return plugged_slot(move->plugged) != NULL;
}

/* --- telling --- */

/* `move`: the device that it is about; NULL: the plugin. */
static void report(struct vm_upgrade *upgrade, enum vm_event_kind kind, const struct move *move)
{
	const struct vm_event event = {.kind = kind,
				       .device = move ? move->plugged->id : NULL,
				       .upgrade = &upgrade->info,
				       .pause_ns = move ? move->handover.pause_ns : 0};

	vm_report(upgrade->vm, &event);
}

/* The outcome is certain: once. */
static void conclude(struct vm_upgrade *upgrade)
{
	struct upgrade_info *info = &upgrade->info;

	if (!upgrade->reply)
		return;
	if (upgrade->result < 0) {
		info->status = UPGRADE_FAILED;
		info->error = upgrade->error.message;
		log_warning("plugin %s stays at version %s: %s", info->name, info->from ? info->from : "?",
			    info->error);
		report(upgrade, VM_EVENT_PLUGIN_UPGRADE_FAILED, NULL);
		upgrade->reply->error = upgrade->error;
	} else {
		info->status = UPGRADE_COMPLETED;
		log_info("plugin %s upgraded from version %s to %s, SHA-256 %s: %u devices, paused for %llu us at the "
			 "most",
			 info->name, info->from, info->to, info->sha256, info->devices,
			 (unsigned long long)info->pause_ns / 1000);
		report(upgrade, VM_EVENT_PLUGIN_UPGRADED, NULL);
	}
	reply_post(steal_ptr(&upgrade->reply), upgrade->vm->loop, upgrade->result);
}

/* The first failure counts. `device` names it in the message; NULL: the message says all. */
static void fail(struct vm_upgrade *upgrade, int result, const char *device, const struct mortise_error *error)
{
	if (upgrade->result < 0)
		return;
	upgrade->result = result;
	if (device)
		mortise_fail(&upgrade->error, result, "Device '%s' stays with %s %s: %s", device, upgrade->name,
			     upgrade->info.from, error->message);
	else
		upgrade->error = *error;
}

/* --- the end: what is left over is unrealized, children first --- */

static void clear_next(struct vm_upgrade *upgrade);

static void cleared(struct reply *work, int result)
{
	struct move *move = container_of(work, struct move, work);

	move->leftover = plugin_instance_free(move->leftover);
	clear_next(move->upgrade);
}

static void clear_next(struct vm_upgrade *upgrade)
{
	while (upgrade->at) {
		struct move *move = &upgrade->moves[--upgrade->at];

		if (!move->leftover)
			continue;
		move->work = (struct reply){.done = cleared};
		device_unrealize(move->leftover, &move->work);
		return;
	}
	for (size_t i = 0; i < upgrade->count; i++)
		upgrade->moves[i].plugged->moving = false;
	free(upgrade->moves);
	upgrade->moves = NULL;
	upgrade->count = 0;
	event_del(upgrade->timer);
	upgrade->phase = IDLE;
	conclude(upgrade);
	plugged_rested(upgrade->vm);
}

static void clear(struct vm_upgrade *upgrade)
{
	for (size_t i = 0; i < upgrade->count; i++)
		if (upgrade->moves[i].successor)
			upgrade->moves[i].leftover = steal_ptr(&upgrade->moves[i].successor);
	plugged_changed(upgrade->vm);
	upgrade->phase = CLEARING;
	upgrade->at = upgrade->count;
	clear_next(upgrade);
}

/* --- moving --- */

static struct mortise_device *successor_of(const struct vm_upgrade *upgrade, const struct plugged *plugged)
{
	for (size_t i = 0; i < upgrade->count; i++)
		if (upgrade->moves[i].plugged == plugged)
			return upgrade->moves[i].successor;
	return NULL;
}

/* A device, and with it what is plugged into it. */
static void take_over(struct vm_upgrade *upgrade, struct move *move)
{
	struct plugged *plugged = move->plugged;

	move->leftover = plugged->device;
	plugin_instance_take_over(move->successor, plugged->device);
	plugged->device = steal_ptr(&move->successor);
	plugged->class = device_class(plugged->device);
	move->moved = true;
	for (size_t i = 0; i < upgrade->count; i++)
		if (upgrade->moves[i].plugged->parent == plugged)
			take_over(upgrade, &upgrade->moves[i]);
	report(upgrade, VM_EVENT_DEVICE_UPGRADED, move);
}

/* Backends' news to the successor, or back; likewise for children. */
static void seat(const struct vm_upgrade *upgrade, const struct move *move, bool successor)
{
	plugin_instance_seat(successor ? move->successor : move->plugged->device);
	for (size_t i = 0; i < upgrade->count; i++)
		if (upgrade->moves[i].plugged->parent == move->plugged)
			seat(upgrade, &upgrade->moves[i], successor);
}

static bool any_handed(const struct vm_upgrade *upgrade)
{
	for (size_t i = 0; i < upgrade->count; i++)
		if (upgrade->moves[i].handed)
			return true;
	return false;
}

static void end_all(struct vm_upgrade *upgrade, bool commit)
{
	upgrade->phase = commit ? COMMITTING : ABORTING;
	for (size_t i = 0; i < upgrade->count; i++) {
		struct move *move = &upgrade->moves[i];

		if (!move->handed)
			continue;
		if (commit)
			seat(upgrade, move, true);
		slot_handover_end(&move->handover, commit);
	}
}

/* Those that have come to rest go on at once, the others when they have. */
static void abort_moves(struct vm_upgrade *upgrade)
{
	if (upgrade->phase == PREPARING)
		end_all(upgrade, false);
	if (upgrade->phase == ABORTING && !any_handed(upgrade))
		clear(upgrade);
}

static void committed(struct vm_upgrade *upgrade)
{
	bool all = true;

	for (size_t i = 0; i < upgrade->count; i++)
		all &= upgrade->moves[i].moved;
	if (all)
		plugins_switch(upgrade->from, upgrade->to);
	clear(upgrade);
}

static void on_done(struct reply *reply, int result)
{
	struct move *move = container_of(reply, struct move, handover.done);
	struct vm_upgrade *upgrade = move->upgrade;

	move->handed = false;
	upgrade->info.pause_ns = MAX(upgrade->info.pause_ns, move->handover.pause_ns);
	log_info("device '%s' %s plugin %s %s, after a pause of %llu us", move->plugged->id,
		 result == 0 ? "moved to" : "stays with", upgrade->name,
		 result == 0 ? upgrade->info.to : upgrade->info.from,
		 (unsigned long long)move->handover.pause_ns / 1000);
	if (result == 0)
		take_over(upgrade, move);
	else
		fail(upgrade, result, move->plugged->id, &reply->error);
	if (result < 0 && upgrade->phase == COMMITTING)
		seat(upgrade, move, false);
	if (upgrade->phase != COMMITTING)
		abort_moves(upgrade);
	else if (!any_handed(upgrade))
		committed(upgrade);
}

static void on_ready(struct reply *reply, int result)
{
	struct move *move = container_of(reply, struct move, handover.ready);
	struct vm_upgrade *upgrade = move->upgrade;
	bool all = true;

	if (result < 0)
		fail(upgrade, result, move->plugged->id, &reply->error);
	move->ready = result == 0;
	if (upgrade->result < 0) {
		abort_moves(upgrade);
		return;
	}
	for (size_t i = 0; i < upgrade->count; i++)
		all &= upgrade->moves[i].ready || !in_slot(&upgrade->moves[i]);
	if (all)
		end_all(upgrade, true);
}

static void hand_over_all(struct vm_upgrade *upgrade)
{
	upgrade->phase = PREPARING;
	for (size_t i = 0; i < upgrade->count; i++) {
		struct move *move = &upgrade->moves[i];

		if (!in_slot(move))
			continue;
		move->handover =
			(struct slot_handover){.device = move->successor, .ready.done = on_ready, .done.done = on_done};
		move->handed = true;
		slot_hand_over(plugged_slot(move->plugged), &move->handover);
	}
	if (!any_handed(upgrade)) {
		upgrade->phase = COMMITTING;
		committed(upgrade);
	}
}

/* --- successors --- */

static void realize_next(struct vm_upgrade *upgrade);

static void realized(struct reply *work, int result)
{
	struct move *move = container_of(work, struct move, work);
	struct vm_upgrade *upgrade = move->upgrade;

	if (result == 0 && in_slot(move)) {
		result = slot_accepts(plugged_slot(move->plugged), move->successor, &work->error);
		if (result < 0)
			fail(upgrade, result, move->plugged->id, &work->error);
	} else if (result < 0) {
		fail(upgrade, result, move->plugged->id, &work->error);
		move->successor = plugin_instance_free(move->successor);
	}
	if (upgrade->result < 0) {
		clear(upgrade);
		return;
	}
	upgrade->at++;
	realize_next(upgrade);
}

static int make_successor(struct vm_upgrade *upgrade, struct move *move, struct mortise_error *err)
{
	struct vm *vm = upgrade->vm;
	const struct plugged *plugged = move->plugged;
	const struct mortise_class *class = plugin_class(upgrade->to, plugged->class->driver);
	const struct backends backends = {
		.blocks = vm->blocks,
		.nets = vm->nets,
		.chars = vm->chars,
		.ram = vm->ram,
		.parent = plugged->parent ? successor_of(upgrade, plugged->parent) : NULL,
	};

	if (!class)
		return mortise_fail(err, -ENOTSUP, "version %s has no driver '%s'", upgrade->info.to,
				    plugged->class->driver);
	if (!class->parent != !plugged->class->parent)
		return mortise_fail(err, -ENOTSUP, "in version %s driver '%s' goes elsewhere", upgrade->info.to,
				    plugged->class->driver);
	return plugin_instance_successor(&move->successor, vm->plugins, class, plugged->device, &backends, vm->loop,
					 err);
}

static void realize_next(struct vm_upgrade *upgrade)
{
	struct mortise_error error = {0};
	struct move *move = &upgrade->moves[upgrade->at];
	int r;

	if (upgrade->at == upgrade->count) {
		hand_over_all(upgrade);
		return;
	}
	r = make_successor(upgrade, move, &error);
	if (r < 0) {
		fail(upgrade, r, move->plugged->id, &error);
		clear(upgrade);
		return;
	}
	device_on_event(move->successor, plugged_hear, move->plugged);
	device_on_broken(move->successor, plugged_broke, move->plugged);
	move->work = (struct reply){.done = realized};
	device_realize(move->successor, &move->work);
}

/* --- from without --- */

static void on_timeout(evutil_socket_t fd, short what, void *opaque)
{
	struct vm_upgrade *upgrade = opaque;
	struct mortise_error error = {0};
	const char *device = NULL;

	if (upgrade->phase == CLEARING) {
		log_warning("device '%s': an instance that is not needed any more does not come to its end",
			    upgrade->moves[upgrade->at].plugged->id);
		conclude(upgrade);
		return;
	}
	if (upgrade->phase == REALIZING)
		device = upgrade->moves[upgrade->at].plugged->id;
	for (size_t i = 0; i < upgrade->count && !device; i++)
		if (upgrade->moves[i].handed && (!upgrade->moves[i].ready || upgrade->phase == COMMITTING))
			device = upgrade->moves[i].plugged->id;
	mortise_fail(&error, -ETIME, "%s",
		     upgrade->phase == REALIZING    ? "the new version's realize() does not return"
		     : upgrade->phase == COMMITTING ? "it is replaced, but the new version's resume() does not return"
						    : "it does not come to rest in time");
	fail(upgrade, -ETIME, device, &error);
	conclude(upgrade);
	if (upgrade->phase != COMMITTING)
		abort_moves(upgrade);
}

/* A connection to a server cannot have two instances that speak on it, as they would while one takes over. */
static bool is_client(const struct mortise_class *class)
{
	for (const struct mortise_property *property = class->properties; property && property->name; property++)
		if (property->flags & MORTISE_PROPERTY_CLIENT)
			return true;
	return false;
}

static int collect(struct vm_upgrade *upgrade, struct mortise_error *err)
{
	size_t count = 0;

	for (struct plugged *plugged = upgrade->vm->hotplug->first; plugged; plugged = plugged->next)
		count++;
	upgrade->moves = calloc(count + 1, sizeof(*upgrade->moves));
	if (!upgrade->moves)
		return mortise_fail(err, -ENOMEM, "Out of memory for the upgrade of plugin '%s'", upgrade->name);
	for (struct plugged *plugged = upgrade->vm->hotplug->first; plugged; plugged = plugged->next) {
		if (!plugged->device || plugin_of_device(plugged->device) != upgrade->from)
			continue;
		if (plugged->step != PRESENT)
			return mortise_fail(err, -EBUSY,
					    "Device '%s' is being plugged or unplugged; wait for that to end",
					    plugged->id);
		if (is_client(plugged->device->class))
			return mortise_fail(err, -ENOTSUP,
					    "Device '%s' is served by a process that its new version could not take "
					    "over; unplug it first",
					    plugged->id);
		upgrade->moves[upgrade->count++] = (struct move){.upgrade = upgrade, .plugged = plugged};
	}
	for (size_t i = 0; i < upgrade->count; i++)
		upgrade->moves[i].plugged->moving = true;
	upgrade->info.devices = (unsigned)upgrade->count;
	return 0;
}

static int prepare(struct vm_upgrade *upgrade, struct mortise_error *err)
{
	struct vm *vm = upgrade->vm;
	int r = plugins_renew(vm->plugins, upgrade->name, &upgrade->from, &upgrade->to, err);

	if (upgrade->from)
		upgrade->info.from = upgrade->from->description->version;
	if (r < 0)
		return r;
	upgrade->info.to = upgrade->to->description->version;
	upgrade->info.sha256 = upgrade->to->sha256;
	return collect(upgrade, err);
}

void upgrade_plugin(struct vm *vm, const char *name, unsigned timeout_ms, struct reply *reply)
{
	const struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
	struct vm_upgrade *upgrade = vm->upgrade;
	struct mortise_error error = {0};
	int r;

	if (upgrade->phase != IDLE) {
		r = mortise_fail(&reply->error, -EBUSY, "Plugin '%s' is being upgraded; wait for that to end",
				 upgrade->name);
		reply_post(reply, vm->loop, r);
		return;
	}
	upgrade->from = upgrade->to = NULL;
	upgrade->reply = reply;
	upgrade->result = 0;
	snprintf(upgrade->name, sizeof(upgrade->name), "%s", name);
	upgrade->info = (struct upgrade_info){.status = UPGRADE_RUNNING, .name = upgrade->name};
	upgrade->phase = REALIZING;
	upgrade->at = 0;
	r = prepare(upgrade, &error);
	if (r < 0) {
		fail(upgrade, r, NULL, &error);
		upgrade->count = 0;
		clear(upgrade);
		return;
	}
	event_add(upgrade->timer, &limit);
	realize_next(upgrade);
}

void upgrade_query(const struct vm *vm, struct upgrade_info *out)
{
	*out = vm->upgrade->info;
}

bool upgrade_concerns(const struct vm *vm, const struct mortise_class *class)
{
	const struct vm_upgrade *upgrade = vm->upgrade;

	return upgrade->phase != IDLE && upgrade->from && plugin_class(upgrade->from, class->driver);
}

void upgrade_cancel(struct vm *vm)
{
	struct vm_upgrade *upgrade = vm->upgrade;
	struct mortise_error error = {0};

	if (upgrade->phase != REALIZING && upgrade->phase != PREPARING)
		return;
	mortise_fail(&error, -ECANCELED, "The VM ends");
	fail(upgrade, -ECANCELED, NULL, &error);
	abort_moves(upgrade);
}

int upgrade_new(struct vm *vm, struct mortise_error *err)
{
	vm->upgrade = calloc(1, sizeof(*vm->upgrade));
	if (vm->upgrade)
		vm->upgrade->timer = evtimer_new(loop_base(vm->loop), on_timeout, vm->upgrade);
	if (!vm->upgrade || !vm->upgrade->timer)
		return mortise_fail(err, -ENOMEM, "Out of memory for the upgrade of plugins");
	vm->upgrade->vm = vm;
	return 0;
}

void upgrade_free(struct vm *vm)
{
	if (!vm->upgrade)
		return;
	if (vm->upgrade->timer)
		event_free(vm->upgrade->timer);
	free(vm->upgrade->moves);
	free(vm->upgrade);
	vm->upgrade = NULL;
}
