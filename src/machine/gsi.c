/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/gsi.c - lines on the pins of the accelerator's interrupt controller.
 */
#include "machine/gsi.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int event_fd(void *opaque, unsigned gsi)
{
	const struct gsi_pins *pins = opaque;

	return pins->event_fds[gsi];
}

static void set_edge(void *opaque, unsigned gsi, bool level)
{
	if (level)
		eventfd_write(event_fd(opaque, gsi), 1);
}

static void set_level(void *opaque, unsigned gsi, bool level)
{
	const struct gsi_pins *pins = opaque;

	if (pins->accel)
		pins->accel->set_gsi(pins->accel, gsi, level);
}

int gsi_init(struct gsi_pins *pins, unsigned first_edge, struct mortise_error *err)
{
	*pins = (struct gsi_pins){0};
	for (unsigned i = 0; i < GSI_COUNT; i++)
		pins->event_fds[i] = -1;
	for (unsigned i = first_edge; i < GSI_COUNT; i++) {
		pins->event_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (pins->event_fds[i] < 0)
			return mortise_fail(err, -errno, "No eventfd for interrupt %u: %s", i, strerror(errno));
	}
	return 0;
}

void gsi_done(struct gsi_pins *pins)
{
	for (unsigned i = 0; i < GSI_COUNT; i++)
		if (pins->event_fds[i] >= 0)
			close(pins->event_fds[i]);
}

struct irq_line gsi_line(struct gsi_pins *pins, unsigned gsi)
{
	struct irq_line line = {.set = set_level, .controller = pins, .number = gsi};

	if (pins->event_fds[gsi] >= 0) {
		line.set = set_edge;
		line.event_fd = event_fd;
	}
	return line;
}

int gsi_attach(struct gsi_pins *pins, struct accel *accel, struct mortise_error *err)
{
	int r = 0;

	pins->accel = accel;
	for (unsigned i = 0; i < GSI_COUNT && r == 0; i++)
		if (pins->event_fds[i] >= 0)
			r = accel->irq_fd(accel, i, pins->event_fds[i], err);
	return r;
}
