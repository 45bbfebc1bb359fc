/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/atomic.h - LR, SC and the AMOs.
 */
#pragma once

#include <stdbool.h>

#include "accel/soft/op.h"

struct hart;

/* Executes an op of OPS_ATOMIC; hart->pc is at it. False: it trapped, and hart->pc is at the handler. */
bool atomic_execute(struct hart *hart, const struct op *op);
