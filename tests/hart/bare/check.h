/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - a program of tests that reports by the Test Anything Protocol.
 */
#pragma once

#include <stdint.h>

#include "console.h"
#include "cpu.h"

struct test {
	const char *words;
	void (*run)(void);
};

/* Runs the tests in order, and ends the program. */
_Noreturn void run_tests(const struct test *tests, unsigned count);

/* Fails the test that runs, and goes on; the first few failures of a test are told. */
void expect_(const char *file, uint64_t line, const char *what, uint64_t found, uint64_t wanted);
#define EXPECT(found, wanted) expect_(__FILE__, __LINE__, #found, (uint64_t)(found), (uint64_t)(wanted))
#define EXPECT_TRUE(condition) EXPECT(!!(condition), 1)

/* Says in which round of a loop what follows fails; NULL: no longer. */
void during(const char *format, ...);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))
