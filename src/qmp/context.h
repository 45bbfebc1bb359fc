/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/context.h - what the commands of Mortise work on: the context of their calls.
 */
#pragma once

#include "qmp/call.h"
#include "qmp/named-fds.h"
#include "vm/vm.h"

/* A monitor, as query-chardev shows it. */
struct qmp_monitor {
	char *label, *filename;
	struct qmp_monitor *next;
};

struct qmp_option;

struct qmp_context {
	struct vm *vm;
	struct named_fds *fds;
	const struct qmp_option *options; /* of the command line, ended by a NULL name */
	struct qmp_monitor *monitors;
};

static inline struct qmp_context *context_of(const struct qmp_call *call)
{
	return call->context;
}

static inline struct vm *vm_of(const struct qmp_call *call)
{
	return context_of(call)->vm;
}

/* Hands the arguments, as flat options, to `act`, whose reply ends the call. */
void run_with_options(struct qmp_call *call, const cJSON *arguments,
		      void (*act)(struct vm *vm, struct options *options, struct reply *reply));

/* The data of the events of upgrades. */
cJSON *plugin_upgrade_data(const struct vm_event *event);
