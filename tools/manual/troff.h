/* SPDX-License-Identifier: Apache-2.0 */
/*
 * troff.h - text in the source of a manual page, for the programs here that write them.
 */
#pragma once

/* Writes text to standard output, with what troff would take for its own made harmless. */
void troff_put(const char *text);
