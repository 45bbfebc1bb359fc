/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/irq.h - one interrupt line, from a device's side.
 */
#pragma once

#include <stdbool.h>

/*
 * A line into the machine's interrupt controller. set(true) is said at each new reason for an interrupt, also while an
 * older one lasts, set(false) when none is left: a level-triggered input is high in between, an edge-triggered one
 * takes every set(true) for an edge. It may be called on any thread, with the caller's own locks held: it takes no lock
 * above the controller's and calls nothing back.
 *
 * event_fd(): an eventfd (borrowed; it lasts as long as the controller), each signal to which does what set(true) does.
 * Edge-triggered inputs alone may have one; NULL: there is none.
 */
struct irq_line {
	void (*set)(void *controller, unsigned number, bool level);
	int (*event_fd)(void *controller, unsigned number);
	void *controller;
	unsigned number;
};

static inline void irq_set(const struct irq_line *line, bool level)
{
	line->set(line->controller, line->number, level);
}

/* -1: none. */
static inline int irq_event_fd(const struct irq_line *line)
{
	return line->event_fd ? line->event_fd(line->controller, line->number) : -1;
}
