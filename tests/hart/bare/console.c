/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - output and the end.
 */
#include "console.h"

#include <stdbool.h>

#include "sbi.h"

#define UART ((volatile uint8_t *)0x10000000)
#define UART_LSR 5
#define UART_LSR_THRE 0x20

static void put_to_uart(const char *data, uint64_t size)
{
	while (size--) {
		while (!(UART[UART_LSR] & UART_LSR_THRE))
			;
		UART[0] = (uint8_t)*data++;
	}
}

void put_bytes(const void *data, uint64_t size)
{
	static enum { UNKNOWN, FIRMWARE, DEVICE } way;
	const char *from = data;

	if (way == UNKNOWN)
		way = sbi_has(SBI_DBCN) ? FIRMWARE : DEVICE;
	if (way == DEVICE) {
		put_to_uart(from, size);
		return;
	}
	while (size) {
		struct sbi_result written = SBI_CALL(SBI_DBCN, 0, size, from, 0);

		if (written.error)
			break;
		from += written.value;
		size -= written.value;
	}
}

/* Hexadecimal numbers get a prefix. */
static char *number(char *end, uint64_t value, unsigned base)
{
	*--end = 0;
	do
		*--end = "0123456789abcdef"[value % base];
	while (value /= base);
	if (base == 16) {
		*--end = 'x';
		*--end = '0';
	}
	return end;
}

uint64_t format_text(char *text, uint64_t size, const char *format, va_list arguments)
{
	char digits[24];
	uint64_t used = 0;

	for (; *format && used + 1 < size; format++) {
		const char *part = digits;

		if (*format != '%') {
			text[used++] = *format;
			continue;
		}
		format++;
		if (*format == 's')
			part = va_arg(arguments, const char *);
		else
			part = number(digits + sizeof(digits), va_arg(arguments, uint64_t), *format == 'x' ? 16 : 10);
		while (*part && used + 1 < size)
			text[used++] = *part++;
	}
	text[used] = 0;
	return used;
}

void print(const char *format, ...)
{
	char line[512];
	va_list arguments;
	uint64_t size;

	va_start(arguments, format);
	size = format_text(line, sizeof(line), format, arguments);
	va_end(arguments);
	put_bytes(line, size);
}

void sbi_shutdown(void)
{
	SBI_CALL(SBI_SRST, 0, 0, 0);
	for (;;)
		asm volatile("wfi");
}
