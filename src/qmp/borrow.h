/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/borrow.h - commands that take descriptors by the names under which they were passed in (getfd).
 */
#pragma once

#include "qmp/context.h"

/*
 * Hands the arguments, as flat options, to `act`, whose reply ends the call. Where they have one of `keys` (ended by
 * NULL), names in it, separated by colons, become numbers. After a success those descriptors belong to what `act` has
 * made; after a failure they are still there under their names.
 */
void run_with_descriptors(struct qmp_call *call, const cJSON *arguments, const char *const *keys,
			  void (*act)(struct vm *vm, struct options *options, struct reply *reply));
