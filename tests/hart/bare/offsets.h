/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offsets.h - struct cpu as assembly sees it; cpu.h checks it.
 */
#pragma once

#define FRAME_PC 256
#define FRAME_STATUS 264
#define FRAME_CAUSE 272
#define FRAME_VALUE 280
#define CPU_HART_ID 288
#define CPU_MAIN 296
#define CPU_USER_RETURN 304
#define CPU_STACK_END 16384
#define CPU_TRAP_STACK_END 32768
