/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/transport.h - the registers of a virtio-mmio device (virtio 1.2, 4.2), and what they say of the driver.
 *
 * A transport knows nothing of instances but the `face` that the present one shows. Each function takes the lock
 * itself, holds it shortly and calls nothing but irq_set() under it; vCPU threads, the control thread and the thread of
 * the instance meet here.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/doorbell.h"
#include "base/irq.h"
#include "base/log.h"
#include "base/ram.h"
#include "bus/virtqueue.h"
#include <mortise/error.h>

#define TRANSPORT_QUEUES 64
#define TRANSPORT_CONFIG 0x100 /* bytes of configuration space that the window has room for */

/* What the guest sees of an instance. Constant while it is shown, but for `config`, which is the lock's. */
struct transport_face {
	const char *name; /* of the instance, for messages */
	uint32_t virtio_id;
	uint64_t features; /* offered */
	uint32_t queue_count, queue_size;
	bool takes_over; /* copes with whatever a driver has negotiated with another: an empty instance */
	uint8_t *config;
	uint32_t config_size;
	bool config_writable; /* by the driver */
};

/* What a register write asks of the instance. The transport counts it as one of its `requests`. */
enum transport_request_kind { TRANSPORT_NOTHING, TRANSPORT_ACTIVATE, TRANSPORT_RESET, TRANSPORT_CONFIG_WRITE };
struct transport_request {
	enum transport_request_kind kind;
	uint32_t offset, size; /* CONFIG_WRITE */
	uint8_t data[8];
};

struct transport {
	const char *name;  /* of the slot; borrowed */
	uint32_t fixed_id; /* the only virtio type to be shown here; 0: any */
	const struct ram *ram;
	struct irq_line irq;
	struct doorbell doorbell; /* QueueNotify */

	/* By queue: the eventfd that is rung in place of QueueNotify, or -1. Changes while no instance is active. */
	int bells[TRANSPORT_QUEUES];

	pthread_mutex_t lock;		   /* guards all that follows */
	const struct transport_face *face; /* NULL: nothing is there */
	bool transient;			   /* the face goes away when the driver resets */
	unsigned requests;		   /* not yet served */
	bool frozen;			   /* no interrupt is raised */
	bool line;			   /* level of the interrupt line */
	unsigned lent;			   /* queues whose server interrupts the guest itself */
	uint32_t status, interrupt_status, generation;
	bool config_news; /* configuration changed under a driver that cannot be interrupted yet */
	uint64_t driver_features;
	uint8_t config_written[TRANSPORT_CONFIG], config_mask[TRANSPORT_CONFIG]; /* by the driver; 0xff: was */
	uint32_t device_features_sel, driver_features_sel, queue_sel, shm_sel;
	struct virtqueue_place queues[TRANSPORT_QUEUES];
	uint64_t interrupts, kicks; /* counted */
	struct log_limit log_limit;
};

void transport_init(struct transport *t, const char *name, uint32_t fixed_id, const struct ram *ram,
		    const struct irq_line *irq);
void transport_done(struct transport *t);

/* --- the guest's side; vCPU threads --- */

uint64_t transport_read(struct transport *t, uint64_t offset, unsigned width);
void transport_write(struct transport *t, uint64_t offset, uint64_t value, unsigned width,
		     struct transport_request *request);

/* The driver has notified a queue. Any thread. */
void transport_count_kick(struct transport *t);

/* --- the control thread's side --- */

/* Whether `face` can be shown to the driver as far as it has come. */
int transport_fits(struct transport *t, const struct transport_face *face, struct mortise_error *err);

/*
 * Shows `face` from now on, in place of the present one, if it fits; tells the driver if the configuration differs.
 * `transient`: nothing is to be there any more once the driver has reset. Any thread.
 */
int transport_show(struct transport *t, const struct transport_face *face, bool transient, struct mortise_error *err);

/* Shows nothing from now on; -EBUSY when a driver is bound, who would be confused. */
int transport_vacate(struct transport *t);

/* DRIVER_OK, unless the driver thought better of it in the meantime: -ECANCELED. */
int transport_driver_ok(struct transport *t);

/* The driver is active: tells it of configuration changes that came too early. */
void transport_activated(struct transport *t);

/* All registers as after power-on. */
void transport_reset(struct transport *t);

/* Nothing raises the interrupt line while frozen; what was due is made up for afterwards. */
void transport_freeze(struct transport *t, bool frozen);

uint32_t transport_status(struct transport *t);

/* --- the instance's side: void unless `face` is the one that is shown --- */

/* Raises an interrupt: VIRTIO_MMIO_INT_VRING, VIRTIO_MMIO_INT_CONFIG. */
void transport_interrupt(struct transport *t, const struct transport_face *face, uint32_t cause);

/*
 * The eventfd (borrowed) by which the server of a lent queue interrupts the guest itself, past the transport, until
 * transport_unlend_interrupt(), which makes up for what the server did last; -1: there is none. In between the
 * interrupt status says at all times that a queue may have something.
 */
int transport_lend_interrupt(struct transport *t);
void transport_unlend_interrupt(struct transport *t);

/* Changes the configuration (of a face that is not shown, too), and tells the driver if that made a difference. */
void transport_write_config(struct transport *t, const struct transport_face *face, uint32_t offset, const void *data,
			    uint32_t size, bool by_driver);
void transport_read_config(struct transport *t, const struct transport_face *face, uint32_t offset, void *data,
			   uint32_t size);

/*
 * Puts into a face what the driver wrote to the configuration that is shown now, so that it stays in force. The next
 * range of it at `*offset` or later; false when there is none.
 */
bool transport_replay_config(struct transport *t, const struct transport_face *face, uint32_t *offset, uint32_t *size);

void transport_needs_reset(struct transport *t, const struct transport_face *face);

/* What was negotiated and set up; the features. `queues` has room for TRANSPORT_QUEUES. */
uint64_t transport_negotiated(struct transport *t, struct virtqueue_place *queues);

/* How far a queue has come, for the next instance to go on from. */
void transport_save_queue(struct transport *t, uint32_t queue, const struct virtqueue *vq);
