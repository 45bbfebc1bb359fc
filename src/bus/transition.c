/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/transition.c - the queue of a slot's transitions.
 */
#include "bus/transition.h"

#include <errno.h>

#include "base/util.h"

static void start_next(struct slot *slot)
{
	if (slot->first)
		slot->first->start(slot->first);
}

static void append(struct slot *slot, struct transition *transition)
{
	const bool idle = !slot->first;

	transition->slot = slot;
	transition->next = NULL;
	*slot->last = transition;
	slot->last = &transition->next;
	if (idle)
		start_next(slot);
}

void transition_finish(struct transition *transition, int result)
{
	struct slot *slot = transition->slot;

	slot->first = transition->next;
	if (!slot->first)
		slot->last = &slot->first;
	if (transition->reply) {
		if (result < 0)
			transition->reply->error = transition->error;
		reply_post(transition->reply, slot->control, result);
		free(transition);
	} else {
		pthread_mutex_lock(&slot->transport.lock);
		slot->transport.requests--;
		transition->served = true;
		pthread_cond_broadcast(&slot->served);
		pthread_mutex_unlock(&slot->transport.lock);
	}
	start_next(slot);
}

struct reply *transition_step(struct transition *transition, void (*done)(struct reply *reply, int result))
{
	transition->step = (struct reply){.done = done};
	return &transition->step;
}

struct transition *transition_of(struct reply *reply)
{
	return container_of(reply, struct transition, step);
}

void transition_done(struct reply *reply, int result)
{
	struct transition *transition = transition_of(reply);

	transition->error = reply->error;
	transition_finish(transition, result);
}

void slot_ask(struct slot *slot, void (*start)(struct transition *transition), struct mortise_device *device,
	      struct reply *reply)
{
	struct transition *transition = calloc(1, sizeof(*transition));

	if (!transition) {
		reply_post(reply, slot->control,
			   mortise_fail(&reply->error, -ENOMEM, "Out of memory for slot %s", slot->name));
		return;
	}
	transition->start = start;
	transition->device = device;
	transition->reply = reply;
	append(slot, transition);
}

static void arrive(struct task *task)
{
	struct transition *transition = container_of(task, struct transition, arrival);

	append(transition->slot, transition);
}

void slot_serve(struct slot *slot, void (*start)(struct transition *transition),
		const struct transport_request *request)
{
	struct transition transition = {.slot = slot, .start = start, .request = *request, .arrival.run = arrive};

	loop_post(slot->control, &transition.arrival);
	pthread_mutex_lock(&slot->transport.lock);
	while (!transition.served)
		pthread_cond_wait(&slot->served, &slot->transport.lock);
	pthread_mutex_unlock(&slot->transport.lock);
}
