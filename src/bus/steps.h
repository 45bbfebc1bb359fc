/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/steps.h - what the steps of an instance's life are made of, for steps.c and state.c.
 */
#pragma once

#include "bus/instance.h"

/* Control thread: has `run` called on the instance's thread, whose step_finish() answers. `next_state`: on success. */
void step_begin(struct mortise_device *device, void (*run)(struct mortise_device *device), enum device_state next_state,
		struct reply *reply);

/* --- the instance's thread --- */

/* Once in each step. What is done afterwards nobody waits for. */
void step_finish(struct mortise_device *device, int result);

/* Where the step under way leaves its message. */
struct mortise_error *step_error(struct mortise_device *device);

/* What a callback answered, as a result; makes up a message where the plugin left none. */
int steps_outcome(const struct mortise_device *device, const char *callback, int r, struct mortise_error *err);

/* activate(), and what has to be there for it; no chain is popped yet. */
int steps_activate(struct mortise_device *device, struct mortise_error *err);

/* What the driver has chosen, such as a disk's cache mode, it believes in from then on. */
void steps_replay_config(struct mortise_device *device);

/* quiesce(); what is in flight may still be. */
int steps_quiesce(struct mortise_device *device, struct mortise_error *err);

/* How far the queues have come is in the transport from now on. */
void steps_save_queues(struct mortise_device *device);

/* reset(), with nothing in flight. */
void steps_forget_driver(struct mortise_device *device);

/* Undoes quiesce(). Chains are popped after steps_go(). */
void steps_resume(struct mortise_device *device);

/* After step_finish(), so that nobody but the instance waits for the requests that are there already. */
void steps_go(struct mortise_device *device);
