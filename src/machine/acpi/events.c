/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/acpi/events.c - the ports behind the firmware tables.
 *
 * Registers are served on vCPU threads, events come from the control thread; one lock guards both.
 */
#include "machine/acpi/events.h"

#include "machine/x86_64.h"

#define SLEEP_ENABLE 0x20
#define SLEEP_TYPE(value) ((value) >> 2 & 7)

static uint32_t take(uint32_t *bits)
{
	const uint32_t value = *bits;

	*bits = 0;
	return value;
}

/* Under the lock. */
static void raise(struct acpi_events *events, uint32_t what)
{
	events->events |= what;
	irq_set(&events->irq, true);
}

static uint32_t read_register(struct acpi_events *events, uint64_t offset)
{
	switch (offset) {
	case X86_64_ACPI_EVENTS:
		irq_set(&events->irq, false);
		return take(&events->events);
	case X86_64_ACPI_PRESENT:
	case X86_64_ACPI_PRESENT + 4:
		return events->present[(offset - X86_64_ACPI_PRESENT) / 4];
	case X86_64_ACPI_CHANGED:
	case X86_64_ACPI_CHANGED + 4:
		return take(&events->changed[(offset - X86_64_ACPI_CHANGED) / 4]);
	default:
		return 0;
	}
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned width)
{
	struct acpi_events *events = opaque;
	uint32_t value;

	if (width != 4)
		return 0;
	pthread_mutex_lock(&events->lock);
	value = read_register(events, offset);
	pthread_mutex_unlock(&events->lock);
	return value;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	const struct accel_events *guest = &((struct acpi_events *)opaque)->guest;

	if (width != 1)
		return;
	if (offset == X86_64_ACPI_SLEEP_CONTROL && value & SLEEP_ENABLE && SLEEP_TYPE(value) == X86_64_ACPI_S5)
		guest->guest_request(guest->opaque, ACCEL_GUEST_POWEROFF);
	else if (offset == X86_64_ACPI_RESET && value == X86_64_ACPI_RESET_VALUE)
		guest->guest_request(guest->opaque, ACCEL_GUEST_REBOOT);
}

const struct mmio_ops acpi_events_ops = {.read = port_read, .write = port_write};

void acpi_events_power_button(struct acpi_events *events)
{
	pthread_mutex_lock(&events->lock);
	raise(events, X86_64_ACPI_EVENT_POWER);
	pthread_mutex_unlock(&events->lock);
}

static void set_presence(void *opaque, unsigned n, bool present)
{
	const uint32_t bit = UINT32_C(1) << n % 32;
	struct acpi_events *events = opaque;

	pthread_mutex_lock(&events->lock);
	if (!(events->present[n / 32] & bit) == present) {
		events->present[n / 32] ^= bit;
		events->changed[n / 32] |= bit;
		raise(events, X86_64_ACPI_EVENT_SLOTS);
	}
	pthread_mutex_unlock(&events->lock);
}

struct irq_line acpi_events_presence(struct acpi_events *events, unsigned n)
{
	return (struct irq_line){.set = set_presence, .controller = events, .number = n};
}

void acpi_events_init(struct acpi_events *events, const struct irq_line *irq, const struct accel_events *guest)
{
	*events = (struct acpi_events){.irq = *irq, .guest = *guest};
	pthread_mutex_init(&events->lock, NULL);
}

void acpi_events_done(struct acpi_events *events)
{
	pthread_mutex_destroy(&events->lock);
}

void acpi_events_reset(struct acpi_events *events)
{
	pthread_mutex_lock(&events->lock);
	events->events = events->changed[0] = events->changed[1] = 0;
	irq_set(&events->irq, false);
	pthread_mutex_unlock(&events->lock);
}
