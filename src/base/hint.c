/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hint.c - distances between words.
 */
#include "base/hint.h"

#include <string.h>

#include "base/util.h"

/* Edits (insert, delete, replace) between two words, the second of which is short. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[sizeof(((struct hint *)0)->nearest)], n = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned replaced = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(replaced, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[n];
}

void hint_offer(struct hint *hint, const char *word, const char *known)
{
	unsigned now;

	if (!*known || strlen(known) >= sizeof(hint->nearest))
		return;
	now = distance(word, known);
	if (*hint->nearest && now >= hint->distance)
		return;
	memcpy(hint->nearest, known, strlen(known) + 1);
	hint->distance = now;
}

const char *hint_nearest(const struct hint *hint, const char *word)
{
	return *hint->nearest && hint->distance <= 1 + strlen(word) / 3 ? hint->nearest : NULL;
}
