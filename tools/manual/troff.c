/* SPDX-License-Identifier: Apache-2.0 */
/*
 * troff.c - escapes text for manual pages.
 */
#include <stdbool.h>
#include <stdio.h>

#include "tools/manual/troff.h"

void troff_put(const char *text)
{
	bool line_start = true;

	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '-' || *text == '\\')
			putchar('\\');
		putchar(*text == '\\' ? 'e' : *text);
		line_start = *text == '\n';
	}
}
