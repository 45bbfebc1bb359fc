/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/cmos.h - the PC's real-time clock (MC146818) at its index and data port: the time, and no alarm.
 */
#pragma once

#include "base/mmio.h"

#define CMOS_PORTS 2

struct cmos;

int cmos_new(struct cmos **out, struct mortise_error *err);
struct cmos *cmos_free(struct cmos *cmos);

/* Power-on. The time goes on, and so does what the guest has set of it. */
void cmos_reset(struct cmos *cmos);

extern const struct mmio_ops cmos_ops; /* opaque: struct cmos */
