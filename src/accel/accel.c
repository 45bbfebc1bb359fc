/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/accel.c - the list of accelerators, and choosing among them.
 */
#include "accel/accel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accel/kvm/kvm.h"
#include "accel/soft/ops.h"
#include "base/log.h"
#include "base/util.h"

const struct accel_ops *const accel_all[] = {
	&kvm_accel_ops,
	&soft_accel_ops,
	NULL,
};

static const struct accel_ops *find(const char *name, size_t length)
{
	for (const struct accel_ops *const *ops = accel_all; *ops; ops++)
		if (strlen((*ops)->name) == length && memcmp((*ops)->name, name, length) == 0)
			return *ops;
	return NULL;
}

/* Adds why `ops` cannot to what is said of those before it. */
static void add_reason(char *text, size_t size, const struct accel_ops *ops, const struct mortise_error *reason)
{
	const size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s: %.200s", used ? "; " : "", ops->name, reason->message);
}

static int fail_all(const char *reasons, int error, struct mortise_error *err)
{
	return mortise_fail(err, error, "No accelerator can run the guest. %s", reasons);
}

static int select_any(const struct accel_ops **out, enum accel_arch arch, struct mortise_error *err)
{
	char reasons[sizeof(err->message)] = "";
	int error = -ENOTSUP;

	for (const struct accel_ops *const *ops = accel_all; *ops; ops++) {
		struct mortise_error reason = {0};

		error = (*ops)->probe(arch, &reason);
		if (!error) {
			*out = *ops;
			return 0;
		}
		add_reason(reasons, sizeof(reasons), *ops, &reason);
	}
	return fail_all(reasons, error, err);
}

int accel_select(const struct accel_ops **out, const char *names, enum accel_arch arch, struct mortise_error *err)
{
	char reasons[sizeof(err->message)] = "";

	if (!names)
		return select_any(out, arch, err);
	for (const char *name = names;; name++) {
		size_t length = strcspn(name, ":");
		const struct accel_ops *ops = find(name, length);
		struct mortise_error reason = {0};
		int error;

		if (!ops)
			return mortise_fail(err, -EINVAL,
					    "There is no accelerator '%.*s'; try 'kvm', 'soft' or 'kvm:soft'",
					    (int)length, name);
		error = ops->probe(arch, &reason);
		if (!error) {
			*out = ops;
			return 0;
		}
		add_reason(reasons, sizeof(reasons), ops, &reason);
		name += length;
		if (!*name)
			return fail_all(reasons, error, err);
	}
}

void accel_enter(struct accel *accel)
{
	if (!__atomic_load_n(&accel->entered, __ATOMIC_RELAXED) &&
	    !__atomic_exchange_n(&accel->entered, true, __ATOMIC_RELAXED))
		log_step("guest entered");
}

void accel_guest_request(struct accel *accel, enum accel_guest_request request)
{
	if (accel->park)
		accel->park(accel);
	accel->config.events.guest_request(accel->config.events.opaque, request);
}
