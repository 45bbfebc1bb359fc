/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instances.h - for rig.c and instances.c alone: the two halves of the rig.
 */
#pragma once

#include "rig.h"

bool instances_open(struct rig *rig); /* backends */
bool instances_load(struct rig *rig); /* the plugin */

int rig_realize(struct rig *rig, struct mortise_device *device, struct mortise_error *err);
void rig_unrealize(struct rig *rig, struct mortise_device *device);
void rig_on_loop(struct loop *loop, void (*run)(void *opaque), void *opaque);
