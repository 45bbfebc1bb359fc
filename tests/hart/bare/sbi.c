/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbi.c - the firmware's calls, and how it refuses.
 */
#include "sbi.h"

#include "check.h"
#include "paging.h"

#define UNKNOWN 0x0a0b0c0d
#define HOLE UINT64_C(0x28000000)

static void base(void)
{
	struct sbi_result version = SBI_CALL(SBI_BASE, SBI_BASE_VERSION);

	EXPECT(version.error, SBI_SUCCESS);
	EXPECT_TRUE(version.value >> 24 >= 1 && version.value >> 31 == 0);
	EXPECT(SBI_CALL(SBI_BASE, SBI_BASE_IMPLEMENTATION).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_BASE, SBI_BASE_IMPLEMENTATION_VERSION).error, SBI_SUCCESS);
	for (unsigned function = SBI_BASE_MVENDORID; function < SBI_BASE_MVENDORID + 3; function++)
		EXPECT(SBI_CALL(SBI_BASE, function).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_BASE, 100).error, SBI_ERR_NOT_SUPPORTED);
}

static void probing(void)
{
	static const uint64_t there[] = {SBI_BASE, SBI_TIME, SBI_IPI, SBI_RFENCE, SBI_HSM, SBI_SRST};

	for (unsigned i = 0; i < ARRAY_SIZE(there); i++) {
		during("extension %x", there[i]);
		EXPECT_TRUE(sbi_has(there[i]));
		EXPECT(SBI_CALL(there[i], 0x7777).error, SBI_ERR_NOT_SUPPORTED);
	}
	during("an unknown extension");
	EXPECT(SBI_CALL(SBI_BASE, SBI_BASE_PROBE, UNKNOWN).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_BASE, SBI_BASE_PROBE, UNKNOWN).value, 0);
	EXPECT(SBI_CALL(UNKNOWN, 0).error, SBI_ERR_NOT_SUPPORTED);
	EXPECT(SBI_CALL(UINT64_MAX, 0).error, SBI_ERR_NOT_SUPPORTED);
}

/* All registers but a0 and a1 stay, and so does the state of interrupts. */
static void registers_stay(void)
{
	static uint64_t after[32];
	uint64_t status = csr_read("sstatus");

	asm volatile(
		"mv t6, %[after]\n"
		".irp n, 5, 6, 7, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n"
		"li x\\n, 1000 + \\n\n"
		".endr\n"
		"li a7, 0x10\n li a6, 3\n li a0, 0x10\n li a1, 99\n ecall\n"
		".irp n, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n"
		"sd x\\n, 8 * \\n(t6)\n"
		".endr"
		:
		: [after] "r"(after)
		: "memory", "t0", "t1", "t2", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "s2", "s3", "s4", "s5",
		  "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6");
	for (unsigned n = 5; n < 31; n++) {
		during("x%u", (uint64_t)n);
		if (n == 8 || n == 9)
			continue;
		EXPECT(after[n], n == 10 ? 0 : n == 11 ? 1 : n == 16 ? 3 : n == 17 ? 0x10 : 1000 + n);
	}
	during(NULL);
	EXPECT(csr_read("sstatus"), status);
}

static void hart_states(void)
{
	EXPECT(SBI_CALL(SBI_HSM, SBI_HSM_STATUS, this_cpu()->hart_id).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_HSM, SBI_HSM_STATUS, this_cpu()->hart_id).value, SBI_HSM_STARTED);
	EXPECT(SBI_CALL(SBI_HSM, SBI_HSM_STATUS, 1000).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_HSM, SBI_HSM_STATUS, UINT64_MAX).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_HSM, SBI_HSM_START, 1000, 0x80200000).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_HSM, SBI_HSM_START, this_cpu()->hart_id, 0x80200000).error, SBI_ERR_ALREADY_AVAILABLE);
}

static void hart_masks(void)
{
	EXPECT(SBI_CALL(SBI_IPI, 0, 1, 1000).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_IPI, 0, UINT64_C(1) << 63, 0).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_IPI, 0, 2, UINT64_MAX - 1).error, SBI_ERR_INVALID_PARAM);
	EXPECT(csr_read("sip") & UINT64_C(1) << IRQ_SOFTWARE, 0);
	EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, 1000).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA, UINT64_C(1) << 63, 0, 0, 4096).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_FENCE_I, 0, 0).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_FENCE_I, 1, this_cpu()->hart_id).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA, 1, this_cpu()->hart_id, 0, UINT64_MAX).error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_RFENCE, SBI_RFENCE_SFENCE_VMA_ASID, 1, this_cpu()->hart_id, UINT64_MAX, 1, 5).error,
	       SBI_SUCCESS);
}

static void debug_console(void)
{
	static const char text[] = "# written by DBCN\n";
	struct sbi_result result;

	if (!sbi_has(SBI_DBCN))
		return;
	result = SBI_CALL(SBI_DBCN, 0, sizeof(text) - 1, text, 0);
	EXPECT(result.error, SBI_SUCCESS);
	EXPECT(result.value, sizeof(text) - 1);
	result = SBI_CALL(SBI_DBCN, 0, 0, text, 0);
	EXPECT(result.error, SBI_SUCCESS);
	EXPECT(result.value, 0);
	EXPECT(SBI_CALL(SBI_DBCN, 0, 16, HOLE, 0).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_DBCN, 0, 16, text, 1).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_DBCN, 0, 16, UINT64_MAX - 3, 0).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_DBCN, 2, '#').error, SBI_SUCCESS);
	EXPECT(SBI_CALL(SBI_DBCN, 2, '\n').error, SBI_SUCCESS);
}

static void reset(void)
{
	EXPECT(SBI_CALL(SBI_SRST, 0, 0x77, 0).error, SBI_ERR_INVALID_PARAM);
	EXPECT(SBI_CALL(SBI_SRST, 0, 0xffffffff, 0).error, SBI_ERR_INVALID_PARAM);
}

void main(void)
{
	static const struct test tests[] = {
		{"BASE", base},
		{"probing", probing},
		{"registers stay", registers_stay},
		{"HSM refuses", hart_states},
		{"hart masks", hart_masks},
		{"DBCN", debug_console},
		{"SRST refuses", reset},
	};

	run_tests(tests, ARRAY_SIZE(tests));
}
