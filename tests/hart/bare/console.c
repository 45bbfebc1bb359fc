/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - output and the end.
 */
#include "console.h"

#include <stdarg.h>
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

static char *number(char *end, uint64_t value, unsigned base)
{
	*--end = 0;
	do
		*--end = "0123456789abcdef"[value % base];
	while (value /= base);
	return end;
}

void print(const char *format, ...)
{
	char line[512], digits[24];
	uint64_t used = 0;
	va_list arguments;

	va_start(arguments, format);
	for (; *format && used < sizeof(line); format++) {
		const char *text = digits;

		if (*format != '%') {
			line[used++] = *format;
			continue;
		}
		format++;
		if (*format == 's')
			text = va_arg(arguments, const char *);
		else
			text = number(digits + sizeof(digits), va_arg(arguments, uint64_t), *format == 'x' ? 16 : 10);
		if (*format == 'x' && used + 2 < sizeof(line)) {
			line[used++] = '0';
			line[used++] = 'x';
		}
		while (*text && used < sizeof(line))
			line[used++] = *text++;
	}
	va_end(arguments);
	put_bytes(line, used);
}

void sbi_shutdown(void)
{
	SBI_CALL(SBI_SRST, 0, 0, 0);
	for (;;)
		asm volatile("wfi");
}
