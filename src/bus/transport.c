/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus/transport.c - the registers of a virtio-mmio device.
 */
#include "bus/transport.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "bus/feature.h"

#define MAGIC 0x74726976 /* "virt" */
#define VERSION 2
#define VENDOR 0x5453524d /* "MRST" */

/* All that a driver may set; the rest of the register is the device's. */
#define DRIVER_STATUS                                                                       \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

void transport_init(struct transport *t, const char *name, uint32_t fixed_id, const struct ram *ram,
		    const struct irq_line *irq)
{
	*t = (struct transport){.name = name, .fixed_id = fixed_id, .ram = ram, .irq = *irq};
	for (uint32_t i = 0; i < TRANSPORT_QUEUES; i++)
		t->bells[i] = -1;
	pthread_mutex_init(&t->lock, NULL);
}

void transport_done(struct transport *t)
{
	for (uint32_t i = 0; i < TRANSPORT_QUEUES; i++)
		if (t->bells[i] >= 0)
			close(t->bells[i]);
	pthread_mutex_destroy(&t->lock);
}

void transport_count_kick(struct transport *t)
{
	pthread_mutex_lock(&t->lock);
	t->kicks++;
	pthread_mutex_unlock(&t->lock);
}

/* --- interrupts; under the lock --- */

static void raise_line(struct transport *t)
{
	if (t->frozen)
		return;
	t->line = true;
	irq_set(&t->irq, true);
}

static void lower_line(struct transport *t)
{
	if (!t->line)
		return;
	t->line = false;
	irq_set(&t->irq, false);
}

static void interrupt(struct transport *t, uint32_t cause)
{
	const uint32_t news = cause & ~t->interrupt_status;

	if (!(t->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return; /* 2.1.1: no notification before */
	t->interrupt_status |= cause;
	t->interrupts++;
	if (news) /* what the driver has not acknowledged, it has yet to look at */
		raise_line(t);
}

static void config_changed(struct transport *t)
{
	t->generation++;
	if (t->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(t, VIRTIO_MMIO_INT_CONFIG);
	else if (t->status & VIRTIO_CONFIG_S_DRIVER)
		t->config_news = true; /* it may have read the old content already */
}

/* --- reading --- */

static uint64_t read_config(const struct transport *t, uint64_t offset, unsigned width)
{
	uint64_t value = 0;

	if (t->face && offset < t->face->config_size)
		memcpy(&value, t->face->config + offset, MIN(width, t->face->config_size - offset));
	return value;
}

static uint32_t read_register(const struct transport *t, uint64_t offset)
{
	const struct transport_face *face = t->face;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return face ? face->virtio_id : 0;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return face && t->device_features_sel < 2 ? face->features >> (32 * t->device_features_sel) : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return face && t->queue_sel < face->queue_count ? face->queue_size : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return t->queue_sel < TRANSPORT_QUEUES && t->queues[t->queue_sel].ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return t->interrupt_status | (t->lent ? VIRTIO_MMIO_INT_VRING : 0);
	case VIRTIO_MMIO_STATUS:
		return t->status;
	case VIRTIO_MMIO_SHM_LEN_LOW: /* no shared memory region exists: its length is -1 (4.2.2) */
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return t->generation;
	default:
		return 0;
	}
}

uint64_t transport_read(struct transport *t, uint64_t offset, unsigned width)
{
	uint64_t value = 0;

	pthread_mutex_lock(&t->lock);
	if (offset >= VIRTIO_MMIO_CONFIG)
		value = read_config(t, offset - VIRTIO_MMIO_CONFIG, width);
	else if (width == 4)
		value = read_register(t, offset);
	pthread_mutex_unlock(&t->lock);
	return value;
}

/* --- writing --- */

static bool complain(struct transport *t)
{
	return log_allowed(&t->log_limit, 5);
}

static void set_queue(struct transport *t, struct virtqueue_place *queue, uint64_t offset, uint32_t value)
{
	const char *wrong;

	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		queue->desc = (queue->desc & ~(uint64_t)UINT32_MAX) | value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		queue->desc = (queue->desc & UINT32_MAX) | (uint64_t)value << 32;
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		queue->avail = (queue->avail & ~(uint64_t)UINT32_MAX) | value;
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		queue->avail = (queue->avail & UINT32_MAX) | (uint64_t)value << 32;
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		queue->used = (queue->used & ~(uint64_t)UINT32_MAX) | value;
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		queue->used = (queue->used & UINT32_MAX) | (uint64_t)value << 32;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		wrong = queue->size > t->face->queue_size ? "its size is more than the device has"
							  : virtqueue_check(t->ram, queue);
		queue->ready = value == 1 && !wrong;
		if (value == 1 && wrong && complain(t))
			log_warning("slot %s: the driver's queue %u is refused: %s", t->name, t->queue_sel, wrong);
		break;
	}
}

/* Queues stay as they are once the driver runs; 4.2.2.2 lets it alter only those that are not ready. */
static void write_queue(struct transport *t, uint64_t offset, uint32_t value)
{
	struct virtqueue_place *queue;

	if (!t->face || t->queue_sel >= t->face->queue_count || t->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return;
	queue = &t->queues[t->queue_sel];
	if (!queue->ready || (offset == VIRTIO_MMIO_QUEUE_READY && value == 0))
		set_queue(t, queue, offset, value);
}

static bool features_ok(struct transport *t)
{
	const uint64_t offered = t->face ? t->face->features : 0;

	if (t->driver_features & ~offered || !(t->driver_features >> VIRTIO_F_VERSION_1 & 1)) {
		if (complain(t))
			log_warning("slot %s: the driver's features 0x%" PRIx64 " are refused: 0x%" PRIx64
				    " are offered, and VIRTIO_F_VERSION_1 is required",
				    t->name, t->driver_features, offered);
		return false;
	}
	return true;
}

static void reset_registers(struct transport *t)
{
	t->status = t->interrupt_status = 0;
	t->config_news = false;
	t->driver_features = 0;
	t->device_features_sel = t->driver_features_sel = t->queue_sel = t->shm_sel = 0;
	memset(t->queues, 0, sizeof(t->queues));
	memset(t->config_mask, 0, sizeof(t->config_mask));
	lower_line(t);
}

/* A bit once set stays until reset (2.1.1), and each of the two below stays off unless its time has come. */
static enum transport_request_kind write_status(struct transport *t, uint32_t value)
{
	uint32_t set = value & DRIVER_STATUS & ~t->status;

	if (!value) {
		if (t->status & VIRTIO_CONFIG_S_DRIVER_OK || t->requests || (t->transient && t->status))
			return TRANSPORT_RESET;
		reset_registers(t);
		return TRANSPORT_NOTHING;
	}
	if (set & VIRTIO_CONFIG_S_FEATURES_OK && (!((t->status | set) & VIRTIO_CONFIG_S_DRIVER) || !features_ok(t)))
		set &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
	t->status |= set & ~(uint32_t)VIRTIO_CONFIG_S_DRIVER_OK;
	if (set & VIRTIO_CONFIG_S_DRIVER_OK && t->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return TRANSPORT_ACTIVATE;
	return TRANSPORT_NOTHING;
}

static enum transport_request_kind write_register(struct transport *t, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		t->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		t->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (t->status & VIRTIO_CONFIG_S_FEATURES_OK)
			break; /* 3.1.1: settled */
		if (t->driver_features_sel == 0)
			t->driver_features = (t->driver_features & ~(uint64_t)UINT32_MAX) | value;
		else if (t->driver_features_sel == 1)
			t->driver_features = (t->driver_features & UINT32_MAX) | (uint64_t)value << 32;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		t->queue_sel = value;
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		t->interrupt_status &= ~value;
		if (!t->interrupt_status)
			lower_line(t);
		break;
	case VIRTIO_MMIO_STATUS:
		return write_status(t, value);
	case VIRTIO_MMIO_SHM_SEL:
		t->shm_sel = value;
		break;
	default:
		write_queue(t, offset, value);
		break;
	}
	return TRANSPORT_NOTHING;
}

void transport_write(struct transport *t, uint64_t offset, uint64_t value, unsigned width,
		     struct transport_request *request)
{
	request->kind = TRANSPORT_NOTHING;
	pthread_mutex_lock(&t->lock);
	if (offset >= VIRTIO_MMIO_CONFIG) {
		offset -= VIRTIO_MMIO_CONFIG;
		if (t->face && t->face->config_writable && offset < t->face->config_size) {
			*request =
				(struct transport_request){.kind = TRANSPORT_CONFIG_WRITE,
							   .offset = (uint32_t)offset,
							   .size = (uint32_t)MIN(width, t->face->config_size - offset)};
			memcpy(request->data, &value, sizeof(request->data));
		}
	} else if (width == 4) {
		request->kind = write_register(t, offset, (uint32_t)value);
	}
	if (request->kind != TRANSPORT_NOTHING)
		t->requests++;
	pthread_mutex_unlock(&t->lock);
}

/* --- exchanging what is shown --- */

static int fits(const struct transport *t, const struct transport_face *face, struct mortise_error *err)
{
	const uint64_t missing = t->driver_features & ~face->features;
	char names[256];

	if (t->fixed_id && face->virtio_id != t->fixed_id)
		return mortise_fail(err, -EINVAL, "Slot %s takes devices of virtio type %u, '%s' is of type %u",
				    t->name, t->fixed_id, face->name, face->virtio_id);
	if (!(t->status & VIRTIO_CONFIG_S_DRIVER) || !t->face)
		return 0;
	if (t->face->virtio_id != face->virtio_id)
		return mortise_fail(err, -EBUSY,
				    "The guest's driver for virtio type %u holds slot %s, '%s' is of type %u: unbind "
				    "the driver in the guest, or use another slot",
				    t->face->virtio_id, t->name, face->name, face->virtio_id);
	if (face->takes_over)
		return 0;
	if (missing && t->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return mortise_fail(err, -ENOTSUP, "'%s' lacks what the guest's driver of slot %s has negotiated: %s",
				    face->name, t->name, feature_names(face->virtio_id, missing, names, sizeof(names)));
	for (uint32_t i = 0; i < TRANSPORT_QUEUES; i++) {
		const struct virtqueue_place *queue = &t->queues[i];

		if (queue->ready && (i >= face->queue_count || queue->size > face->queue_size))
			return mortise_fail(err, -ENOTSUP,
					    "'%s' has %u queues of %u; the guest's driver of slot %s uses queue %u "
					    "with %u",
					    face->name, face->queue_count, face->queue_size, t->name, i, queue->size);
	}
	return 0;
}

int transport_fits(struct transport *t, const struct transport_face *face, struct mortise_error *err)
{
	int r;

	pthread_mutex_lock(&t->lock);
	r = fits(t, face, err);
	pthread_mutex_unlock(&t->lock);
	return r;
}

int transport_show(struct transport *t, const struct transport_face *face, bool transient, struct mortise_error *err)
{
	const struct transport_face *old;
	int r;

	pthread_mutex_lock(&t->lock);
	old = t->face;
	r = fits(t, face, err);
	if (r == 0) {
		t->face = face;
		t->transient = transient;
		if (!old || old->config_size != face->config_size ||
		    memcmp(old->config, face->config, face->config_size) != 0)
			config_changed(t);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int transport_vacate(struct transport *t)
{
	int r = 0;

	pthread_mutex_lock(&t->lock);
	if (t->status & VIRTIO_CONFIG_S_DRIVER) {
		r = -EBUSY;
	} else {
		t->face = NULL;
		t->transient = false;
		t->generation++;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

/* --- the driver's progress --- */

int transport_driver_ok(struct transport *t)
{
	const uint32_t mask = VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET;
	int r = -ECANCELED;

	pthread_mutex_lock(&t->lock);
	if ((t->status & mask) == VIRTIO_CONFIG_S_FEATURES_OK) {
		t->status |= VIRTIO_CONFIG_S_DRIVER_OK;
		r = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

void transport_activated(struct transport *t)
{
	pthread_mutex_lock(&t->lock);
	if (t->config_news)
		interrupt(t, VIRTIO_MMIO_INT_CONFIG);
	t->config_news = false;
	pthread_mutex_unlock(&t->lock);
}

void transport_reset(struct transport *t)
{
	pthread_mutex_lock(&t->lock);
	reset_registers(t);
	pthread_mutex_unlock(&t->lock);
}

void transport_freeze(struct transport *t, bool frozen)
{
	pthread_mutex_lock(&t->lock);
	t->frozen = frozen;
	if (!frozen && t->interrupt_status)
		raise_line(t);
	pthread_mutex_unlock(&t->lock);
}

uint32_t transport_status(struct transport *t)
{
	uint32_t status;

	pthread_mutex_lock(&t->lock);
	status = t->status;
	pthread_mutex_unlock(&t->lock);
	return status;
}

/* --- the instance's side --- */

void transport_interrupt(struct transport *t, const struct transport_face *face, uint32_t cause)
{
	pthread_mutex_lock(&t->lock);
	if (t->face == face)
		interrupt(t, cause);
	pthread_mutex_unlock(&t->lock);
}

int transport_lend_interrupt(struct transport *t)
{
	const int fd = irq_event_fd(&t->irq);

	pthread_mutex_lock(&t->lock);
	t->lent += fd >= 0;
	pthread_mutex_unlock(&t->lock);
	return fd;
}

void transport_unlend_interrupt(struct transport *t)
{
	pthread_mutex_lock(&t->lock);
	interrupt(t, VIRTIO_MMIO_INT_VRING);
	t->lent--;
	pthread_mutex_unlock(&t->lock);
}

void transport_write_config(struct transport *t, const struct transport_face *face, uint32_t offset, const void *data,
			    uint32_t size, bool by_driver)
{
	if (offset >= face->config_size)
		return;
	size = MIN(size, face->config_size - offset);
	pthread_mutex_lock(&t->lock);
	if (by_driver && offset + size <= TRANSPORT_CONFIG) {
		memcpy(t->config_written + offset, data, size);
		memset(t->config_mask + offset, 0xff, size);
	}
	if (memcmp(face->config + offset, data, size) != 0) {
		memcpy(face->config + offset, data, size);
		if (t->face == face && !by_driver)
			config_changed(t);
	}
	pthread_mutex_unlock(&t->lock);
}

void transport_read_config(struct transport *t, const struct transport_face *face, uint32_t offset, void *data,
			   uint32_t size)
{
	memset(data, 0, size);
	if (offset >= face->config_size)
		return;
	pthread_mutex_lock(&t->lock);
	memcpy(data, face->config + offset, MIN(size, face->config_size - offset));
	pthread_mutex_unlock(&t->lock);
}

bool transport_replay_config(struct transport *t, const struct transport_face *face, uint32_t *offset, uint32_t *size)
{
	const uint32_t end = MIN(face->config_size, TRANSPORT_CONFIG);
	uint32_t first = *offset, last;

	pthread_mutex_lock(&t->lock);
	while (first < end && !t->config_mask[first])
		first++;
	for (last = first; last < end && t->config_mask[last]; last++)
		face->config[last] = t->config_written[last];
	pthread_mutex_unlock(&t->lock);
	*offset = first;
	*size = last - first;
	return *size != 0;
}

void transport_needs_reset(struct transport *t, const struct transport_face *face)
{
	pthread_mutex_lock(&t->lock);
	if (t->face == face && !(t->status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		t->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
		interrupt(t, VIRTIO_MMIO_INT_CONFIG);
	}
	pthread_mutex_unlock(&t->lock);
}

uint64_t transport_negotiated(struct transport *t, struct virtqueue_place *queues)
{
	uint64_t features;

	pthread_mutex_lock(&t->lock);
	memcpy(queues, t->queues, sizeof(t->queues));
	features = t->driver_features;
	pthread_mutex_unlock(&t->lock);
	return features;
}

void transport_save_queue(struct transport *t, uint32_t queue, const struct virtqueue *vq)
{
	pthread_mutex_lock(&t->lock);
	t->queues[queue].next_avail = vq->next_avail;
	t->queues[queue].next_used = vq->next_used;
	pthread_mutex_unlock(&t->lock);
}
