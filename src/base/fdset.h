/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/fdset.h - numbered sets of descriptors of one file, opened by their path /dev/fdset/N (QEMU's add-fd).
 *
 * Whoever may open a file passes descriptors of it in, one for each way of access; the process then opens the set as if
 * it were the file. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <mortise/error.h>

#define FDSET_NEW INT64_C(-1)

/*
 * Takes `fd` in any case, into the set `*set`, which is made when there is none of that number; FDSET_NEW: a new set,
 * whose number is stored. `opaque` is the giver's own note, copied; may be NULL.
 */
int fdset_add(int64_t *set, int fd, const char *opaque, struct mortise_error *err);

/* Closes the set's descriptor `fd`, or all of them (-1). What was opened through it stays open. -ENOENT. */
int fdset_remove(int64_t set, int fd, struct mortise_error *err);

/* Whether the path has the form /dev/fdset/N. */
bool fdset_is_path(const char *path);

/*
 * open(2) for such a path: a duplicate, close-on-exec, of the descriptor whose access mode is that of `flags`; O_DIRECT
 * and O_NONBLOCK are set on the open file, which all duplicates share. -ENOENT: no such set; -EACCES: the set has no
 * descriptor for this access.
 */
int fdset_open(const char *path, int flags);

/* Calls `visit` for each descriptor, set by set, with the sets locked: visit() calls nothing of the above. */
void fdset_each(void (*visit)(void *opaque, int64_t set, int fd, const char *note), void *opaque);
