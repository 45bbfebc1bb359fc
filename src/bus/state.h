/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/state.h - an instance's state out of it, and into another: the steps that a handover takes beside those of
 * bus/instance.h.
 */
#pragma once

#include "bus/instance.h"

#define STATE_SIZE_MAX (16u << 20) /* bytes, as mortise/plugin.h says */

/* What save() wrote; the memory is whoever's has the structure. */
struct device_saved {
	void *data;
	uint64_t size;
};
void device_saved_done(struct device_saved *saved);

/* QUIESCED; stays so. Fills `out`, which is empty, and stays empty where the class has no such state. */
void device_save(struct mortise_device *device, struct device_saved *out, struct reply *reply);

/*
 * Gets ready behind a transport that shows something else: takes over `state`, is activated with what the driver has
 * negotiated, and keeps still. REALIZED -> QUIESCED when `live`; else it stays REALIZED, without a state. On failure
 * behind nothing, and REALIZED.
 */
void device_prepare(struct mortise_device *device, struct transport *transport, bool live,
		    const struct device_saved *state, struct reply *reply);

/* Prepared: is shown to the driver from now on. With `go` QUIESCED -> ACTIVE. On failure as before. */
void device_show(struct mortise_device *device, bool go, struct reply *reply);

/* Prepared, and not shown after all -> REALIZED, behind nothing. Cannot fail. */
void device_withdraw(struct mortise_device *device, struct reply *reply);
