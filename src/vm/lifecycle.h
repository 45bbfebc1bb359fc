/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/lifecycle.h - stop, cont, reset and the guest's own power-off: what vm.c needs of them.
 */
#pragma once

#include "vm/vm.h"

int lifecycle_new(struct vm *vm, struct mortise_error *err);
void lifecycle_free(struct vm *vm);

/* What the accelerator is to call. */
struct accel_events lifecycle_events(struct vm *vm);

/* Loads the guest and puts the vCPUs at its first instruction; nothing runs yet. */
int lifecycle_boot(struct vm *vm, struct mortise_error *err);
