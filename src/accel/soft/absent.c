/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/absent.c - in the place of the software hart on hosts that it was not made for: says so.
 */
#include <errno.h>

#include "accel/soft/ops.h"

static int absent_probe(enum accel_arch arch, struct mortise_error *err)
{
	return mortise_fail(err, -ENOTSUP, "The soft accelerator needs an x86-64 host: use accel=kvm");
}

const struct accel_ops soft_accel_ops = {
	.name = "soft",
	.probe = absent_probe,
};
