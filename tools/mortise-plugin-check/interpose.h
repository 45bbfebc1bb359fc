/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpose.h - functions of libc that plugins call, in this program's own version: counted, and made to fail.
 *
 * The dynamic linker looks for a plugin's symbols in the program first, so that these are what its calls come to. With
 * a sanitizer, whose own versions they would take the place of, there are none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSED false
#else
#define INTERPOSED true
#endif

/* Of those functions; nothing else of this program is to be found by plugins. */
#define EXPORT __attribute__((visibility("default")))

/* What the plugin's code has allocated and not freed. */
struct allocations {
	size_t blocks, bytes;
};
struct allocations allocations_live(void);

/* Has the plugin's nth allocation from now fail (1: the next), and no other; 0: none. */
void allocations_fail(uint64_t nth);

/* Whether that allocation was reached. */
bool allocations_failed(void);
