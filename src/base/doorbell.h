/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/doorbell.h - a register of a device that the accelerator can tie to eventfds, from the device's side.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * tie() has each store of `value` to the register signal `event_fd` (borrowed until it is untied) in place of reaching
 * the device; a negative errno where that cannot be. Any thread. NULL: it never can.
 */
struct doorbell {
	int (*tie)(void *controller, unsigned number, uint32_t value, int event_fd, bool attach);
	void *controller;
	unsigned number;
};

static inline bool doorbell_tie(const struct doorbell *doorbell, uint32_t value, int event_fd, bool attach)
{
	return doorbell->tie && doorbell->tie(doorbell->controller, doorbell->number, value, event_fd, attach) == 0;
}
