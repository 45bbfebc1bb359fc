/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/transition.h - the inside of a slot, for this folder alone: whatever needs the instance behind the transport, one
 * transition after the other.
 *
 * A transition is asked for by a vCPU (a register write that has to wait) or by the control thread. They queue up in
 * the order of their arrival on the control thread, which starts each when the one before is done; a transition is a
 * few steps of the instances concerned, each answered later, so that the control thread never waits.
 */
#pragma once

#include "base/log.h"
#include "bus/instance.h"
#include "bus/slot.h"
#include "bus/transport.h"

struct transition {
	struct slot *slot;
	void (*start)(struct transition *transition);
	struct transition *next;
	struct reply step; /* the step under way */

	/* Asked for by the control thread. */
	struct reply *reply; /* NULL: a vCPU waits */
	struct mortise_device *device;

	/* Asked for by a vCPU, on whose stack it is. */
	struct task arrival;
	struct transport_request request;
	bool served; /* guarded by the transport's lock */

	/* Exchange: what comes and what goes; NULL: nothing. */
	struct mortise_device *incoming, *outgoing;
	int result;
	struct mortise_error error;
};

struct slot {
	struct transport transport;
	char *name;
	struct loop *control, *empties;
	struct irq_line presence; /* set NULL: nobody looks */
	pthread_cond_t served;	  /* with the transport's lock: a vCPU's transition was carried out */

	/* Control thread. */
	struct mortise_device *empty;	 /* of a bay with a type; realized for as long as the slot lives */
	struct mortise_device *stand_in; /* in a slot for any type: keeps a driver company whose device was taken out */
	struct mortise_device *behind;	 /* the instance that the transport shows */
	struct mortise_device *plugged;	 /* the same, or NULL where that is one of ours */
	bool live;			 /* `behind` was activated, and not reset since */
	bool frozen;			 /* between stop and cont */
	bool ending;			 /* nobody will drive what is in there any more */
	struct transition *first, **last;
	struct log_limit log_limit;
};

/* Asks for a transition, on the control thread's behalf: `reply` is answered when it is done. */
void slot_ask(struct slot *slot, void (*start)(struct transition *transition), struct mortise_device *device,
	      struct reply *reply);

/* The same on a vCPU's behalf, which waits; no lock is held. */
void slot_serve(struct slot *slot, void (*start)(struct transition *transition),
		const struct transport_request *request);

/* --- within a transition; control thread --- */

/* The reply for a transition's next step; of which transition it is when it comes. */
struct reply *transition_step(struct transition *transition, void (*done)(struct reply *reply, int result));
struct transition *transition_of(struct reply *step);

/* Ends the transition, and starts the next; its memory is gone afterwards. */
void transition_finish(struct transition *transition, int result);

/* For a last step: its outcome is the transition's. */
void transition_done(struct reply *step, int result);

/* Ends a transition by taking away what was put in a gone device's place, if its driver has gone too. */
void exchange_stand_in(struct transition *transition);
