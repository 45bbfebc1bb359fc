/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/instance.h - the inside of an instance, for this folder alone, and the steps of its life that a slot takes.
 *
 * The steps are called on the control thread, one at a time, carried out on the instance's thread and answered on the
 * control thread. Fields say whose they are; none is read by two threads at once but through a posted task.
 */
#pragma once

#include <stdatomic.h>

#include "base/notice.h"
#include "base/wakeups.h"
#include "bus/device.h"
#include "bus/transport.h"
#include "bus/virtqueue.h"

struct bell; /* bus/bells.c */

struct device_step {
	void (*run)(struct mortise_device *device); /* on the instance's thread; ends in finish() */
	struct reply *reply;
	struct task task; /* there and back again */
	int result;
	enum device_state next_state; /* on success */

	struct transport *transport; /* enter */
	bool live, frozen, transient;
	struct device_saved *saved;	/* save, prepare */
	struct transport_request write; /* config write */
};

/* A queue's eventfds for an outside server; made when it is first lent, and there until the instance is freed. */
struct lent_ring {
	int kick, call;	      /* `call` is made when it is needed first */
	struct event *called; /* likewise: listens to it */
	bool direct;	      /* the accelerator signals `kick` itself */
	bool past;	      /* the server interrupts the guest itself; `call` is not in use */
};

struct mortise_device {
	/* Constant after realize(). */
	const struct mortise_class *class;
	const struct mortise_host *host;
	char *id;
	void *owner, *self;
	struct mortise_device *parent; /* NULL: it has a transport of its own */
	struct ram *ram;	       /* NULL: none was named */
	struct loop *control, *loop;
	bool own_loop;
	uint32_t queue_count;	    /* the class's; an empty instance shows fewer */
	uint32_t event_count;	    /* the class's */
	struct transport_face face; /* its config is the lock's of the transport that it is behind */

	/* Control thread. */
	enum device_state state;
	struct device_step step;
	void (*heard)(void *opaque, const struct mortise_event *event, const struct mortise_value *values);
	void *heard_opaque;
	void (*broke)(void *opaque, const char *why);
	void *broke_opaque;

	/* The instance's thread. */
	struct mortise_device *children, *sibling; /* REALIZED; a list, and the place in the parent's */
	struct transport *transport;		   /* NULL: behind none */
	bool alive;				   /* between realize() and unrealize() */
	bool realizing;
	bool is_memory;	    /* of the guest's: it maps something there. Constant after realize() */
	bool held;	    /* quiesced: no callback but those that end it */
	bool popping;	    /* chains may be taken */
	bool active;	    /* activate() was called, reset() was not */
	const char *broken; /* why the driver has to reset the device */
	void (*drained)(struct mortise_device *device); /* what to do once nothing is in flight; NULL: not asked for */
	struct virtqueue *queues;			/* [queue_count] */
	struct bell *bells;				/* [queue_count]; NULL: the queues are not started */
	uint32_t in_flight;				/* over all queues */
	uint32_t popped; /* in this round; bounded, so that a busy driver cannot keep the thread */
	uint64_t pushed; /* queues with chains pushed in this round */
	struct end_hook round_end;
	struct log_limit log_limit;
	struct {
		struct notice notice;
		char why[160];
	} breakage; /* see device_on_broken() */
	struct wakeups wakeups;
	struct mortise_call *calls; /* open ones */
	struct latest **latest;	    /* [event_count]; see bus/event.c */

	/* Any thread. */
	_Atomic uint64_t lent;	  /* queues in an outside server's hands; changed on the instance's thread */
	struct lent_ring *vrings; /* [queue_count]; NULL: none was ever lent. Constant where the bit above is set */
	_Atomic uint64_t kicked;  /* queues to be looked at; not 0: `kick` is posted */
	struct task kick;
	atomic_uint events_waiting; /* posted to the control thread */
};

/* Whether nothing may be told to it now: it, or what it is plugged into, is quiesced. The instance's thread. */
static inline bool device_is_held(const struct mortise_device *device)
{
	return device->held || (device->parent && device->parent->held);
}

struct mortise_device *device_of_face(const struct transport_face *face);

/* The driver has made chains available; under the lock of the transport that shows the instance, so that it exists. */
void device_kick(struct mortise_device *device, uint32_t queue);

/* Has a queue that is in service looked at, by the plugin or by whoever it is lent to. The instance's thread. */
void device_notify(struct mortise_device *device, uint32_t queue);

/* What the loop runs: `kick`, and `round_end` after a round in which chains were pushed or waited for. */
void device_run_kick(struct task *task);
void device_end_round(struct end_hook *hook);

/* Makes device->wakeups ready for use: after the loop and the instance's memory. */
void device_init_wakeups(struct mortise_device *device);

/* Sets going again what came due while it was held, and what its children had come due. The instance's thread. */
void device_unpark(struct mortise_device *device);
/* To the server of a lent queue: the driver has made chains available. Any thread; the instance exists. */
void vring_kick(struct mortise_device *device, uint32_t queue);

/* Whether all queues are back; a message that tells which is not. */
int vrings_check(const struct mortise_device *device, struct mortise_error *err);

/* Takes back what a plugin has failed to, and frees the eventfds. The instance's thread; the latter any. */
void vrings_reclaim(struct mortise_device *device);
void vrings_free(struct mortise_device *device);

/* The instance ends: calls that are still open are failed, events that are held back passed on. Its thread. */
void commands_end(struct mortise_device *device);
void events_end(struct mortise_device *device);

/* For the bus's own classes, whose realize() waits for nothing: on the control thread, before anything else. */
int device_realize_now(struct mortise_device *device, struct mortise_error *err);

/* Takes over type, features, queues and configuration of `other`, before anything shows either of them differently. */
int device_look_like(struct mortise_device *device, const struct mortise_device *other, struct mortise_error *err);

/*
 * Goes behind a transport and is shown to the driver: REALIZED -> ACTIVE when `live` (the driver is running), QUIESCED
 * when it is and the VM is `frozen`, else REALIZED. On failure behind nothing, and REALIZED.
 */
void device_enter(struct mortise_device *device, struct transport *transport, bool live, bool frozen, bool transient,
		  struct reply *reply);

/* After the transport shows something else: behind nothing; REALIZED or QUIESCED as it is. */
void device_leave(struct mortise_device *device, struct reply *reply);

/* The driver set DRIVER_OK: REALIZED -> ACTIVE. */
void device_activate(struct mortise_device *device, struct reply *reply);

/* ACTIVE -> QUIESCED once nothing is in flight; how far the queues have come is then in the transport. */
void device_quiesce(struct mortise_device *device, struct reply *reply);

/* QUIESCED -> ACTIVE. */
void device_resume(struct mortise_device *device, struct reply *reply);

/* ACTIVE or QUIESCED -> REALIZED once nothing is in flight. Cannot fail. */
void device_reset(struct mortise_device *device, struct reply *reply);

/* The driver wrote to configuration space. */
void device_config_write(struct mortise_device *device, const struct transport_request *write, struct reply *reply);
