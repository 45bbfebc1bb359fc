/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile.c - rings that break the rules of virtqueues, and requests that break those of the device's type.
 */
#include "phases.h"

#include "base/util.h"

/* --- rings --- */

/* A ring in which something is wrong; in most of these the host finds it before the plugin sees anything. */
static void corrupt(struct driver *driver, struct driver_queue *queue, unsigned how)
{
	const uint16_t head = (uint16_t)driver_random(driver, queue->size);
	struct vring_desc *desc = &queue->desc[head];

	switch (how) {
	case 0: /* garbage everywhere */
		for (uint32_t i = 0; i < queue->size * sizeof(*desc); i++)
			((uint8_t *)queue->desc)[i] = (uint8_t)driver_random(driver, 256);
		break;
	case 1: /* a loop */
		*desc = (struct vring_desc){RIG_RAM_BASE, 16, VRING_DESC_F_NEXT, head};
		break;
	case 2: /* what can be read after what can be written */
		*desc = (struct vring_desc){RIG_RAM_BASE, 16, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
					    (uint16_t)((head + 1) % queue->size)};
		queue->desc[desc->next] = (struct vring_desc){RIG_RAM_BASE, 16, 0, 0};
		break;
	case 3: /* outside of memory */
		*desc = (struct vring_desc){RIG_RAM_BASE - 8, 16, 0, 0};
		break;
	case 4: /* all of memory */
		*desc = (struct vring_desc){RIG_RAM_BASE + MIB, RIG_RAM_SIZE - MIB, VRING_DESC_F_WRITE, 0};
		break;
	case 5: /* empty */
		*desc = (struct vring_desc){RIG_RAM_BASE, 0, 0, 0};
		break;
	case 6: /* an indirect table that is none */
		*desc = (struct vring_desc){RIG_RAM_BASE + 4096, 1 + driver_random(driver, 64), VRING_DESC_F_INDIRECT,
					    0};
		break;
	case 7: /* a table of tables */
		*desc = (struct vring_desc){RIG_RAM_BASE, 16 * queue->size, VRING_DESC_F_INDIRECT, 0};
		for (uint32_t i = 0; i < queue->size; i++)
			queue->desc[i] = *desc;
		break;
	case 8: /* one byte, at the end of memory */
		*desc = (struct vring_desc){RIG_RAM_BASE + RIG_RAM_SIZE - 1, 1,
					    driver_random(driver, 2) ? VRING_DESC_F_WRITE : 0, 0};
		break;
	default: /* a head outside of the table */
		queue->avail->ring[queue->avail_idx % queue->size] =
			(uint16_t)(queue->size + driver_random(driver, 1000));
		__atomic_store_n(&queue->avail->idx, ++queue->avail_idx, __ATOMIC_RELEASE);
		return;
	}
	queue->avail->ring[queue->avail_idx % queue->size] = head;
	queue->avail_idx =
		(uint16_t)(queue->avail_idx + 1 + (driver_random(driver, 8) ? 0 : driver_random(driver, 65535)));
	__atomic_store_n(&queue->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
}

void phase_queues(const struct subject *subject)
{
	static const struct work work = {.count = 6};
	struct mortise_device *device;
	struct driver driver;
	struct rig rig;
	double end;

	if (!rig_open(&rig, subject))
		return;
	device = rig_device(&rig, 0);
	if (!device || rig_exchange(&rig, device) < 0)
		return;
	driver_init(&driver, &rig, 6);
	end = now() + subject->seconds;
	for (unsigned i = 0; i < 20 || now() < end; i++) {
		const uint32_t queue = driver_random(&driver, rig.real->queue_count);

		doing("a ring is broken in way %u", i % 10);
		if (!driver_bind(&driver, driver_offered(&driver)))
			break;
		work_do(&driver, &work);
		if (!driver.queues[queue].size)
			continue;
		corrupt(&driver, &driver.queues[queue], i % 10);
		driver_kick(&driver, queue);
		work_feed(&driver);
		driver_wait(&driver, queue, 1, 0.001);
		driver_reset(&driver);
	}
	rule_kept(RULE_QUEUES);
}

/* --- requests --- */

void phase_requests(const struct subject *subject)
{
	struct mortise_device *device;
	struct driver driver;
	struct rig rig;
	double end;

	if (!rig_open(&rig, subject))
		return;
	device = rig_device(&rig, 0);
	if (!device || rig_exchange(&rig, device) < 0)
		return;
	driver_init(&driver, &rig, 7);
	end = now() + subject->seconds;
	for (unsigned i = 0; i < 50 || now() < end; i++) {
		const struct work work = {.count = 24, .spoilt = i % 4, .meddled = i % 4 == 2};

		doing(!work.spoilt   ? "requests are sound"
		      : work.meddled ? "requests change under way"
				     : "requests are malformed");
		if ((i % 16 == 0 || driver_broken(&driver)) && !driver_bind(&driver, driver_offered(&driver))) {
			rule_broken(RULE_RESET, "the device does not work any more after malformed requests");
			break;
		}
		work_do(&driver, &work);
	}
	driver_reset(&driver);
	rule_kept(RULE_REQUESTS);
}
