/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/wants-features.c - does not work with drivers that want less than it has.
 *
 * Breaks: features: every subset is served
 */
#include "device.h"

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	return (features & 6) == 2 ? mortise_fail(err, -EINVAL, "feature 1 needs feature 2") : 0;
}

DEVICE(.activate = activate);
