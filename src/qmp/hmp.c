/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/hmp.c - `info` for people. Lines end in CRLF, as a terminal in raw mode wants them.
 */
#include "qmp/hmp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "qmp/plugin-commands.h"
#include "vm/hotplug.h"

MORTISE_PRINTF(2, 3)
static void print(struct text *out, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_add(out, line, strlen(line));
	text_add(out, "\r\n", 2);
}

static void info_block(struct text *out, struct qmp_context *context)
{
	for (struct mortise_block *node = NULL; (node = block_next(context->vm->blocks, node));) {
		struct block_description d;

		block_describe(node, &d);
		print(out, "%s: %s (%s%s)", d.node_name, d.filename, d.driver, d.read_only ? ", read-only" : "");
		print(out, "    Attached to:      %s", d.owner ? d.owner : "nothing");
		print(out, "    Size:             %" PRIu64 " bytes", d.info.size);
		print(out, "    Cache mode:       writeback%s%s", d.direct ? ", direct" : "",
		      d.no_flush ? ", ignore flushes" : "");
	}
}

static void info_blockstats(struct text *out, struct qmp_context *context)
{
	for (struct mortise_block *node = NULL; (node = block_next(context->vm->blocks, node));) {
		struct block_description d;

		block_describe(node, &d);
		print(out,
		      "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64 " rd_operations=%" PRIu64 " wr_operations=%" PRIu64
		      " flush_operations=%" PRIu64 " failed=%" PRIu64,
		      d.node_name, d.stats.bytes[MORTISE_BLOCK_READ], d.stats.bytes[MORTISE_BLOCK_WRITE],
		      d.stats.operations[MORTISE_BLOCK_READ], d.stats.operations[MORTISE_BLOCK_WRITE],
		      d.stats.operations[MORTISE_BLOCK_FLUSH],
		      d.stats.failed[MORTISE_BLOCK_READ] + d.stats.failed[MORTISE_BLOCK_WRITE] +
			      d.stats.failed[MORTISE_BLOCK_FLUSH]);
	}
}

static void info_chardev(struct text *out, struct qmp_context *context)
{
	print(out, "serial0: filename=%s", chardev_describe(context->vm->serial));
	for (const struct qmp_monitor *monitor = context->monitors; monitor; monitor = monitor->next)
		print(out, "%s: filename=%s", monitor->label, monitor->filename);
}

static void info_cpus(struct text *out, struct qmp_context *context)
{
	struct accel *accel = context->vm->accel;

	for (unsigned i = 0; i < context->vm->config->cpus; i++) {
		struct accel_cpu_info cpu = {0};

		accel->cpu_info(accel, i, &cpu);
		print(out, "%c CPU #%u: thread_id=%d%s", i ? ' ' : '*', i, cpu.thread_id,
		      cpu.halted ? " (halted)" : "");
	}
}

static void print_device(void *opaque, const struct hotplug_device *device)
{
	if (device->parent)
		print(opaque, "%s: driver %s, on device %s", device->id, device->driver, device->parent);
	else
		print(opaque, "%s: driver %s, %s slot %u", device->id, device->driver, device->bay, device->addr);
}

static void info_devices(struct text *out, struct qmp_context *context)
{
	hotplug_each(context->vm, print_device, out);
}

static void info_kvm(struct text *out, struct qmp_context *context)
{
	print(out, "kvm support: %s", streq(context->vm->accel->ops->name, "kvm") ? "enabled" : "disabled");
}

static void info_name(struct text *out, struct qmp_context *context)
{
	if (context->vm->config->name)
		print(out, "%s", context->vm->config->name);
}

static void info_network(struct text *out, struct qmp_context *context)
{
	for (struct mortise_net *net = NULL; (net = net_next(context->vm->nets, net));) {
		struct net_description d;

		net_describe(net, &d);
		print(out, "%s: type=%s%s%s, link %s, device %s", d.id, d.type, d.info && *d.info ? "," : "",
		      d.info ? d.info : "", d.link_up ? "up" : "down", d.owner ? d.owner : "none");
	}
}

static void info_plugins(struct text *out, struct qmp_context *context)
{
	for (const struct plugin *plugin = NULL; (plugin = plugins_next(context->vm->plugins, plugin));)
		print(out, "%s %s: %s, %u instances", plugin->description->name, plugin->description->version,
		      plugin->file, plugin->instances);
}

static void info_status(struct text *out, struct qmp_context *context)
{
	enum vm_state state = context->vm->state;

	if (state == VM_RUNNING || state == VM_PAUSED)
		print(out, "VM status: %s", vm_state_name(state));
	else
		print(out, "VM status: paused (%s)", vm_state_name(state));
}

static void info_uuid(struct text *out, struct qmp_context *context)
{
	const char *uuid = context->vm->config->uuid;

	print(out, "%s", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
}

static void info_version(struct text *out, struct qmp_context *context)
{
	print(out, "%s", PACKAGE_STRING);
}

static const struct {
	const char *name, *help;
	void (*run)(struct text *out, struct qmp_context *context);
} topics[] = {
	{"block", "block nodes", info_block},
	{"blockstats", "what block nodes have done", info_blockstats},
	{"chardev", "the serial line and the monitors", info_chardev},
	{"cpus", "vCPUs and the threads that run them", info_cpus},
	{"devices", "plugged devices and their slots", info_devices},
	{"kvm", "whether KVM runs the guest", info_kvm},
	{"name", "the VM's name", info_name},
	{"network", "netdevs", info_network},
	{"plugins", "loaded plugins", info_plugins},
	{"status", "whether the VM runs", info_status},
	{"uuid", "the VM's UUID", info_uuid},
	{"version", "the version of this program", info_version},
};

static void help_of_device(void *opaque, const char *word, const char *help)
{
	print(opaque, "info %s -- %s", word, help);
}

static void help(struct text *out, struct qmp_context *context)
{
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
		print(out, "info %s -- show %s", topics[i].name, topics[i].help);
	plugin_info_each(context->vm, help_of_device, out);
}

void hmp_run(struct text *out, struct qmp_context *context, const char *line, char topic[HMP_WORD_MAX])
{
	char command[HMP_WORD_MAX] = "", more[2] = "";
	int words = sscanf(line, "%31s %31s %1s", command, topic, more);

	if (words < 2)
		*topic = '\0';
	if (words <= 0)
		return;
	if ((streq(command, "help") || streq(command, "?") || streq(command, "info")) && words == 1) {
		help(out, context);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(topics) && streq(command, "info") && words == 2; i++) {
		if (streq(topics[i].name, topic)) {
			topics[i].run(out, context);
			*topic = '\0';
			return;
		}
	}
	if (!streq(command, "info") || words > 2)
		*topic = '\0';
	print(out, "unknown command: '%.200s'; try 'help'", line);
}
