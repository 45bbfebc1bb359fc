/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands.c - the commands and events of Mortise, put together.
 */
#include "qmp/commands.h"

#include <stddef.h>

const struct schema qmp_schema = {
	.groups =
		(const struct schema_group *const[]){
			&commands_protocol,
			&commands_vm,
			&commands_machine,
			&commands_options,
			&commands_block,
			&commands_device,
			&commands_plugin,
			&commands_stats,
			&commands_object,
			&commands_net,
			&commands_fd,
			&commands_chardev,
			&commands_monitor,
			NULL,
		},
};
