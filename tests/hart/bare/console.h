/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.h - output over the UART, or the firmware's console where it has one.
 */
#pragma once

#include <stdarg.h>
#include <stdint.h>

/* Bytes at a physical address that is mapped one to one. */
void put_bytes(const void *data, uint64_t size);

/* %s, %u (uint64_t), %x (uint64_t); a line of up to 512 bytes. */
void print(const char *format, ...);

/* The same into `text`, cut to its size; the length. */
uint64_t format_text(char *text, uint64_t size, const char *format, va_list arguments);
