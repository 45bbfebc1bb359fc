/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/vm.c - a virtual machine made of its parts, and taken apart again.
 */
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "vm/hotplug.h"
#include "vm/lifecycle.h"
#include "vm/objects.h"
#include "vm/upgrade.h"
#include "vm/watchdog.h"

/* How long ending the VM may take before the process goes without: a plugin may hang. */
#define END_SECONDS 10

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = {
		[VM_PRELAUNCH] = "prelaunch",
		[VM_RUNNING] = "running",
		[VM_PAUSED] = "paused",
		[VM_SHUTDOWN] = "shutdown",
	};

	return names[state];
}

void vm_observe(struct vm *vm, struct vm_observer *observer)
{
	observer->next = vm->observers;
	vm->observers = observer;
}

void vm_unobserve(struct vm *vm, struct vm_observer *observer)
{
	for (struct vm_observer **at = &vm->observers; *at; at = &(*at)->next) {
		if (*at == observer) {
			*at = observer->next;
			return;
		}
	}
}

void vm_report(struct vm *vm, const struct vm_event *event)
{
	for (struct vm_observer *observer = vm->observers, *next; observer; observer = next) {
		next = observer->next;
		observer->event(observer, event);
	}
}

static void on_serial_quit(void *opaque)
{
	vm_quit(opaque, "host-ui");
}

static void on_block_failure(void *opaque, const struct block_failure *failure)
{
	const struct vm_event event = {.kind = VM_EVENT_BLOCK_IO_ERROR, .failure = failure};

	vm_report(opaque, &event);
}

static int make_accel(struct vm *vm, const struct machine_ops *board, struct mortise_error *err)
{
	const struct accel_ops *ops;
	struct accel_config config = {
		.arch = board->arch,
		.cpu_count = vm->config->cpus,
		.ram = vm->ram,
		.mmio = &vm->machine->mmio,
		.pio = board->arch == ACCEL_X86_64 ? &vm->machine->pio : NULL,
		.options = vm->config->accel_options,
		.events = lifecycle_events(vm),
	};
	int r = accel_select(&ops, vm->config->accel, board->arch, err);

	if (r < 0)
		return r;
	r = ops->create(&vm->accel, &config, err);
	if (r == 0 && config.options)
		r = options_done(config.options, err);
	if (r < 0)
		return r;
	r = vm->machine->attach(vm->machine, vm->accel, err);
	if (r < 0)
		return r;
	log_info("machine '%s', accelerator '%s', %u vCPUs, %llu MiB", board->name, ops->name, vm->config->cpus,
		 (unsigned long long)(vm->ram->size / MIB));
	return 0;
}

static int make_machine(struct vm *vm, const struct machine_ops *board, struct mortise_error *err)
{
	const struct vm_config *config = vm->config;
	struct machine_config machine = {
		.control = vm->loop,
		.cpus = config->cpus,
		.options = config->machine_options,
		.identity = config->uuid ? config->uuid : config->name,
		.events = lifecycle_events(vm),
	};
	int r;

	if (!config->cpus || config->cpus > board->max_cpus)
		return mortise_fail(err, -EINVAL, "Machine '%s' takes 1 to %u CPUs, not %u", board->name,
				    board->max_cpus, config->cpus);
	r = ram_new(&vm->ram, config->ram_size, config->ram_shared, err);
	if (r < 0)
		return r;
	r = chardev_open(&vm->serial, config->serial, vm->loop, on_serial_quit, vm, err);
	if (r < 0)
		return r;
	machine.ram = vm->ram;
	machine.serial = vm->serial;
	r = board->create(&vm->machine, &machine, err);
	if (r < 0)
		return r;
	return config->machine_options ? options_done(config->machine_options, err) : 0;
}

int vm_new(struct vm **out, const struct vm_config *config, struct loop *loop, struct mortise_error *err)
{
	_cleanup_(vm_free_p) struct vm *vm = calloc(1, sizeof(*vm));
	const struct machine_ops *board = machine_find(config->machine, config->kernel);
	int r;

	if (!vm)
		return mortise_fail(err, -ENOMEM, "Out of memory for the VM");
	if (!board)
		return mortise_fail(err, -EINVAL, "Machine '%s' is not known; `-machine help` lists those there are",
				    config->machine);
	vm->config = config;
	vm->loop = loop;
	r = lifecycle_new(vm, err);
	if (r == 0)
		r = hotplug_new(vm, err);
	if (r == 0)
		r = upgrade_new(vm, err);
	if (r == 0)
		r = watchdog_start(vm, err);
	if (r == 0)
		r = make_machine(vm, board, err);
	if (r == 0)
		log_step("memory mapped and machine made");
	if (r == 0)
		r = make_accel(vm, board, err);
	if (r == 0)
		log_step("vCPUs made");
	if (r == 0)
		r = plugins_new(&vm->plugins, config->plugin_dir, err);
	if (r == 0)
		r = plugins_set_policy(vm->plugins, config->plugin_policy, err);
	if (r == 0)
		r = block_nodes_new(&vm->blocks, loop, err);
	if (r == 0)
		r = nets_new(&vm->nets, loop, err);
	if (r == 0) {
		block_nodes_set_source(vm->blocks, plugins_block_source(vm->plugins));
		block_nodes_on_failure(vm->blocks, on_block_failure, vm);
		nets_set_source(vm->nets, plugins_net_source(vm->plugins));
	}
	if (r == 0)
		r = chars_new(&vm->chars, err);
	if (r < 0)
		return r;
	*out = steal_ptr(&vm);
	return 0;
}

/* Turns the control loop until an answer has come: at the start and at the end of the VM, when nobody else needs it. */
struct waiter {
	struct reply reply;
	struct loop *loop;
	bool done;
};

static void on_waited(struct reply *reply, int result)
{
	struct waiter *waiter = container_of(reply, struct waiter, reply);

	waiter->done = true;
	loop_quit(waiter->loop);
}

static int wait_for(struct waiter *waiter, struct mortise_error *err)
{
	while (!waiter->done)
		loop_run(waiter->loop);
	if (waiter->reply.result < 0 && err)
		*err = waiter->reply.error;
	return waiter->reply.result;
}

#define WAITER(vm)                                          \
	{                                                   \
		.reply.done = on_waited, .loop = (vm)->loop \
	}

static int add_all(struct vm *vm, const struct options_list *list,
		   void (*add)(struct vm *vm, struct options *options, struct reply *reply), struct mortise_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct waiter waiter = WAITER(vm);
		int r;

		add(vm, steal_ptr(&list->items[i]), &waiter.reply);
		r = wait_for(&waiter, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int vm_start(struct vm *vm, struct mortise_error *err)
{
	struct waiter waiter = WAITER(vm);
	int r = 0;

	for (size_t i = 0; r == 0 && i < vm->config->objects.count; i++)
		r = object_add(vm, steal_ptr(&vm->config->objects.items[i]), err);
	for (size_t i = 0; r == 0 && i < vm->config->chardevs.count; i++)
		r = char_add(vm->chars, steal_ptr(&vm->config->chardevs.items[i]), err);
	if (r == 0)
		r = add_all(vm, &vm->config->blockdevs, hotplug_blockdev_add, err);
	if (r == 0)
		r = add_all(vm, &vm->config->netdevs, hotplug_netdev_add, err);
	if (r == 0)
		r = plugins_preload(vm->plugins, err);
	if (r == 0)
		r = add_all(vm, &vm->config->devices, hotplug_device_add, err);
	if (r == 0)
		plugins_started(vm->plugins);
	/* From here on there is a guest to lose. */
	if (r == 0)
		plugins_try_first(vm->plugins, NULL);
	log_step("backends and devices made");
	if (r == 0)
		r = lifecycle_boot(vm, err);
	log_step("kernel loaded");
	if (r == 0)
		r = vm->accel->start(vm->accel, err);
	if (r < 0 || vm->config->start_paused)
		return r;
	vm_cont(vm, &waiter.reply);
	return wait_for(&waiter, err);
}

static void on_overdue(evutil_socket_t fd, short what, void *opaque)
{
	log_error("a device does not come to rest; ending without it after %d seconds", END_SECONDS);
	exit(EXIT_FAILURE);
}

/* vCPUs and instances come to rest, in this order: a vCPU may be waiting for an instance. */
static void bring_to_rest(struct vm *vm)
{
	struct event *overdue = evtimer_new(loop_base(vm->loop), on_overdue, NULL);
	const struct timeval limit = {.tv_sec = END_SECONDS};
	struct waiter stopped = WAITER(vm), removed = WAITER(vm);

	if (overdue)
		evtimer_add(overdue, &limit);
	for (struct mortise_block *node = NULL; vm->blocks && (node = block_next(vm->blocks, node));)
		block_hurry(node, true);
	if (vm->accel) {
		vm_stop(vm, &stopped.reply);
		wait_for(&stopped, NULL);
	}
	hotplug_remove_all(vm, &removed.reply);
	wait_for(&removed, NULL);
	if (overdue)
		event_free(overdue);
}

struct vm *vm_free(struct vm *vm)
{
	if (!vm)
		return NULL;
	vm->observers = NULL;
	watchdog_stop(vm);
	if (vm->hotplug && vm->upgrade && vm->lifecycle)
		bring_to_rest(vm);
	if (vm->accel)
		vm->accel->destroy(vm->accel);
	hotplug_free(vm);
	upgrade_free(vm);
	objects_free(vm);
	if (vm->machine)
		vm->machine->destroy(vm->machine);
	chars_free(vm->chars);
	nets_free(vm->nets);
	block_nodes_free(vm->blocks);
	plugins_free(vm->plugins);
	chardev_free(vm->serial);
	lifecycle_free(vm);
	ram_free(vm->ram);
	free(vm);
	return NULL;
}

int vm_dump(struct vm *vm, void **data, size_t *size, struct mortise_error *err)
{
	const struct machine_boot boot = {.append = vm->config->append};

	return vm->machine->dump(vm->machine, &boot, data, size, err);
}
