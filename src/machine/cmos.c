/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/cmos.c - the PC's real-time clock: Motorola MC146818 data sheet, with the century at 0x32 (ACPI 6.4, FADT).
 *
 * Always in UTC and 24-hour mode, in BCD or binary as register B says. While a driver holds SET, it sees and alters a
 * copy of the time; letting go of SET sets the clock. Served on vCPU threads; one lock guards the state.
 */
#include "machine/cmos.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/util.h"

enum {
	SECONDS = 0x00,
	MINUTES = 0x02,
	HOURS = 0x04,
	WEEKDAY = 0x06, /* Sunday is 1 */
	DAY = 0x07,
	MONTH = 0x08,
	YEAR = 0x09,
	REGISTER_A = 0x0a,
	REGISTER_B = 0x0b,
	REGISTER_C = 0x0c,
	REGISTER_D = 0x0d,
	CENTURY = 0x32,
	SIZE = 0x80,
};

#define A_32KHZ 0x26 /* the divider of a running clock, and never an update in progress */
#define B_SET 0x80
#define B_BINARY 0x04
#define B_24_HOURS 0x02
#define D_VALID 0x80

struct cmos {
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t bytes[SIZE]; /* those without a meaning keep what was written */
	int64_t offset;	     /* guest's clock minus the host's, seconds */
	struct tm set;	     /* the copy, while B_SET */
};

static struct tm now(const struct cmos *cmos)
{
	const time_t seconds = time(NULL) + (time_t)cmos->offset;
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	return tm;
}

static uint8_t encode(const struct cmos *cmos, int value)
{
	return (uint8_t)(cmos->bytes[REGISTER_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static int decode(const struct cmos *cmos, uint8_t value)
{
	return cmos->bytes[REGISTER_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 0xf);
}

static uint8_t read_byte(const struct cmos *cmos)
{
	const struct tm tm = cmos->bytes[REGISTER_B] & B_SET ? cmos->set : now(cmos);

	switch (cmos->index) {
	case SECONDS:
		return encode(cmos, tm.tm_sec);
	case MINUTES:
		return encode(cmos, tm.tm_min);
	case HOURS:
		return encode(cmos, tm.tm_hour);
	case WEEKDAY:
		return encode(cmos, tm.tm_wday + 1);
	case DAY:
		return encode(cmos, tm.tm_mday);
	case MONTH:
		return encode(cmos, tm.tm_mon + 1);
	case YEAR:
		return encode(cmos, tm.tm_year % 100);
	case CENTURY:
		return encode(cmos, tm.tm_year / 100 + 19);
	case REGISTER_A:
		return A_32KHZ;
	case REGISTER_C:
		return 0;
	case REGISTER_D:
		return D_VALID;
	default:
		return cmos->bytes[cmos->index];
	}
}

static void write_control(struct cmos *cmos, uint8_t value)
{
	const uint8_t before = cmos->bytes[REGISTER_B];

	if (value & ~before & B_SET)
		cmos->set = now(cmos);
	else if (before & ~value & B_SET)
		cmos->offset = (int64_t)timegm(&cmos->set) - (int64_t)time(NULL);
	cmos->bytes[REGISTER_B] = value | B_24_HOURS;
}

static void set_field(const struct cmos *cmos, struct tm *tm, uint8_t value)
{
	switch (cmos->index) {
	case SECONDS:
		tm->tm_sec = decode(cmos, value);
		break;
	case MINUTES:
		tm->tm_min = decode(cmos, value);
		break;
	case HOURS:
		tm->tm_hour = decode(cmos, value);
		break;
	case DAY:
		tm->tm_mday = decode(cmos, value);
		break;
	case MONTH:
		tm->tm_mon = decode(cmos, value) - 1;
		break;
	case YEAR:
		tm->tm_year = tm->tm_year / 100 * 100 + decode(cmos, value) % 100;
		break;
	case CENTURY:
		tm->tm_year = (decode(cmos, value) - 19) * 100 + tm->tm_year % 100;
		break;
	}
}

static void write_byte(struct cmos *cmos, uint8_t value)
{
	switch (cmos->index) {
	case REGISTER_B:
		write_control(cmos, value);
		break;
	case SECONDS:
	case MINUTES:
	case HOURS:
	case DAY:
	case MONTH:
	case YEAR:
	case CENTURY:
		/* Without SET a driver races with the clock on real hardware too; none does it. */
		if (cmos->bytes[REGISTER_B] & B_SET)
			set_field(cmos, &cmos->set, value);
		break;
	default:
		cmos->bytes[cmos->index] = value;
	}
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned width)
{
	struct cmos *cmos = opaque;
	uint64_t value;

	if (width != 1 || offset != 1)
		return 0xff;
	pthread_mutex_lock(&cmos->lock);
	value = read_byte(cmos);
	pthread_mutex_unlock(&cmos->lock);
	return value;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	struct cmos *cmos = opaque;

	if (width != 1)
		return;
	pthread_mutex_lock(&cmos->lock);
	if (offset == 0)
		cmos->index = value & (SIZE - 1); /* the top bit is the NMI's mask */
	else
		write_byte(cmos, (uint8_t)value);
	pthread_mutex_unlock(&cmos->lock);
}

const struct mmio_ops cmos_ops = {.read = port_read, .write = port_write};

int cmos_new(struct cmos **out, struct mortise_error *err)
{
	struct cmos *cmos = calloc(1, sizeof(*cmos));

	if (!cmos)
		return mortise_fail(err, -ENOMEM, "Out of memory for the real-time clock");
	pthread_mutex_init(&cmos->lock, NULL);
	cmos->bytes[REGISTER_B] = B_24_HOURS;
	*out = cmos;
	return 0;
}

struct cmos *cmos_free(struct cmos *cmos)
{
	if (cmos)
		pthread_mutex_destroy(&cmos->lock);
	free(cmos);
	return NULL;
}

void cmos_reset(struct cmos *cmos)
{
	pthread_mutex_lock(&cmos->lock);
	cmos->index = 0;
	cmos->bytes[REGISTER_B] = B_24_HOURS;
	pthread_mutex_unlock(&cmos->lock);
}
