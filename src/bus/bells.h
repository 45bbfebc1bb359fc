/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/bells.h - eventfds in place of stores to QueueNotify, for this folder alone: the driver's notification then goes
 * from the accelerator straight to the instance's thread, and no vCPU leaves the guest for it.
 */
#pragma once

#include "bus/instance.h"

/*
 * Ties every queue that the driver has set up to an eventfd of its own, as far as the accelerator can, or gives them
 * back. A queue without one is notified through the register. Control thread, while the instance is not active.
 */
void bells_tie(struct transport *t);
void bells_untie(struct transport *t);

/* Has the instance's thread listen to the bells of its transport, or not. The instance's thread. */
int bells_listen(struct mortise_device *device);
void bells_leave(struct mortise_device *device);

/* Takes away the bell of a queue that is lent, whose server has an eventfd of its own, or gives it back. Likewise. */
void bell_lend(struct mortise_device *device, uint32_t queue, bool lent);
