/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.h - leveled log lines to stderr or to the file of -D.
 *
 * One line a call, written with one write(2), so that lines of several threads never mix. Any thread; no lock is held
 * while the caller's arguments are formatted.
 */
#pragma once

#include <mortise/error.h>
#include <mortise/plugin.h>

#define log_error(...) log_write(MORTISE_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(MORTISE_LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(MORTISE_LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(MORTISE_LOG_DEBUG, __VA_ARGS__)

/* Lines less important than `level` are dropped; the start value is MORTISE_LOG_WARNING. */
void log_set_level(enum mortise_log_level level);

/* Sends the log to a file, appended to, mode 0640. Control thread, before other threads start. */
int log_open(const char *path, struct mortise_error *err);

MORTISE_PRINTF(2, 3) void log_write(enum mortise_log_level level, const char *format, ...);
void log_vwrite(enum mortise_log_level level, const char *format, va_list args);

/*
 * How the start goes: each step is an info line with the microseconds since log_start(), the first thing in main(). Any
 * thread.
 */
void log_start(void);
void log_step(const char *step);

/* True at most `burst` times a second for one static `struct log_limit`: keeps what a guest can provoke bounded. */
struct log_limit {
	long second;
	unsigned count;
};
int log_allowed(struct log_limit *limit, unsigned burst);
