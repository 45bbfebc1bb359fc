/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-x86-board.c - the x86_64 board's parts: tables, the ports behind them, interrupt pins, clock.
 */
#include "unit.h"

#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "machine/acpi/events.h"
#include "machine/acpi/tables.h"
#include "machine/cmos.h"
#include "machine/gsi.h"
#include "machine/machine.h"
#include "machine/mptable.h"
#include "machine/x86_64.h"

#define BASE UINT64_C(0xe0000)

static uint64_t number(const void *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

static uint8_t sum(const uint8_t *bytes, size_t size)
{
	uint8_t total = 0;

	while (size--)
		total += *bytes++;
	return total;
}

/* --- tables --- */

struct blob {
	uint8_t *bytes;
	size_t size;
};

static const uint8_t *table_at(const struct blob *blob, uint64_t gpa, const char *signature)
{
	const uint8_t *table = blob->bytes + (gpa - BASE);

	assert_in_range(gpa, BASE, BASE + blob->size - 36);
	assert_memory_equal(table, signature, 4);
	assert_in_range(number(table + 4, 4), 36, blob->size - (gpa - BASE));
	assert_int_equal(sum(table, number(table + 4, 4)), 0);
	return table;
}

/* iasl takes it apart again, and finds nothing to complain about. */
static void disassembles(const uint8_t *table)
{
	char directory[] = "/tmp/mortise-acpi-XXXXXX", command[512];
	FILE *file;

	assert_non_null(mkdtemp(directory));
	snprintf(command, sizeof(command), "%s/table", directory);
	file = fopen(command, "we");
	fwrite(table, 1, number(table + 4, 4), file);
	fclose(file);
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d table >log 2>&1 && grep -q DefinitionBlock\\\\\\|Signature table.dsl && "
		 "! grep -iE 'error|warning|invalid|incorrect|Unknown' log table.dsl || { cat log; false; }; "
		 "status=$?; rm -rf %s; exit $status",
		 directory, directory);
	assert_int_equal(system(command), 0);
}

/* Every slot's resources are where the board has its slots: descriptors of ACPI 6.4, 6.4.3.4 and 6.4.3.6. */
static void check_slots(const uint8_t *dsdt)
{
	const size_t size = number(dsdt + 4, 4);
	unsigned n = 0;

	for (size_t i = 36; i + 12 < size; i++) {
		if (memcmp(dsdt + i, "\x86\x09\x00\x01", 4) != 0)
			continue;
		assert_int_equal(number(dsdt + i + 4, 4), X86_64_SLOT_BASE + n * X86_64_SLOT_STRIDE);
		assert_int_equal(number(dsdt + i + 8, 4), X86_64_SLOT_SIZE);
		assert_int_equal(dsdt[i + 12], 0x89);
		assert_int_equal(dsdt[i + 15], 0x0b); /* consumer, edge, active high, shared */
		assert_int_equal(number(dsdt + i + 17, 4), X86_64_SLOT_GSI + n % X86_64_SLOT_GSIS);
		n++;
	}
	assert_int_equal(n, MACHINE_SLOTS_MAX);
}

static void tables(void **state)
{
	const uint8_t *xsdt, *fadt, *madt, *dsdt;
	struct blob blob;

	assert_int_equal(acpi_tables_build(BASE, 3, (void **)&blob.bytes, &blob.size, NULL), 0);
	assert_memory_equal(blob.bytes, "RSD PTR ", 8);
	assert_int_equal(sum(blob.bytes, 20), 0);
	assert_int_equal(sum(blob.bytes, 36), 0);
	xsdt = table_at(&blob, number(blob.bytes + 24, 8), "XSDT");
	assert_int_equal(number(xsdt + 4, 4), 36 + 2 * 8);
	fadt = table_at(&blob, number(xsdt + 36, 8), "FACP");
	madt = table_at(&blob, number(xsdt + 44, 8), "APIC");
	dsdt = table_at(&blob, number(fadt + 140, 8), "DSDT");
	assert_int_equal(number(fadt + 112, 4) >> 20 & 1, 1);
	assert_int_equal(number(madt + 4, 4), 44 + 12 + 3 * 8);
	check_slots(dsdt);
	disassembles(xsdt);
	disassembles(fadt);
	disassembles(madt);
	disassembles(dsdt);
	free(blob.bytes);
}

static void tables_most(void **state)
{
	struct mortise_error err = {0};
	void *out;
	size_t size;

	assert_int_equal(acpi_tables_build(BASE, machine_x86_64.max_cpus, &out, &size, &err), 0);
	assert_in_range(size, 1, 0x20000);
	free(out);
	assert_true(acpi_tables_build(BASE, 255, &out, &size, &err) < 0);
	assert_names(&err, "255");
}

static void mptables(void **state)
{
	uint8_t *bytes;
	size_t size;

	assert_int_equal(mptable_build(0xf0000, 2, 24, 6, (void **)&bytes, &size, NULL), 0);
	assert_memory_equal(bytes, "_MP_", 4);
	assert_int_equal(sum(bytes, 16), 0);
	assert_int_equal(number(bytes + 4, 4), 0xf0010);
	assert_memory_equal(bytes + 16, "PCMP", 4);
	assert_int_equal(number(bytes + 20, 2), size - 16);
	assert_int_equal(sum(bytes + 16, size - 16), 0);
	assert_int_equal(size, 16 + 44 + 2 * 20 + 8 + 8 + 24 * 8);
	assert_int_equal(number(bytes + 16 + 34, 2), 2 + 1 + 1 + 24);
	assert_int_equal(number(bytes + size - 19 * 8 + 2, 2), 0xd); /* pin 5: level */
	assert_int_equal(number(bytes + size - 18 * 8 + 2, 2), 0x5); /* pin 6: edge */
	free(bytes);
}

/* --- ports --- */

struct fixture {
	struct acpi_events events;
	bool irq;
	unsigned asked;
	enum accel_guest_request request;
};

static void set_irq(void *opaque, unsigned n, bool level)
{
	((struct fixture *)opaque)->irq = level;
}

static void guest_request(void *opaque, enum accel_guest_request request)
{
	struct fixture *f = opaque;

	f->asked++;
	f->request = request;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	acpi_events_init(&f->events, &(struct irq_line){.set = set_irq, .controller = f},
			 &(struct accel_events){.guest_request = guest_request, .opaque = f});
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	acpi_events_done(&f->events);
	free(f);
	return 0;
}

static uint64_t in(struct fixture *f, uint64_t port)
{
	return acpi_events_ops.read(&f->events, port, 4);
}

static void power(void **state)
{
	struct fixture *f = *state;

	acpi_events_power_button(&f->events);
	assert_true(f->irq);
	assert_int_equal(in(f, X86_64_ACPI_EVENTS), X86_64_ACPI_EVENT_POWER);
	assert_false(f->irq);
	assert_int_equal(in(f, X86_64_ACPI_EVENTS), 0);

	acpi_events_ops.write(&f->events, X86_64_ACPI_SLEEP_CONTROL, 0x20, 1); /* S0 */
	acpi_events_ops.write(&f->events, X86_64_ACPI_SLEEP_CONTROL, 5 << 2, 1);
	acpi_events_ops.write(&f->events, X86_64_ACPI_RESET, 0, 1);
	acpi_events_ops.write(&f->events, X86_64_ACPI_RESET, 1, 4);
	assert_int_equal(f->asked, 0);
	acpi_events_ops.write(&f->events, X86_64_ACPI_SLEEP_CONTROL, 0x34, 1);
	assert_int_equal(f->asked, 1);
	assert_int_equal(f->request, ACCEL_GUEST_POWEROFF);
	acpi_events_ops.write(&f->events, X86_64_ACPI_RESET, 1, 1);
	assert_int_equal(f->asked, 2);
	assert_int_equal(f->request, ACCEL_GUEST_REBOOT);
}

static void presence(void **state)
{
	struct fixture *f = *state;
	const struct irq_line low = acpi_events_presence(&f->events, 3), high = acpi_events_presence(&f->events, 47);

	irq_set(&low, false);
	assert_false(f->irq);
	irq_set(&low, true);
	irq_set(&high, true);
	assert_true(f->irq);
	assert_int_equal(in(f, X86_64_ACPI_EVENTS), X86_64_ACPI_EVENT_SLOTS);
	assert_false(f->irq);
	assert_int_equal(in(f, X86_64_ACPI_PRESENT), 1 << 3);
	assert_int_equal(in(f, X86_64_ACPI_PRESENT + 4), 1 << 15);
	assert_int_equal(in(f, X86_64_ACPI_CHANGED), 1 << 3);
	assert_int_equal(in(f, X86_64_ACPI_CHANGED), 0);
	irq_set(&high, true);
	assert_false(f->irq);
	irq_set(&high, false);
	assert_true(f->irq);
	acpi_events_reset(&f->events);
	assert_false(f->irq);
	assert_int_equal(in(f, X86_64_ACPI_CHANGED + 4), 0);
	assert_int_equal(in(f, X86_64_ACPI_PRESENT), 1 << 3);
	assert_int_equal(in(f, X86_64_ACPI_PRESENT + 4), 0);
	for (uint64_t port = 0; port < X86_64_ACPI_PORTS; port++)
		for (unsigned width = 1; width <= 4; width *= 2)
			acpi_events_ops.read(&f->events, port, width);
}

/* --- interrupt pins --- */

struct pins {
	struct accel accel;
	struct gsi_pins gsis;
	unsigned changes;
	bool level[GSI_COUNT];
	int event_fds[GSI_COUNT];
};

static void set_gsi(struct accel *accel, unsigned gsi, bool level)
{
	struct pins *pins = container_of(accel, struct pins, accel);

	pins->level[gsi] = level;
	pins->changes++;
}

static int irq_fd(struct accel *accel, unsigned gsi, int event_fd, struct mortise_error *err)
{
	container_of(accel, struct pins, accel)->event_fds[gsi] = event_fd;
	return 0;
}

static uint64_t edges(const struct pins *pins, unsigned gsi)
{
	eventfd_t count = 0;

	eventfd_read(pins->event_fds[gsi], &count);
	return count;
}

static void interrupt_pins(void **state)
{
	struct pins pins = {.accel = {.set_gsi = set_gsi, .irq_fd = irq_fd}};
	struct irq_line level, edge, sharer, other;

	assert_int_equal(gsi_init(&pins.gsis, 6, NULL), 0);
	level = gsi_line(&pins.gsis, 5);
	edge = gsi_line(&pins.gsis, 6);
	sharer = gsi_line(&pins.gsis, 6);
	other = gsi_line(&pins.gsis, 23);
	irq_set(&level, false); /* nobody is there yet */
	assert_int_equal(gsi_attach(&pins.gsis, &pins.accel, NULL), 0);
	irq_set(&level, true);
	assert_true(pins.level[5]);
	irq_set(&level, false);
	assert_false(pins.level[5]);
	assert_int_equal(irq_event_fd(&level), -1);
	irq_set(&edge, true);
	irq_set(&edge, true);
	irq_set(&sharer, true);
	irq_set(&sharer, false);
	assert_int_equal(edges(&pins, 6), 3);
	assert_int_equal(edges(&pins, 23), 0);
	eventfd_write(irq_event_fd(&other), 1);
	assert_int_equal(edges(&pins, 23), 1);
	assert_int_equal(irq_event_fd(&edge), irq_event_fd(&sharer));
	assert_int_equal(pins.changes, 2);
	gsi_done(&pins.gsis);
}

/* --- clock --- */

static uint64_t cmos_get(struct cmos *cmos, uint8_t index)
{
	cmos_ops.write(cmos, 0, index, 1);
	return cmos_ops.read(cmos, 1, 1);
}

static void cmos_put(struct cmos *cmos, uint8_t index, uint8_t value)
{
	cmos_ops.write(cmos, 0, index, 1);
	cmos_ops.write(cmos, 1, value, 1);
}

static int from_bcd(uint64_t value)
{
	return (int)((value >> 4) * 10 + (value & 15));
}

static time_t cmos_time(struct cmos *cmos)
{
	struct tm tm = {.tm_sec = from_bcd(cmos_get(cmos, 0)),
			.tm_min = from_bcd(cmos_get(cmos, 2)),
			.tm_hour = from_bcd(cmos_get(cmos, 4)),
			.tm_mday = from_bcd(cmos_get(cmos, 7)),
			.tm_mon = from_bcd(cmos_get(cmos, 8)) - 1,
			.tm_year = from_bcd(cmos_get(cmos, 0x32)) * 100 + from_bcd(cmos_get(cmos, 9)) - 1900};

	return timegm(&tm);
}

static void assert_about(time_t is, time_t should)
{
	assert_in_range(is, should - 60, should + 60);
}

static void clock_tells(void **state)
{
	static const uint8_t set[][2] = {{0, 0x59}, {2, 0x58}, {4, 0x23},   {7, 0x28},
					 {8, 0x02}, {9, 0x00}, {0x32, 0x21}};
	struct cmos *cmos;

	assert_int_equal(cmos_new(&cmos, NULL), 0);
	assert_about(cmos_time(cmos), time(NULL));
	assert_int_equal(cmos_get(cmos, 0x0a) & 0x80, 0);
	assert_int_equal(cmos_get(cmos, 0x0d), 0x80);

	cmos_put(cmos, 0x0b, 0x82);
	for (size_t i = 0; i < ARRAY_SIZE(set); i++)
		cmos_put(cmos, set[i][0], set[i][1]);
	assert_int_equal(cmos_get(cmos, 2), 0x58);
	cmos_put(cmos, 0x0b, 0x02);
	assert_about(cmos_time(cmos), 4107542339); /* 2100-02-28 23:58:59 UTC */
	cmos_reset(cmos);
	assert_about(cmos_time(cmos), 4107542339);
	cmos_put(cmos, 0x0b, 0x06);
	assert_int_equal(cmos_get(cmos, 9), 0);
	assert_int_equal(cmos_get(cmos, 0x32), 21);

	cmos_put(cmos, 0x0b, 0x82);
	for (unsigned index = 0; index < 256; index++)
		cmos_put(cmos, (uint8_t)index, 0xff);
	cmos_put(cmos, 0x0b, 0x02);
	for (unsigned index = 0; index < 256; index++)
		cmos_get(cmos, (uint8_t)index);
	cmos_ops.write(cmos, 1, 1, 4);
	assert_int_equal(cmos_ops.read(cmos, 0, 2), 0xff);
	cmos_free(cmos);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(tables_most),
		cmocka_unit_test(mptables),
		cmocka_unit_test_setup_teardown(power, setup, teardown),
		cmocka_unit_test_setup_teardown(presence, setup, teardown),
		cmocka_unit_test(interrupt_pins),
		cmocka_unit_test(clock_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
