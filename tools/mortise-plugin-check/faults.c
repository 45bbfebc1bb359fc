/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.c - one life of an instance, again and again, in which the first allocation fails, then the second, and so on;
 * and the same with calls of services.
 */
#include "phases.h"

static const struct work work = {.count = 12};

static void serve(struct rig *rig, struct mortise_device *device, struct driver *driver)
{
	unsigned expected[DRIVER_QUEUES];

	if (rig_exchange(rig, device) < 0)
		return;
	if (driver_bind(driver, driver_offered(driver))) {
		work_offer(driver, &work, expected);
		work_feed(driver);
		for (uint32_t i = 0; i < rig->real->queue_count; i++)
			if (expected[i])
				driver_wait(driver, i, 1, 0.02);
		rig_stop(rig);
		rig_cont(rig);
		work_feed(driver);
	}
	driver_reset(driver);
	rig_exchange(rig, NULL);
}

/* Nothing in it has to succeed. */
static void live(struct rig *rig, uint64_t seed)
{
	struct mortise_device *device;
	struct driver driver;

	driver_init(&driver, rig, seed);
	if (rig_make(rig, 0, NULL, &device, NULL) < 0)
		return;
	if (!rig->parent)
		serve(rig, device, &driver);
	rig_end(rig, device);
}

/* Afterwards all has to. */
static void live_well(struct rig *rig, enum rule rule)
{
	struct mortise_device *device = rig_device(rig, 0);
	struct driver driver;

	if (!device)
		return;
	driver_init(&driver, rig, 9);
	if (!rig->parent) {
		if (rig_exchange(rig, device) < 0 || !driver_bind(&driver, driver_offered(&driver)))
			rule_broken(rule, "the device does not work any more after failures");
		else
			work_do(&driver, &work);
		driver_reset(&driver);
		rig_exchange(rig, NULL);
	}
	rig_end(rig, device);
}

static void fail_each(const struct subject *subject, enum rule rule, const char *what, void (*fail)(uint64_t nth),
		      bool (*failed)(void))
{
	struct leftovers before;
	uint64_t nth = 0;
	char after[64];
	struct rig rig;
	double end;

	if (!rig_open(&rig, subject))
		return;
	doing("an instance lives, before anything fails");
	for (unsigned i = 0; i < 3; i++)
		live(&rig, 8);
	before = leftovers_now();
	end = now() + 2 * subject->seconds;
	do {
		doing("%s %llu fails", what, (unsigned long long)++nth);
		fail(nth);
		live(&rig, 8);
		/* What libraries set up once, for their first failure, is no leak; what is lost each time is. */
		if (failed() && leftovers_grew(&before)) {
			before = leftovers_now();
			fail(nth);
			live(&rig, 8);
		}
		if (failed()) {
			snprintf(after, sizeof(after), "%s %llu has failed", what, (unsigned long long)nth);
			leftovers_check(&before, rule, after);
		}
	} while (failed() && now() < end);
	fail(0);
	doing("an instance lives, after each %s has failed", what);
	live_well(&rig, rule);
	rule_kept(rule);
}

void phase_allocations(const struct subject *subject)
{
	if (INTERPOSED)
		fail_each(subject, RULE_ALLOCATIONS, "allocation", allocations_fail, allocations_failed);
	else
		rule_skipped(RULE_ALLOCATIONS, "built with a sanitizer");
}

void phase_calls(const struct subject *subject)
{
	fail_each(subject, RULE_CALLS, "call", calls_fail, calls_failed);
}
