/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/acpi/events.h - the ports behind the firmware tables: sleep, reset, and what the guest is to be told of.
 *
 * offset	width	register
 * SLEEP_CONTROL  1	hardware-reduced sleep control (ACPI 6.4, 4.8.3.7): S5 powers off
 * SLEEP_STATUS	  1	zero
 * RESET	  1	RESET_VALUE resets the machine
 * EVENTS	  4	what has happened, as X86_64_ACPI_EVENT_...; reading takes it, and lowers the interrupt
 * PRESENT	  4, 4	one bit a slot: a device is in it
 * CHANGED	  4, 4	one bit a slot: a device was put in or taken out; reading takes it
 */
#pragma once

#include <pthread.h>

#include "accel/accel.h"
#include "base/irq.h"
#include "base/mmio.h"

struct acpi_events {
	pthread_mutex_t lock;
	struct irq_line irq;
	struct accel_events guest; /* where power-off and reset are reported */
	uint32_t events;
	uint32_t present[2], changed[2];
};

void acpi_events_init(struct acpi_events *events, const struct irq_line *irq, const struct accel_events *guest);
void acpi_events_done(struct acpi_events *events);

/* A start of the guest, which will look for itself: nothing has happened. */
void acpi_events_reset(struct acpi_events *events);

void acpi_events_power_button(struct acpi_events *events);

/* The wire by which slot `n` tells that a device is in it. */
struct irq_line acpi_events_presence(struct acpi_events *events, unsigned n);

extern const struct mmio_ops acpi_events_ops; /* opaque: struct acpi_events */
