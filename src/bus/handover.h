/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/handover.h - a plugged instance's place, with all its state, to another: upgrade, recovery.
 *
 * It is an exchange (see slot_exchange()) in two parts, so that several slots can do it together or not at all. First
 * the present instance is quiesced and saved, and the other restored and activated behind its back; then the owner
 * decides, and either that one goes on or the present one does, as if nothing had been. The driver sees neither a reset
 * nor an interrupt, unless the configuration differs. Control thread.
 */
#pragma once

#include "bus/slot.h"
#include "bus/state.h"

enum handover_phase { HANDOVER_PENDING, HANDOVER_READY, HANDOVER_OVER };

/* The owner fills in the first three, and keeps it until `done` was answered. */
struct slot_handover {
	struct mortise_device *device; /* REALIZED: what comes; fits as slot_accepts() has it */
	struct reply ready;	       /* answered first: 0, or why the present instance stays */
	struct reply done; /* answered last: 0 when `device` is behind the slot, -ECANCELED when it is not */

	uint64_t pause_ns; /* from the call to quiesce() until the driver was served again */

	/* The slot's own. */
	enum handover_phase phase;
	bool canceled;
	uint64_t started;
	struct device_saved saved;
	struct transition *transition;
};

/* Both replies come, whatever happens, in their order. */
void slot_hand_over(struct slot *slot, struct slot_handover *handover);

/*
 * The decision, once. `commit` only after `ready` was answered with 0. Without it, at any time: the handover comes to
 * its end as soon as the plugin lets it.
 */
void slot_handover_end(struct slot_handover *handover, bool commit);
