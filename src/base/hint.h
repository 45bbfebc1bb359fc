/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hint.h - what somebody may have meant by a word that is not known: the nearest of those that are.
 */
#pragma once

struct hint {
	char nearest[32]; /* "": none was offered */
	unsigned distance;
};

/* A word that `word` could have been. */
void hint_offer(struct hint *hint, const char *word, const char *known);

/* The nearest that was offered; NULL: none is near enough to be meant. */
const char *hint_nearest(const struct hint *hint, const char *word);
