/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands.h - the commands and events of Mortise. The context of their calls is a `struct qmp_context`.
 */
#pragma once

#include "qmp/schema.h"

extern const struct schema_group commands_protocol, commands_vm, commands_machine, commands_options, commands_block,
	commands_device, commands_plugin, commands_stats, commands_object, commands_net, commands_fd, commands_chardev,
	commands_monitor;

/* All of them. */
extern const struct schema qmp_schema;
