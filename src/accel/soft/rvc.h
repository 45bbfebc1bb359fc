/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/rvc.h - compressed instructions.
 */
#pragma once

#include <stdint.h>

/* The 32-bit instruction that `insn` is short for, or 0 when the encoding is reserved. RV64 with F and D. */
uint32_t rvc_expand(uint16_t insn);
