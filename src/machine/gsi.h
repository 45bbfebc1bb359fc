/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/gsi.h - interrupt lines on the pins of the accelerator's own interrupt controller.
 *
 * A level-triggered pin has one line. An edge-triggered one has any number, which share an eventfd that drives it: an
 * interrupt costs one store to that, which somebody else than the VMM can do, and its end costs nothing.
 *
 * However many devices are on a pin, no edge is lost. The kernel serves the signals to one eventfd one after the other;
 * what comes while it drives the pin makes it drive it once more. (With two eventfds on a pin, one's edge could vanish
 * in the other's.) Edges that meet on their way to the CPU become one interrupt, after which the driver looks at all
 * devices that share it. Only what comes before there is a handler, and the pin is masked, is lost: hence a driver's
 * DRIVER_OK precedes a slot's first interrupt, and what the guest is to find at any time has a level-triggered pin.
 */
#pragma once

#include "accel/accel.h"
#include "base/irq.h"

#define GSI_COUNT 24

struct gsi_pins {
	struct accel *accel;
	int event_fds[GSI_COUNT]; /* -1: a level-triggered pin */
};

/* Pins from `first_edge` on are edge-triggered, those before level-triggered. */
int gsi_init(struct gsi_pins *pins, unsigned first_edge, struct mortise_error *err);
void gsi_done(struct gsi_pins *pins);

/* A line of pin `gsi`. */
struct irq_line gsi_line(struct gsi_pins *pins, unsigned gsi);

/* Connects the pins to the accelerator's controller, before vCPUs run and a line is raised. */
int gsi_attach(struct gsi_pins *pins, struct accel *accel, struct mortise_error *err);
