/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbi.h - calls to the firmware (RISC-V Supervisor Binary Interface specification 2.0).
 */
#pragma once

#include <stdint.h>

enum sbi_extension {
	SBI_BASE = 0x10,
	SBI_TIME = 0x54494d45,
	SBI_IPI = 0x735049,
	SBI_RFENCE = 0x52464e43,
	SBI_HSM = 0x48534d,
	SBI_SRST = 0x53525354,
	SBI_DBCN = 0x4442434e,
};

enum { SBI_BASE_VERSION, SBI_BASE_IMPLEMENTATION, SBI_BASE_IMPLEMENTATION_VERSION, SBI_BASE_PROBE, SBI_BASE_MVENDORID };
enum { SBI_HSM_START, SBI_HSM_STOP, SBI_HSM_STATUS, SBI_HSM_SUSPEND };
enum { SBI_RFENCE_FENCE_I, SBI_RFENCE_SFENCE_VMA, SBI_RFENCE_SFENCE_VMA_ASID };
enum { SBI_HSM_STARTED, SBI_HSM_STOPPED };

enum {
	SBI_SUCCESS = 0,
	SBI_ERR_NOT_SUPPORTED = -2,
	SBI_ERR_INVALID_PARAM = -3,
	SBI_ERR_INVALID_ADDRESS = -5,
	SBI_ERR_ALREADY_AVAILABLE = -6,
};

struct sbi_result {
	int64_t error;
	uint64_t value;
};

static inline struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1,
					 uint64_t arg2, uint64_t arg3, uint64_t arg4)
{
	register uint64_t a0 asm("a0") = arg0, a1 asm("a1") = arg1, a2 asm("a2") = arg2, a3 asm("a3") = arg3;
	register uint64_t a4 asm("a4") = arg4, a6 asm("a6") = function, a7 asm("a7") = extension;

	asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
	return (struct sbi_result){(int64_t)a0, a1};
}

#define SBI_CALL_(extension, function, a0, a1, a2, a3, a4, ...) \
	sbi_call(extension, function, (uint64_t)(a0), (uint64_t)(a1), (uint64_t)(a2), (uint64_t)(a3), (uint64_t)(a4))
#define SBI_CALL(...) SBI_CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

static inline _Bool sbi_has(uint64_t extension)
{
	struct sbi_result result = SBI_CALL(SBI_BASE, SBI_BASE_PROBE, extension);

	return result.error == SBI_SUCCESS && result.value;
}

_Noreturn void sbi_shutdown(void);
