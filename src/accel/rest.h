/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/rest.h - how vCPU threads come to rest together, and go on.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct rest {
	/* The last thread came to rest after rest_ask(). Called without the lock, on that thread or in rest_ask(). */
	void (*all)(void *opaque);
	void *opaque;

	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t changed;
	unsigned threads; /* that take part */
	unsigned resting;
	bool asked; /* read without the lock, too */
	bool owed;  /* all() is to be called */
	bool ending;
};

/* Born as if asked: threads rest from their start on. */
void rest_init(struct rest *rest, void (*all)(void *opaque), void *opaque);
void rest_done(struct rest *rest);

/* One more thread takes part, before it runs. */
void rest_join(struct rest *rest);

/* Asks all threads to rest; the caller then kicks each out of the guest. */
void rest_ask(struct rest *rest);

/* Lets them go on; only after all(). */
void rest_release(struct rest *rest);

/* Lets them end. */
void rest_end(struct rest *rest);

/* On each thread, outside the guest: rests for as long as it is asked to. False: the thread shall end. */
bool rest_here(struct rest *rest);

/* On a thread that has nothing to do: waits until it is asked to rest, or to end. */
void rest_await(struct rest *rest);
