/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/ops.h - the software accelerator for those who choose one: soft.c's, or absent.c's where the host cannot
 * run it.
 */
#pragma once

#include "accel/accel.h"

extern const struct accel_ops soft_accel_ops;
