/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c - a virtio driver without a guest.
 */
#include "driver.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

/* Guest memory: a ring for each queue; then, for each descriptor, a buffer with fences. */
#define RING_STRIDE UINT64_C(0x4000)
#define AVAIL_OFFSET UINT64_C(0x1000)
#define USED_OFFSET UINT64_C(0x2000)
#define BUFFERS UINT64_C(0x400000)
#define BUFFER_STRIDE UINT64_C(0x2000)
#define FENCE 64 /* bytes that are looked after on either side */
#define FILLER 0x5c

_Static_assert(BUFFER_MAX + 2 * FENCE <= BUFFER_STRIDE, "a buffer and its fences fit");
_Static_assert(BUFFERS + DRIVER_QUEUES * DRIVER_QUEUE_SIZE * BUFFER_STRIDE <= RIG_RAM_SIZE, "all buffers fit");

void driver_init(struct driver *driver, struct rig *rig, uint64_t seed)
{
	memset(driver, 0, sizeof(*driver));
	driver->rig = rig;
	driver->seed = seed;
}

/* xorshift64*: the same numbers in each run. */
uint32_t driver_random(struct driver *driver, uint32_t below)
{
	uint64_t x = driver->seed ? driver->seed : 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	driver->seed = x;
	return (uint32_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

/* --- registers --- */

uint32_t driver_read(struct driver *driver, uint64_t offset)
{
	return (uint32_t)slot_mmio_ops.read(driver->rig->slot, offset, 4);
}

void driver_write(struct driver *driver, uint64_t offset, uint32_t value)
{
	slot_mmio_ops.write(driver->rig->slot, offset, value, 4);
}

void driver_config(struct driver *driver, void *out, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)slot_mmio_ops.read(driver->rig->slot, VIRTIO_MMIO_CONFIG + i, 1);
}

uint64_t driver_offered(struct driver *driver)
{
	uint64_t features;

	driver_write(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)driver_read(driver, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	driver_write(driver, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | driver_read(driver, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void add_status(struct driver *driver, uint32_t bit)
{
	driver_write(driver, VIRTIO_MMIO_STATUS, driver_read(driver, VIRTIO_MMIO_STATUS) | bit);
}

static void write_address(struct driver *driver, uint64_t offset, uint64_t address)
{
	driver_write(driver, offset, (uint32_t)address);
	driver_write(driver, offset + 4, (uint32_t)(address >> 32));
}

static void set_up_queue(struct driver *driver, uint32_t index)
{
	struct driver_queue *queue = &driver->queues[index];
	const uint64_t offset = index * RING_STRIDE;
	uint8_t *at = driver->rig->guest + offset;
	uint32_t most;

	driver_write(driver, VIRTIO_MMIO_QUEUE_SEL, index);
	most = driver_read(driver, VIRTIO_MMIO_QUEUE_NUM_MAX);
	memset(at, 0, RING_STRIDE);
	memset(queue, 0, sizeof(*queue));
	queue->desc = (struct vring_desc *)at;
	queue->avail = (struct vring_avail *)(at + AVAIL_OFFSET);
	queue->used = (struct vring_used *)(at + USED_OFFSET);
	queue->size = MIN(most, DRIVER_QUEUE_SIZE);
	queue->free_count = (uint16_t)queue->size;
	if (!queue->size)
		return;
	driver_write(driver, VIRTIO_MMIO_QUEUE_NUM, queue->size);
	write_address(driver, VIRTIO_MMIO_QUEUE_DESC_LOW, RIG_RAM_BASE + offset);
	write_address(driver, VIRTIO_MMIO_QUEUE_AVAIL_LOW, RIG_RAM_BASE + offset + AVAIL_OFFSET);
	write_address(driver, VIRTIO_MMIO_QUEUE_USED_LOW, RIG_RAM_BASE + offset + USED_OFFSET);
	driver_write(driver, VIRTIO_MMIO_QUEUE_READY, 1);
}

void driver_reset(struct driver *driver)
{
	rig_expect(driver->rig, RULE_QUIESCE, "chains do not come back when the driver resets the device");
	driver_write(driver, VIRTIO_MMIO_STATUS, 0);
	rig_expected();
	for (uint32_t i = 0; i < DRIVER_QUEUES; i++)
		driver->queues[i] = (struct driver_queue){0};
	driver->features = 0;
}

void driver_advance(struct driver *driver, uint64_t features, unsigned steps)
{
	driver_reset(driver);
	if (steps >= 1)
		add_status(driver, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (steps >= 2)
		add_status(driver, VIRTIO_CONFIG_S_DRIVER);
	if (steps >= 3) {
		driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
		driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
		driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
		driver_write(driver, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
		add_status(driver, VIRTIO_CONFIG_S_FEATURES_OK);
		driver->features = features;
	}
	for (uint32_t i = 0; steps >= 4 && i < driver->rig->real->queue_count; i++)
		set_up_queue(driver, i);
}

bool driver_broken(struct driver *driver)
{
	return driver_read(driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

bool driver_bind(struct driver *driver, uint64_t features)
{
	driver_advance(driver, features, 4);
	if (!(driver_read(driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK))
		return false;
	rig_expect(driver->rig, RULE_RETURNS, "activate() does not return");
	add_status(driver, VIRTIO_CONFIG_S_DRIVER_OK);
	rig_expected();
	return !driver_broken(driver);
}

/* --- buffers --- */

static uint8_t *buffer_pages(struct driver *driver, uint32_t queue, uint32_t desc)
{
	return driver->rig->guest + BUFFERS + (queue * DRIVER_QUEUE_SIZE + desc) * BUFFER_STRIDE;
}

/* Its guest-physical address. */
static uint64_t buffer_fill(struct driver *driver, uint32_t queue, uint32_t desc, const uint8_t *data, uint32_t size)
{
	uint8_t *at = buffer_pages(driver, queue, desc);

	memset(at, FILLER, FENCE);
	if (data)
		memcpy(at + FENCE, data, size);
	else
		memset(at + FENCE, 0xee, size);
	memset(at + FENCE + size, FILLER, FENCE);
	return RIG_RAM_BASE + (uint64_t)(at + FENCE - driver->rig->guest);
}

static void buffer_check(struct driver *driver, uint32_t queue, uint32_t desc)
{
	const uint32_t size = driver->queues[queue].buffers[desc].size;
	const uint8_t *at = buffer_pages(driver, queue, desc);

	for (uint32_t i = 0; i < 2 * FENCE; i++)
		if (at[i < FENCE ? i : size + i] != FILLER) {
			rule_broken(RULE_BUFFERS,
				    "a buffer of %u bytes in queue %u was written at offset %d (while %s)", size, queue,
				    i < FENCE ? (int)i - FENCE : (int)(size + i - FENCE), board->doing);
			return;
		}
	rule_kept(RULE_BUFFERS);
}

static uint16_t take_desc(struct driver_queue *queue)
{
	uint16_t i = 0;

	while (queue->taken[i])
		i++;
	queue->taken[i] = true;
	queue->free_count--;
	return i;
}

/* Appends `size` bytes in one to three pieces; `from` NULL: to be written by the device. */
static void append(struct driver *driver, uint32_t index, uint16_t *link, uint32_t *count, const uint8_t *from,
		   uint32_t size)
{
	struct driver_queue *queue = &driver->queues[index];

	while (size) {
		const bool whole = queue->free_count <= 4 || *count >= 8 || size < 4 || driver_random(driver, 3);
		const uint32_t part = whole ? size : 1 + driver_random(driver, size - 1);
		const uint16_t desc = take_desc(queue);

		queue->desc[desc] = (struct vring_desc){.addr = buffer_fill(driver, index, desc, from, part),
							.len = part,
							.flags = from ? 0 : VRING_DESC_F_WRITE};
		queue->buffers[desc].size = part;
		queue->buffers[desc].written = !from;
		if (*count) {
			queue->desc[*link].flags |= VRING_DESC_F_NEXT;
			queue->desc[*link].next = queue->buffers[*link].next = desc;
		}
		*link = desc;
		++*count;
		from = from ? from + part : NULL;
		size -= part;
	}
}

bool driver_offer(struct driver *driver, const struct request *request)
{
	struct driver_queue *queue = &driver->queues[request->queue];
	uint16_t link = 0, head;
	uint32_t count = 0;

	if (queue->free_count < 6 || (!request->out_size && !request->in_size))
		return false;
	for (head = 0; queue->taken[head]; head++)
		;
	append(driver, request->queue, &link, &count, request->out, MIN(request->out_size, BUFFER_MAX));
	append(driver, request->queue, &link, &count, NULL, MIN(request->in_size, BUFFER_MAX));
	queue->chain[head] = (uint8_t)count;
	queue->in_flight++;
	queue->avail->ring[queue->avail_idx % queue->size] = head;
	queue->avail_idx++;
	__atomic_store_n(&queue->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
	return true;
}

void driver_kick(struct driver *driver, uint32_t queue)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	driver_write(driver, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void release_chain(struct driver *driver, uint32_t index, uint16_t head)
{
	struct driver_queue *queue = &driver->queues[index];

	for (uint32_t left = queue->chain[head]; left; left--) {
		const uint16_t next = queue->buffers[head].next;

		buffer_check(driver, index, head);
		queue->taken[head] = false;
		queue->free_count++;
		head = next;
	}
	queue->in_flight--;
}

static unsigned harvest(struct driver *driver, uint32_t index)
{
	struct driver_queue *queue = &driver->queues[index];
	unsigned count = 0;

	while (queue->size && queue->used_idx != __atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE)) {
		const uint32_t head = queue->used->ring[queue->used_idx++ % queue->size].id;

		if (head >= queue->size || !queue->chain[head])
			continue;
		release_chain(driver, index, (uint16_t)head);
		queue->chain[head] = 0;
		count++;
	}
	return count;
}

unsigned driver_harvest(struct driver *driver)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < driver->rig->real->queue_count; i++)
		count += harvest(driver, i);
	return count;
}

unsigned driver_in_flight(const struct driver *driver)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < DRIVER_QUEUES; i++)
		count += driver->queues[i].in_flight;
	return count;
}

/* The driver has no interrupts to wait for: it looks, as DPDK's do. */
bool driver_wait(struct driver *driver, uint32_t queue, unsigned chains, double seconds)
{
	const struct timespec pause = {.tv_nsec = 50000};
	const double end = now() + seconds;
	unsigned seen = harvest(driver, queue);

	while (seen < chains) {
		if (now() > end)
			return false;
		nanosleep(&pause, NULL);
		seen += harvest(driver, queue);
	}
	return true;
}

void driver_meddle(struct driver *driver)
{
	for (uint32_t i = 0; i < driver->rig->real->queue_count; i++) {
		struct driver_queue *queue = &driver->queues[i];

		for (uint32_t desc = 0; desc < queue->size; desc++)
			if (queue->taken[desc] && !queue->buffers[desc].written)
				*(volatile uint8_t *)(buffer_pages(driver, i, desc) + FENCE +
						      driver_random(driver, queue->buffers[desc].size)) ^= 0x55;
	}
}
