/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/sbi-console.h - the RISC-V firmware's console: SBI's extension DBCN, and the numbers that SBI calls answer
 * with.
 */
#pragma once

#include "accel/accel.h"

enum sbi_error {
	SBI_SUCCESS = 0,
	SBI_FAILED = -1,
	SBI_NOT_SUPPORTED = -2,
	SBI_INVALID_PARAM = -3,
	SBI_INVALID_ADDRESS = -5,
	SBI_ALREADY_AVAILABLE = -6,
	SBI_ALREADY_STARTED = -7,
};

#define SBI_EXTENSION_DBCN 0x4442434e

/* Functions of DBCN. */
#define SBI_DBCN_WRITE 0
#define SBI_DBCN_READ 1
#define SBI_DBCN_WRITE_BYTE 2

/* A call of DBCN; *value is the second word of the answer. vCPU threads, without locks. */
enum sbi_error sbi_console_call(const struct accel *accel, uint64_t function, const uint64_t args[3], uint64_t *value);
