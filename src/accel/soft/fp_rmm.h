/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/fp_rmm.h - rounding to nearest with ties away from zero, which the host does not have.
 */
#pragma once

#include <stdint.h>

struct hart;

/* One instruction of the rounded group of OPS_FP under RMM. */
void fp_execute_rmm(struct hart *hart, uint32_t insn);
