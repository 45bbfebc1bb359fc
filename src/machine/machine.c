/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/machine.c - the boards there are.
 */
#include "machine/machine.h"

#include "base/util.h"

const struct machine_ops *const machine_all[] = {&machine_riscv64, NULL};

const struct machine_ops *machine_find(const char *name)
{
	if (!name || streq(name, "microvm"))
		return machine_all[0];
	for (const struct machine_ops *const *ops = machine_all; *ops; ops++)
		if (streq((*ops)->name, name))
			return *ops;
	return NULL;
}
