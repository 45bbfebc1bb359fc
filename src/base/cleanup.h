/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/cleanup.h - locals that own something release it when they go out of scope.
 *
 * Hand ownership on with `return steal_ptr(&p);` or `*out = steal_ptr(&p);` as the last thing a function does.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

/* Makes `name_p`, usable with _cleanup_(), from a destructor `name` that takes a pointer and accepts NULL. */
#define DEFINE_CLEANUP(type, name)           \
	static inline void name##_p(type *p) \
	{                                    \
		name(*p);                    \
	}

#define steal_ptr(pp)                              \
	__extension__({                            \
		__typeof__(*(pp)) stolen_ = *(pp); \
		*(pp) = NULL;                      \
		stolen_;                           \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}
