/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/slot-fixture.h - a slot with its threads, a guest's driver in front of it and a device class behind it.
 *
 * The test's thread plays the vCPU: it writes registers, which may wait. What the control thread does is asked for with
 * the synchronous forms below.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/irq.h"
#include "bus/slot.h"
#include "ring.h"

#define FIXTURE_QUEUE 16 /* entries in the driver's rings */
#define VERSION_1 (UINT64_C(1) << 32)
#define EVENT_IDX (UINT64_C(1) << 29)

struct line {
	pthread_mutex_t lock;
	pthread_cond_t raised;
	bool level;
	unsigned rises;
};

struct fixture {
	struct ram *ram;
	struct loop *control, *empties;
	struct slot *slot;
	struct line line;
	_Atomic bool ties;	    /* whether QueueNotify can be tied to eventfds, as KVM does it */
	_Atomic int bell_of_0;	    /* the eventfd tied to queue 0; 0: none */
	_Atomic bool present;	    /* what the slot tells, where the guest is told */
	struct ring ring[3];	    /* of queues 0 to 2, with buffers of their own */
	struct mortise_error error; /* of the last control call that failed */
};

/* A slot reserved for a type, or for any (0). */
void fixture_open(struct fixture *f, uint32_t virtio_id);
void fixture_open_told(struct fixture *f, uint32_t virtio_id); /* for a guest that looks when told to */
void fixture_close(struct fixture *f);

/* --- the guest --- */

uint32_t guest_read(struct fixture *f, uint64_t offset);
void guest_write(struct fixture *f, uint64_t offset, uint32_t value);
uint64_t guest_features(struct fixture *f);

/* As Linux does it: reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK, queues, DRIVER_OK. The status afterwards. */
uint32_t guest_bind(struct fixture *f, uint64_t features, unsigned queues);
uint32_t guest_negotiate(struct fixture *f, uint64_t features); /* up to FEATURES_OK */
void guest_queue(struct fixture *f, unsigned queue, bool event_idx);

/* Acknowledges what is pending and returns it; waits for an interrupt (10 s at most, then 0) if nothing is. */
uint32_t guest_interrupt(struct fixture *f);
bool line_level(struct fixture *f);

/* Offers a block request (header, 512 bytes, status) on queue 0 with tag `n`, and kicks if the device wants it. */
void guest_submit(struct fixture *f, unsigned n, uint32_t type);

/* Waits for a used element of a queue; the request's status byte, or -1 when none came for 10 s. */
int guest_complete(struct fixture *f, unsigned queue, unsigned *tag);

/* --- the control thread --- */

int control_exchange(struct fixture *f, struct mortise_device *device);
int control_stop(struct fixture *f);
int control_cont(struct fixture *f);
int control_reset(struct fixture *f);
int control_accepts(struct fixture *f, struct mortise_device *device);
int control_realize(struct fixture *f, struct mortise_device *device);
int control_unrealize(struct fixture *f, struct mortise_device *device);

/* The same, without waiting at once. */
struct pending {
	struct reply reply;
	struct task task;
	struct fixture *f;
	void *opaque; /* what the call is about: usually a device */
	void (*call)(struct pending *pending);
	_Atomic int state; /* 1: answered */
	pthread_mutex_t lock;
	pthread_cond_t answered;
};
void begin_exchange(struct pending *pending, struct fixture *f, struct mortise_device *device);
int await(struct pending *pending); /* the result */

/* Anything else, synchronously: `call` runs on the control thread and has pending->reply answered. */
int control_call(struct fixture *f, void (*call)(struct pending *pending), void *opaque);
bool is_pending(struct pending *pending);

/* --- the device --- */

enum test_kind { TEST_BLK, TEST_RNG, TEST_POOR_BLK, TEST_KINDS };

/* What the instance is to do, and what it has seen; of the type `struct test_device`, at device_self(). */
struct test_device {
	struct mortise_device *device;
	_Atomic bool hold;			   /* keep chains instead of completing them */
	_Atomic int activate_fails, quiesce_fails; /* negative errno */
	_Atomic bool block;			   /* notify() does not return until this is false */
	_Atomic unsigned activations, quiesces, resumes, resets, requests, config_writes;
	_Atomic bool blocked;
	_Atomic unsigned held;
	_Atomic uint64_t features;
	_Atomic bool idle; /* between quiesce() and resume(): a chain or callback here is an error */
	_Atomic unsigned errors;
	struct mortise_chain *chains[64];
};

/* A new instance, realized: with `capacity` in its configuration; or of a class of the test's own. */
struct mortise_device *device_make(struct fixture *f, enum test_kind kind, uint64_t capacity);
struct mortise_device *device_make_of(struct fixture *f, const struct mortise_class *class);
struct mortise_device *device_end(struct fixture *f, struct mortise_device *device);
void device_end_of(struct fixture *f, struct mortise_device *device); /* of device_make_of() */
struct test_device *test_of(struct mortise_device *device);

/* Completes what is held, on the instance's thread, and waits for that. */
void device_let_go(struct mortise_device *device);

/* The instance's side writes to configuration space. */
void device_set_capacity(struct mortise_device *device, uint64_t capacity);

/* Waits until `counter` has reached `value`; false after 10 s. */
bool reaches(_Atomic unsigned *counter, unsigned value);
