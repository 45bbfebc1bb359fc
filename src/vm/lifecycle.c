/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/lifecycle.c - stop, cont and reset, one after the other, and the end.
 *
 * Each is a short sequence of steps that answer later: vCPUs come to rest, then the slots; and the other way round. The
 * control thread only starts the next step. What the guest asks for on a vCPU thread arrives as a task.
 */
#include "vm/lifecycle.h"

#include <errno.h>
#include <pthread.h>

#include "base/log.h"

enum action { ACTION_STOP, ACTION_CONT, ACTION_RESET };

/* One call that waits for its turn, or is being carried out. */
struct call {
	enum action action;
	bool guest;	     /* the guest asked for it */
	struct reply *reply; /* NULL: nobody waits */
	struct call *next;
};

struct slot_answer {
	struct reply reply;
	struct vm_lifecycle *life;
};

struct vm_lifecycle {
	struct vm *vm;
	struct call *first, **last; /* the first is being carried out when `busy` */
	bool busy;
	struct call guest_reset; /* the guest's own: it can ask but once at a time */
	bool guest_reset_queued;

	/* The step under way, and what follows it. */
	void (*after)(struct vm_lifecycle *life);
	unsigned slots_left;
	struct slot_answer *slot_answers; /* one a slot */
	struct task paused;

	/* What the guest asked for; handed over from a vCPU thread. */
	pthread_mutex_t lock; /* guards the next two */
	bool guest_posted;
	enum accel_guest_request guest_request;
	struct task guest;

	struct task quit;
	const char *quit_reason; /* NULL: not quitting */
	bool quit_by_guest;
};

static void next_call(struct vm_lifecycle *life);

static void finish_call(struct vm_lifecycle *life, int result, const struct mortise_error *error)
{
	struct call *call = life->first;
	struct reply *reply = call->reply;

	life->first = call->next;
	if (!life->first)
		life->last = &life->first;
	life->busy = false;
	if (call == &life->guest_reset)
		life->guest_reset_queued = false;
	else
		free(call);
	if (reply) {
		if (error)
			reply->error = *error;
		reply_post(reply, life->vm->loop, result);
	}
	next_call(life);
}

static void report(struct vm_lifecycle *life, enum vm_event_kind kind, bool guest, const char *reason)
{
	const struct vm_event event = {.kind = kind, .guest = guest, .reason = reason};

	vm_report(life->vm, &event);
}

/* --- steps --- */

static void on_slot(struct reply *reply, int result)
{
	struct vm_lifecycle *life = container_of(reply, struct slot_answer, reply)->life;

	if (result < 0)
		log_warning("%s", reply->error.message);
	if (--life->slots_left == 0)
		life->after(life);
}

/* Starts `step` on every slot; `after` follows when the last of them has answered. */
static void each_slot(struct vm_lifecycle *life, void (*step)(struct slot *slot, struct reply *reply),
		      void (*after)(struct vm_lifecycle *life))
{
	struct bus *bus = &life->vm->machine->bus;
	unsigned n = 0;

	life->after = after;
	for (unsigned b = 0; b < bus->bay_count; b++)
		life->slots_left += bus->bays[b].count;
	if (!life->slots_left) {
		after(life);
		return;
	}
	for (unsigned b = 0; b < bus->bay_count; b++) {
		for (unsigned i = 0; i < bus->bays[b].count; i++) {
			struct slot_answer *answer = &life->slot_answers[n++];

			*answer = (struct slot_answer){.life = life, .reply.done = on_slot};
			step(bus->bays[b].slots[i], &answer->reply);
		}
	}
}

static void on_paused(struct task *task)
{
	struct vm_lifecycle *life = container_of(task, struct vm_lifecycle, paused);

	life->after(life);
}

/* Any thread. */
static void accel_paused(void *opaque)
{
	struct vm_lifecycle *life = opaque;

	loop_post(life->vm->loop, &life->paused);
}

static void pause_vcpus(struct vm_lifecycle *life, void (*after)(struct vm_lifecycle *life))
{
	life->after = after;
	life->vm->accel->pause(life->vm->accel);
}

/* --- stop --- */

static void stopped(struct vm_lifecycle *life)
{
	life->vm->state = VM_PAUSED;
	report(life, VM_EVENT_STOP, false, NULL);
	finish_call(life, 0, NULL);
}

static void stop_slots(struct vm_lifecycle *life)
{
	each_slot(life, slot_stop, stopped);
}

/* --- cont --- */

static void let_run(struct vm_lifecycle *life)
{
	struct vm *vm = life->vm;

	vm->state = VM_RUNNING;
	vm->accel->resume(vm->accel);
	report(life, VM_EVENT_RESUME, false, NULL);
	finish_call(life, 0, NULL);
}

/* --- reset --- */

int lifecycle_boot(struct vm *vm, struct mortise_error *err)
{
	const struct machine_boot boot = {
		.kernel = vm->config->kernel, .initrd = vm->config->initrd, .append = vm->config->append};
	struct accel_entry entry;
	int r = vm->machine->load(vm->machine, &boot, &entry, err);

	if (r < 0)
		return r;
	vm->accel->reset(vm->accel, &entry);
	return 0;
}

static void reset_machine(struct vm_lifecycle *life)
{
	const struct call *call = life->first;
	struct mortise_error error = {0};
	struct vm *vm = life->vm;
	int r;

	vm->machine->reset(vm->machine);
	r = ram_clear(vm->ram, &error);
	if (r == 0)
		r = lifecycle_boot(vm, &error);
	if (r < 0) {
		log_error("reset failed: %s", error.message);
		vm->state = VM_PAUSED;
		report(life, VM_EVENT_STOP, false, NULL);
		finish_call(life, r, &error);
		return;
	}
	report(life, VM_EVENT_RESET, call->guest, call->guest ? "guest-reset" : "host-qmp-system-reset");
	if (vm->state == VM_RUNNING)
		vm->accel->resume(vm->accel);
	finish_call(life, 0, NULL);
}

static void reset_slots(struct vm_lifecycle *life)
{
	each_slot(life, slot_reset, reset_machine);
}

/* --- the queue of calls --- */

static void next_call(struct vm_lifecycle *life)
{
	struct vm *vm = life->vm;

	if (life->busy || !life->first)
		return;
	life->busy = true;
	switch (life->first->action) {
	case ACTION_STOP:
		if (vm->state == VM_RUNNING)
			pause_vcpus(life, stop_slots);
		else
			finish_call(life, 0, NULL);
		break;
	case ACTION_CONT:
		if (vm->state == VM_RUNNING)
			finish_call(life, 0, NULL);
		else if (vm->state == VM_PAUSED)
			each_slot(life, slot_cont, let_run);
		else
			let_run(life);
		break;
	case ACTION_RESET:
		if (vm->state == VM_RUNNING)
			pause_vcpus(life, reset_slots);
		else
			reset_slots(life);
		break;
	}
}

static void append_call(struct vm_lifecycle *life, struct call *call)
{
	call->next = NULL;
	*life->last = call;
	life->last = &call->next;
	next_call(life);
}

static void call_for(struct vm *vm, enum action action, struct reply *reply)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		reply_post(reply, vm->loop, mortise_fail(&reply->error, -ENOMEM, "Out of memory"));
		return;
	}
	call->action = action;
	call->reply = reply;
	append_call(vm->lifecycle, call);
}

void vm_stop(struct vm *vm, struct reply *reply)
{
	call_for(vm, ACTION_STOP, reply);
}

void vm_cont(struct vm *vm, struct reply *reply)
{
	call_for(vm, ACTION_CONT, reply);
}

void vm_reset(struct vm *vm, struct reply *reply)
{
	call_for(vm, ACTION_RESET, reply);
}

int vm_powerdown(struct vm *vm, struct mortise_error *err)
{
	int r = vm->machine->powerdown
			? vm->machine->powerdown(vm->machine, err)
			: mortise_fail(err, -ENOTSUP, "Machine '%s' has no power button", vm->machine->ops->name);

	if (r == 0)
		report(vm->lifecycle, VM_EVENT_POWERDOWN, false, NULL);
	return r;
}

/* --- the end --- */

static void on_quit(struct task *task)
{
	struct vm_lifecycle *life = container_of(task, struct vm_lifecycle, quit);

	report(life, VM_EVENT_SHUTDOWN, life->quit_by_guest, life->quit_reason);
	loop_quit(life->vm->loop);
}

static void quit(struct vm_lifecycle *life, const char *reason, bool by_guest)
{
	if (life->quit_reason)
		return;
	life->quit_reason = reason;
	life->quit_by_guest = by_guest;
	loop_post(life->vm->loop, &life->quit);
}

void vm_quit(struct vm *vm, const char *reason)
{
	quit(vm->lifecycle, reason, false);
}

bool vm_quitting(const struct vm *vm)
{
	return vm->lifecycle->quit_reason != NULL;
}

/* --- what the guest asks for --- */

static void on_guest(struct task *task)
{
	struct vm_lifecycle *life = container_of(task, struct vm_lifecycle, guest);
	enum accel_guest_request request;

	pthread_mutex_lock(&life->lock);
	life->guest_posted = false;
	request = life->guest_request;
	pthread_mutex_unlock(&life->lock);

	if (request == ACCEL_GUEST_POWEROFF) {
		quit(life, "guest-shutdown", true);
	} else if (request == ACCEL_GUEST_PANIC) {
		quit(life, "guest-panic", true);
	} else if (life->vm->config->no_reboot) {
		quit(life, "guest-reset", true);
	} else if (!life->guest_reset_queued) {
		life->guest_reset_queued = true;
		life->guest_reset = (struct call){.action = ACTION_RESET, .guest = true};
		append_call(life, &life->guest_reset);
	}
}

/* vCPU threads; the one that calls rests until it is reset, another may still ask for something else. */
static void guest_request(void *opaque, enum accel_guest_request request)
{
	struct vm_lifecycle *life = opaque;

	pthread_mutex_lock(&life->lock);
	if (!life->guest_posted) {
		life->guest_posted = true;
		life->guest_request = request;
		loop_post(life->vm->loop, &life->guest);
	}
	pthread_mutex_unlock(&life->lock);
}

static unsigned console_write(void *opaque, const void *data, unsigned size)
{
	struct vm_lifecycle *life = opaque;

	return life->vm->machine->console_write(life->vm->machine, data, size);
}

struct accel_events lifecycle_events(struct vm *vm)
{
	return (struct accel_events){.guest_request = guest_request,
				     .console_write = console_write,
				     .paused = accel_paused,
				     .opaque = vm->lifecycle};
}

int lifecycle_new(struct vm *vm, struct mortise_error *err)
{
	struct vm_lifecycle *life = calloc(1, sizeof(*life));

	if (!life)
		return mortise_fail(err, -ENOMEM, "Out of memory for the VM");
	life->slot_answers = calloc(MACHINE_SLOTS_MAX, sizeof(life->slot_answers[0]));
	if (!life->slot_answers) {
		free(life);
		return mortise_fail(err, -ENOMEM, "Out of memory for the VM");
	}
	pthread_mutex_init(&life->lock, NULL);
	life->vm = vm;
	life->last = &life->first;
	life->paused.run = on_paused;
	life->guest.run = on_guest;
	life->quit.run = on_quit;
	vm->lifecycle = life;
	return 0;
}

void lifecycle_free(struct vm *vm)
{
	struct vm_lifecycle *life = vm->lifecycle;

	if (!life)
		return;
	pthread_mutex_destroy(&life->lock);
	free(life->slot_answers);
	free(life);
	vm->lifecycle = NULL;
}
