/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/gsi.h - interrupt lines on the pins of the accelerator's own interrupt controller, several on one pin.
 */
#pragma once

#include <pthread.h>

#include "accel/accel.h"
#include "base/irq.h"

#define GSI_COUNT 24
#define GSI_SHARERS 64

/* A pin is high while any of its lines is. */
struct gsi_pins {
	struct accel *accel; /* set before vCPUs run and before a line is raised */
	struct {
		pthread_mutex_t lock;
		uint64_t high; /* one bit a line */
	} pins[GSI_COUNT];
};

void gsi_init(struct gsi_pins *pins);
void gsi_done(struct gsi_pins *pins);

/* The `sharer`-th line of pin `gsi`. */
struct irq_line gsi_line(struct gsi_pins *pins, unsigned gsi, unsigned sharer);
