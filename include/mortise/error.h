/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/error.h - how a failure is told: a negative errno and a message.
 *
 * Every function that can fail returns 0 (or a useful value >= 0) on success and a negative errno on failure. Those
 * that take a `struct mortise_error *` also leave a sentence there which names the thing, the value and the remedy;
 * it reaches the operator as the `desc` of a QMP error. The pointer may be NULL where nobody wants to know.
 */
#ifndef MORTISE_ERROR_H
#define MORTISE_ERROR_H

#include <stdarg.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A message, owned by whoever declared it. Zero-initialise it; an empty string means that nothing was reported. */
struct mortise_error {
	char message[512];
};

#if defined(__GNUC__)
#define MORTISE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MORTISE_PRINTF(text, first)
#endif

/*
 * Stores a formatted message (cut at the buffer's end) and returns `code`, so that a failing function can end with
 * `return mortise_fail(err, -EINVAL, "...", ...)`. An earlier message is overwritten. Any thread.
 */
MORTISE_PRINTF(3, 4)
static inline int mortise_fail(struct mortise_error *err, int code, const char *format, ...)
{
	if (err) {
		va_list args;

		va_start(args, format);
		vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
	}
	return code;
}

#ifdef __cplusplus
}
#endif

#endif
