/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/machine.c - the boards there are.
 */
#include "machine/machine.h"

#include "base/util.h"
#include "machine/boot.h"

const struct machine_ops *const machine_all[] = {&machine_riscv64, &machine_x86_64, NULL};

static const struct machine_ops *find_for(const char *kernel)
{
	const enum accel_arch arch = kernel ? boot_kernel_arch(kernel) : machine_all[0]->arch;

	for (const struct machine_ops *const *ops = machine_all; *ops; ops++)
		if ((*ops)->arch == arch)
			return *ops;
	return NULL;
}

const struct machine_ops *machine_find(const char *name, const char *kernel)
{
	if (!name || streq(name, "microvm"))
		return find_for(kernel);
	for (const struct machine_ops *const *ops = machine_all; *ops; ops++)
		if (streq((*ops)->name, name))
			return *ops;
	return NULL;
}
