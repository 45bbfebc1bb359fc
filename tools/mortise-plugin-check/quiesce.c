/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quiesce.c - the VM stops while requests are in flight: they come back, and then nothing moves.
 */
#include <time.h>

#include "phases.h"

/* How long an instance is watched for what it should not do any more. */
#define STILL_NS 15000000

static void stop_and_go(struct driver *driver, bool hold)
{
	static const struct work many = {.count = 40}, few = {.count = 8};
	const struct timespec still = {.tv_nsec = STILL_NS};
	unsigned expected[DRIVER_QUEUES];

	doing("the VM stops with requests in flight");
	if (hold)
		io_hold();
	work_offer(driver, &many, expected);
	work_feed(driver);
	rig_stop(driver->rig);
	doing("the VM is stopped");
	rig_close_memory(driver->rig);
	work_feed(driver);
	nanosleep(&still, NULL);
	rig_open_memory(driver->rig);
	doing("the VM goes on");
	rig_cont(driver->rig);
	driver_harvest(driver);
	work_do(driver, &few);
	if (driver_broken(driver))
		driver_bind(driver, driver_offered(driver));
}

void phase_quiesce(const struct subject *subject)
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
	driver_init(&driver, &rig, 4);
	if (!driver_bind(&driver, driver_offered(&driver)))
		return;
	end = now() + subject->seconds;
	for (unsigned i = 0; i < 4 || now() < end; i++)
		stop_and_go(&driver, i & 1);
}
