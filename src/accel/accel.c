/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/accel.c - the list of accelerators, and choosing among them.
 */
#include "accel/accel.h"

#include <errno.h>
#include <string.h>

#include "accel/soft/soft.h"
#include "base/util.h"

const struct accel_ops *const accel_all[] = {&soft_accel_ops, NULL};

static const struct accel_ops *find(const char *name, size_t length)
{
	for (const struct accel_ops *const *ops = accel_all; *ops; ops++)
		if (strlen((*ops)->name) == length && memcmp((*ops)->name, name, length) == 0)
			return *ops;
	return NULL;
}

static int select_any(const struct accel_ops **out, enum accel_arch arch, struct mortise_error *err)
{
	int error = -ENOTSUP;

	for (const struct accel_ops *const *ops = accel_all; *ops; ops++) {
		error = (*ops)->probe(arch, err);
		if (!error) {
			*out = *ops;
			return 0;
		}
	}
	return error;
}

int accel_select(const struct accel_ops **out, const char *names, enum accel_arch arch, struct mortise_error *err)
{
	int error = -EINVAL;

	if (!names)
		return select_any(out, arch, err);
	for (const char *name = names;; name++) {
		size_t length = strcspn(name, ":");
		const struct accel_ops *ops = find(name, length);

		if (!ops)
			return mortise_fail(err, -EINVAL, "There is no accelerator '%.*s'; try 'soft'", (int)length,
					    name);
		error = ops->probe(arch, err);
		if (!error) {
			*out = ops;
			return 0;
		}
		name += length;
		if (!*name)
			return error;
	}
}

uint64_t accel_time(const struct accel *accel)
{
	return accel->time(accel);
}
