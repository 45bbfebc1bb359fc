/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/gsi.c - lines that share the pins of the accelerator's interrupt controller.
 */
#include "machine/gsi.h"

static void set_line(void *opaque, unsigned number, bool level)
{
	const uint64_t bit = UINT64_C(1) << number % GSI_SHARERS;
	const unsigned gsi = number / GSI_SHARERS;
	struct gsi_pins *pins = opaque;
	uint64_t before;

	pthread_mutex_lock(&pins->pins[gsi].lock);
	before = pins->pins[gsi].high;
	pins->pins[gsi].high = level ? before | bit : before & ~bit;
	if (!before != !pins->pins[gsi].high && pins->accel)
		pins->accel->set_gsi(pins->accel, gsi, level);
	pthread_mutex_unlock(&pins->pins[gsi].lock);
}

void gsi_init(struct gsi_pins *pins)
{
	*pins = (struct gsi_pins){0};
	for (unsigned i = 0; i < GSI_COUNT; i++)
		pthread_mutex_init(&pins->pins[i].lock, NULL);
}

void gsi_done(struct gsi_pins *pins)
{
	for (unsigned i = 0; i < GSI_COUNT; i++)
		pthread_mutex_destroy(&pins->pins[i].lock);
}

struct irq_line gsi_line(struct gsi_pins *pins, unsigned gsi, unsigned sharer)
{
	return (struct irq_line){.set = set_line, .controller = pins, .number = gsi * GSI_SHARERS + sharer};
}
