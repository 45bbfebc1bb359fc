/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/memory.h - memory for code: one memfd, mapped once to be written and once to be executed, so that no
 * mapping is both.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <mortise/error.h>

/* Maps `size` bytes. Hosts may refuse to execute memfds: -EACCES or -EPERM and a message. */
int jit_memory_map(uint8_t **write, uint8_t **exec, size_t size, struct mortise_error *err);
void jit_memory_unmap(uint8_t *write, uint8_t *exec, size_t size);
