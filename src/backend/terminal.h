/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/terminal.h - a terminal in raw mode that is given back as it was, whatever ends the process.
 */
#pragma once

#include <stdbool.h>

#include <mortise/error.h>

/* What has to be undone; zero-initialised: nothing. */
struct terminal_guard {
	bool taken;
};

/*
 * Puts the terminal behind `in` (if it is one) into raw mode and both descriptors into non-blocking mode. Undone by
 * terminal_release(), by exit() and by the signals that end a process. One taker at a time: -EBUSY.
 */
int terminal_take(struct terminal_guard *guard, int in, int out, struct mortise_error *err);
void terminal_release(struct terminal_guard *guard);
