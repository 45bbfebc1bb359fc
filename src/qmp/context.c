/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/context.c - what several of Mortise's commands do alike.
 */
#include "qmp/context.h"

#include "qmp/flatten.h"

void run_with_options(struct qmp_call *call, const cJSON *arguments,
		      void (*act)(struct vm *vm, struct options *options, struct reply *reply))
{
	struct mortise_error err = {0};
	struct options *options;
	int r = flatten_arguments(&options, arguments, &err);

	if (r < 0)
		qmp_answer(call, r, &err);
	else
		act(vm_of(call), options, qmp_reply(call));
}
