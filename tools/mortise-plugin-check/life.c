/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c - instances that come and go, many times.
 */
#include "phases.h"

#define WARM_UP 5 /* cycles, in which libraries allocate what they keep */
#define IN_SLOT 8 /* one cycle in so many serves a driver in between */

static bool serve(struct rig *rig, struct mortise_device *device, unsigned cycle)
{
	const struct work work = {.count = 4};
	struct driver driver;

	driver_init(&driver, rig, cycle + 1);
	if (rig_exchange(rig, device) < 0)
		return false;
	if (driver_bind(&driver, driver_offered(&driver)))
		work_do(&driver, &work);
	driver_reset(&driver);
	return rig_exchange(rig, NULL) == 0;
}

static bool cycle(struct rig *rig, unsigned n)
{
	struct mortise_device *device = rig_device(rig, 0);

	if (!device)
		return false;
	if (!rig->parent && n % IN_SLOT == 0 && !serve(rig, device, n)) {
		rule_broken(RULE_REALIZE, "it cannot be put into a slot");
		return false;
	}
	rig_end(rig, device);
	return true;
}

void phase_life(const struct subject *subject)
{
	struct leftovers before;
	char after[64];
	struct rig rig;

	if (!rig_open(&rig, subject))
		return;
	doing("instances come and go");
	for (unsigned n = 0; n < WARM_UP; n++)
		if (!cycle(&rig, n * IN_SLOT))
			return;
	before = leftovers_now();
	for (unsigned n = 0; n < subject->cycles; n++)
		if (!cycle(&rig, n))
			return;
	snprintf(after, sizeof(after), "%u instances have come and gone", subject->cycles);
	leftovers_check(&before, RULES, after);
	if (!INTERPOSED)
		rule_skipped(RULE_MEMORY, "built with a sanitizer");
}
