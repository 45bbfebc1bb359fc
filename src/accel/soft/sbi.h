/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/sbi.h - the supervisor's firmware calls, answered in the process (RISC-V SBI specification 2.0).
 */
#pragma once

struct hart;

/* Answers the ECALL that the hart executed in supervisor mode; hart->pc is behind it. */
void sbi_call(struct hart *hart);
