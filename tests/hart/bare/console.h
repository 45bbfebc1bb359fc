/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.h - output over the UART, or the firmware's console where it has one.
 */
#pragma once

#include <stdint.h>

/* Bytes at a physical address that is mapped one to one. */
void put_bytes(const void *data, uint64_t size);

/* %s, %u (uint64_t), %x (uint64_t). */
void print(const char *format, ...);
