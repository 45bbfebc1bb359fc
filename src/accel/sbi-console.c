/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/sbi-console.c - writing to the RISC-V firmware's console, for every accelerator.
 */
#include "accel/sbi-console.h"

#include "base/util.h"

/* One call writes at most this much of the guest's buffer: it answers how much, and the guest calls again. */
#define CHUNK 1024

static unsigned write_out(const struct accel *accel, const void *data, unsigned size)
{
	const struct accel_events *events = &accel->config.events;

	return events->console_write(events->opaque, data, size);
}

enum sbi_error sbi_console_call(const struct accel *accel, uint64_t function, const uint64_t args[3], uint64_t *value)
{
	const uint64_t size = MIN(args[0], CHUNK);
	uint8_t chunk[CHUNK];
	const uint8_t *from;

	*value = 0;
	switch (function) {
	case SBI_DBCN_WRITE:
		if (size == 0)
			return SBI_SUCCESS;
		from = args[2] ? NULL : ram_at(accel->config.ram, args[1], size);
		if (!from)
			return SBI_INVALID_PARAM;
		for (uint64_t i = 0; i < size; i++)
			chunk[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
		*value = write_out(accel, chunk, (unsigned)size);
		return SBI_SUCCESS;
	case SBI_DBCN_READ: /* there is never input here: the console is the UART */
		return SBI_SUCCESS;
	case SBI_DBCN_WRITE_BYTE:
		chunk[0] = (uint8_t)args[0];
		return write_out(accel, chunk, 1) ? SBI_SUCCESS : SBI_FAILED;
	default:
		return SBI_NOT_SUPPORTED;
	}
}
