/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - runs tests and counts.
 */
#include "check.h"

#include <stdarg.h>

#include "sbi.h"

#define TOLD 8 /* failures of one test that are told */

static unsigned failures;
static char place[128];

void during(const char *format, ...)
{
	va_list arguments;

	place[0] = 0;
	if (!format)
		return;
	va_start(arguments, format);
	format_text(place, sizeof(place), format, arguments);
	va_end(arguments);
}

void expect_(const char *file, uint64_t line, const char *what, uint64_t found, uint64_t wanted)
{
	if (found == wanted)
		return;
	if (failures++ < TOLD)
		print("# %s:%u: %s is %x instead of %x%s%s\n", file, line, what, found, wanted, place[0] ? ", " : "",
		      place);
}

void run_tests(const struct test *tests, unsigned count)
{
	print("\n1..%u\n", (uint64_t)count);
	for (unsigned i = 0; i < count; i++) {
		failures = 0;
		during(NULL);
		tests[i].run();
		print("%s %u - %s\n", failures ? "not ok" : "ok", (uint64_t)i + 1, tests[i].words);
	}
	sbi_shutdown();
}
