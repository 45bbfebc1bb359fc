/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - an instance's state, saved, handed to another instance behind the same transport, and saved again.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "phases.h"

#define STATE_MAX (16 * MIB)
#define GARBAGE 400 /* states that nobody saved, at the most */

/* A call of save() or restore(), on the instance's thread. */
struct transfer {
	struct mortise_device *device;
	void *data;
	uint64_t size;
	int64_t result;
	struct mortise_error error;
};

static void run_save(void *opaque)
{
	struct transfer *transfer = opaque;

	transfer->result =
		device_class(transfer->device)->save(device_self(transfer->device), transfer->data, transfer->size);
}

static void run_restore(void *opaque)
{
	struct transfer *transfer = opaque;

	transfer->result =
		device_class(transfer->device)
			->restore(device_self(transfer->device), transfer->data, transfer->size, &transfer->error);
}

/* --- saving --- */

static int64_t save_into(struct rig *rig, struct mortise_device *device, uint64_t room, struct area **out)
{
	struct area *area = area_new(room, "save()'s room", RULE_SAVE_ROOM, RULE_CRASH);
	struct transfer transfer = {.device = device, .size = room};

	if (!area)
		phase_no_memory();
	transfer.data = area->data;
	rig_on_device(rig, device, run_save, &transfer);
	area_check(area);
	if (transfer.result > (int64_t)room)
		rule_broken(RULE_SAVE_ROOM, "save() returns %lld with room for %llu bytes", (long long)transfer.result,
			    (unsigned long long)room);
	*out = area;
	return MIN(transfer.result, (int64_t)room);
}

/* As the host does it: more room until it is enough. */
static int64_t save(struct rig *rig, struct mortise_device *device, struct area **out)
{
	int64_t size = -ENOSPC;

	for (uint64_t room = 4096; room <= STATE_MAX && size == -ENOSPC; room *= 16)
		size = save_into(rig, device, room, out);
	if (size < 0)
		rule_broken(RULE_SAVE_ROOM, "save() fails with %lld", (long long)size);
	return size;
}

static void check_room(struct rig *rig, struct mortise_device *device, int64_t size)
{
	struct area *area;
	int64_t again = save_into(rig, device, (uint64_t)size, &area);

	if (again != size)
		rule_broken(RULE_SAVE_ROOM, "save() returns %lld where there is room for its %lld bytes",
			    (long long)again, (long long)size);
	if (size && save_into(rig, device, (uint64_t)size - 1, &area) != -ENOSPC)
		rule_broken(RULE_SAVE_ROOM, "save() does not say -ENOSPC with room for %lld of its %lld bytes",
			    (long long)size - 1, (long long)size);
}

static bool same(enum rule rule, const char *when, const struct area *first, int64_t first_size,
		 const struct area *second, int64_t second_size)
{
	rule_kept(rule);
	if (first_size == second_size && !memcmp(first->data, second->data, (size_t)first_size))
		return true;
	for (int64_t i = 0; first_size == second_size; i++)
		if (first->data[i] != second->data[i]) {
			rule_broken(rule, "byte %lld of %lld is another one %s", (long long)i, (long long)first_size,
				    when);
			return false;
		}
	rule_broken(rule, "%lld bytes instead of %lld are saved %s", (long long)second_size, (long long)first_size,
		    when);
	return false;
}

/* --- handing over --- */

static int64_t restore(struct rig *rig, struct mortise_device *device, const void *data, uint64_t size)
{
	struct area *area = area_new(size, "what restore() is given", RULE_GARBAGE, RULE_CRASH);
	struct transfer transfer = {.device = device, .size = size};

	if (!area)
		phase_no_memory();
	memcpy(area->data, data, size);
	transfer.data = area->data;
	rig_on_device(rig, device, run_restore, &transfer);
	area_check(area);
	if (transfer.result < 0)
		doing("restore() has refused: %s", transfer.error.message);
	return transfer.result;
}

/* The slot is stopped, with the old instance behind it; the one that is behind it afterwards. */
static struct mortise_device *hand_over(struct rig *rig, struct mortise_device *device, const struct area *state,
					int64_t size)
{
	struct mortise_device *heir = rig_device(rig, 1);
	struct area *again;
	int64_t again_size;

	if (!heir)
		return device;
	doing("another instance restores the state");
	if (restore(rig, heir, state->data, (uint64_t)size) < 0) {
		rule_broken(RULE_RESTORE, "restore() refuses what save() wrote (%s)", board->doing);
		rig_end(rig, heir);
		return device;
	}
	if (rig_exchange(rig, heir) < 0) {
		rule_broken(RULE_RESTORE, "the other instance does not go on where the first has stopped");
		rig_end(rig, heir);
		return device;
	}
	again_size = save(rig, heir, &again);
	same(RULE_RESTORE, "by the instance that restored it", state, size, again, again_size);
	rig_end(rig, device);
	return heir;
}

/* The state's size, or a negative errno. */
static int64_t save_and_hand_over(struct driver *driver, struct area **state)
{
	static const struct work work = {.count = 20};
	struct rig *rig = driver->rig;
	struct mortise_device *device = rig_device(rig, 0);
	struct area *again;
	int64_t size, again_size;

	if (!device || rig_exchange(rig, device) < 0 || !driver_bind(driver, driver_offered(driver)))
		return -ENODEV;
	doing("the state is saved");
	work_do(driver, &work);
	rig_stop(rig);
	size = save(rig, device, state);
	if (size >= 0) {
		check_room(rig, device, size);
		again_size = save(rig, device, &again);
		same(RULE_SAVE_SAME, "the second time", *state, size, again, again_size);
		device = hand_over(rig, device, *state, size);
	}
	rig_cont(rig);
	doing("a driver goes on with the state restored");
	driver_harvest(driver);
	work_do(driver, &work);
	driver_reset(driver);
	rig_exchange(rig, NULL);
	rig_end(rig, device);
	return size;
}

/* --- garbage --- */

static uint64_t spoil(struct driver *random, uint8_t *data, uint64_t size, uint64_t room)
{
	switch (driver_random(random, 5)) {
	case 0:
		return 0;
	case 1:
		return size ? driver_random(random, (uint32_t)size) : 1;
	case 2:
		return MIN(size + 1 + driver_random(random, 64), room);
	case 3:
		for (uint64_t i = 0; i < size; i++)
			data[i] = (uint8_t)driver_random(random, 256);
		return size;
	default:
		for (unsigned i = 0; size && i < 3; i++)
			data[driver_random(random, (uint32_t)size)] =
				(uint8_t)(driver_random(random, 2) ? 0xff : driver_random(random, 256));
		return size;
	}
}

/* What is taken after all must be lived with. */
static void restore_garbage(struct driver *driver, const struct area *state, uint64_t size)
{
	static const struct work work = {.count = 8};
	struct mortise_device *device = rig_device(driver->rig, 0);
	const uint64_t room = size + 64;
	uint8_t *data = calloc(1, room);

	if (!device || !data)
		return;
	memcpy(data, state->data, size);
	doing("garbage is restored");
	if (restore(driver->rig, device, data, spoil(driver, data, size, room)) == 0 &&
	    rig_exchange(driver->rig, device) == 0) {
		doing("a driver works with garbage restored");
		if (driver_bind(driver, driver_offered(driver)))
			work_do(driver, &work);
		driver_reset(driver);
		rig_exchange(driver->rig, NULL);
	}
	rig_end(driver->rig, device);
	free(data);
	rule_kept(RULE_GARBAGE);
}

void phase_state(const struct subject *subject)
{
	static const enum rule rules[] = {RULE_SAVE_ROOM, RULE_SAVE_SAME, RULE_RESTORE, RULE_GARBAGE};
	struct area *state;
	struct driver driver;
	struct rig rig;
	int64_t size;
	double end;

	if (!rig_open(&rig, subject))
		return;
	driver_init(&driver, &rig, 5);
	if (!rig.real->save || !rig.real->restore) {
		for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
			rule_skipped(rules[i], rig.real->save ? "it has save() and no restore()" : "it has no state");
		if (!rig.real->save != !rig.real->restore)
			rule_broken(RULE_RESTORE, "there is %s() alone", rig.real->save ? "save" : "restore");
		return;
	}
	size = save_and_hand_over(&driver, &state);
	if (size < 0)
		return;
	end = now() + subject->seconds;
	for (unsigned i = 0; i < GARBAGE && (i < 20 || now() < end); i++)
		restore_garbage(&driver, state, (uint64_t)size);
}
