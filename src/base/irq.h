/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/irq.h - one interrupt line, from a device's side.
 */
#pragma once

#include <stdbool.h>

/*
 * A level-triggered line into the machine's interrupt controller. set() may be called on any thread, with the caller's
 * own locks held: it takes no lock above the controller's and calls nothing back.
 */
struct irq_line {
	void (*set)(void *controller, unsigned number, bool level);
	void *controller;
	unsigned number;
};

static inline void irq_set(const struct irq_line *line, bool level)
{
	line->set(line->controller, line->number, level);
}
