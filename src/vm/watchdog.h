/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/watchdog.h - watches over the threads of devices: a plugin that does not come back from a callback is named in the
 * log and in DEVICE_UNRESPONSIVE. Nothing else is done about it, as nothing else waits for it.
 */
#pragma once

#include "vm/vm.h"

int watchdog_start(struct vm *vm, struct mortise_error *err);
void watchdog_stop(struct vm *vm);
