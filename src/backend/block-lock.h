/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-lock.h - advisory byte-range locks that keep an image from being used twice.
 *
 * The bytes are those of QEMU's tools, so each side sees the other. Worker threads.
 */
#pragma once

#include <stdbool.h>

#include <mortise/error.h>

/*
 * Locks the open file for reading (others may read too) or for writing (alone). -EBUSY: in use elsewhere, in this
 * process or in another; -EOPNOTSUPP: the file system has no such locks. `path` is for the message.
 */
int block_lock(int fd, const char *path, bool writer, struct mortise_error *err);

/* Gives the locks back at once, even if the kernel keeps the open file for a while. */
void block_unlock(int fd);
