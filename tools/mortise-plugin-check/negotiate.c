/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiate.c - every subset of features; resets in every state.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "base/util.h"
#include "bus/feature.h"
#include "bus/transport.h"
#include "phases.h"

#define BIT(n) (UINT64_C(1) << (n))

/* --- features --- */

static void try_features(struct driver *driver, uint64_t features)
{
	const struct work work = {.count = 6};
	char names[160];

	doing("the driver negotiates 0x%llx: %s", (unsigned long long)features,
	      feature_names(driver->rig->real->virtio_id, features & FEATURES_OF_TYPE, names, sizeof(names)));
	if (driver_bind(driver, features | BIT(VIRTIO_F_VERSION_1)))
		work_do(driver, &work);
	else
		rule_broken(RULE_FEATURES, "the device does not work with features 0x%llx (%s)",
			    (unsigned long long)features, names);
	driver_reset(driver);
}

static void try_pairs(struct driver *driver, uint64_t offered, double end)
{
	for (unsigned i = 0; i < 64; i++)
		for (unsigned k = i + 1; k < 64 && now() < end; k++)
			if (offered & BIT(i) && offered & BIT(k))
				try_features(driver, BIT(i) | BIT(k));
}

/* None, all, each alone and each missing; then pairs and random ones for as long as there is time. */
static void try_subsets(struct driver *driver, uint64_t offered)
{
	const double end = now() + driver->rig->subject->seconds;

	try_features(driver, 0);
	try_features(driver, offered);
	for (unsigned i = 0; i < 64; i++) {
		if (offered & BIT(i)) {
			try_features(driver, BIT(i));
			try_features(driver, offered & ~BIT(i));
		}
	}
	try_pairs(driver, offered, now() + driver->rig->subject->seconds / 2);
	while (now() < end)
		try_features(driver, offered & ((uint64_t)driver_random(driver, UINT32_MAX) << 32 |
						driver_random(driver, UINT32_MAX)));
}

void phase_features(const struct subject *subject)
{
	struct mortise_device *device;
	struct driver driver;
	struct rig rig;

	if (!rig_open(&rig, subject))
		return;
	device = rig_device(&rig, 0);
	if (!device)
		return;
	if (rig_exchange(&rig, device) < 0) {
		rule_broken(RULE_FEATURES, "it cannot be put into a slot");
		return;
	}
	driver_init(&driver, &rig, 2);
	try_subsets(&driver, driver_offered(&driver));
	rule_kept(RULE_FEATURES);
}

/* --- resets --- */

struct config {
	uint32_t size;
	uint8_t bytes[TRANSPORT_CONFIG];
};

static void read_config(struct driver *driver, struct config *config)
{
	config->size = MIN(driver->rig->real->config_size, TRANSPORT_CONFIG);
	driver_config(driver, config->bytes, config->size);
}

static void check_config(struct driver *driver, const struct config *first)
{
	struct config config;

	read_config(driver, &config);
	for (uint32_t i = 0; i < config.size; i++)
		if (config.bytes[i] != first->bytes[i]) {
			rule_broken(RULE_RESET_CONFIG, "byte %u is 0x%02x instead of 0x%02x (after %s)", i,
				    config.bytes[i], first->bytes[i], board->doing);
			return;
		}
	if (config.size)
		rule_kept(RULE_RESET_CONFIG);
}

/* After the reset it must serve a driver as a new one does. */
static void check_reset(struct driver *driver, const struct config *first)
{
	const struct work work = {.count = 8};

	driver_reset(driver);
	check_config(driver, first);
	if (driver_bind(driver, driver_offered(driver)))
		work_do(driver, &work);
	else
		rule_broken(RULE_RESET, "the device does not work any more after a reset while %s", board->doing);
}

static void scribble_on_config(struct driver *driver)
{
	for (uint32_t i = 0; i < MIN(driver->rig->real->config_size, TRANSPORT_CONFIG); i++)
		slot_mmio_ops.write(driver->rig->slot, VIRTIO_MMIO_CONFIG + i, driver_random(driver, 256), 1);
}

static void break_ring(struct driver *driver)
{
	struct driver_queue *queue = &driver->queues[0];

	queue->avail->ring[0] = UINT16_MAX;
	__atomic_store_n(&queue->avail->idx, (uint16_t)(queue->avail_idx + 1), __ATOMIC_RELEASE);
	driver_kick(driver, 0);
}

static void reset_in_every_state(struct driver *driver, const struct config *first)
{
	static const char *const states[] = {"nothing was negotiated", "it was acknowledged", "a driver was found",
					     "features were agreed on", "queues were set up"};
	const uint64_t offered = driver_offered(driver);
	const struct work work = {.count = 24};
	unsigned expected[DRIVER_QUEUES];

	for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
		doing("%s", states[i]);
		driver_advance(driver, offered, i);
		check_reset(driver, first);
	}
	doing("the driver works");
	check_reset(driver, first);
	doing("requests are in flight");
	io_hold();
	work_offer(driver, &work, expected);
	check_reset(driver, first);
	doing("the driver has written all over the configuration");
	scribble_on_config(driver);
	check_reset(driver, first);
	doing("a ring is broken");
	break_ring(driver);
	check_reset(driver, first);
	doing("the VM is stopped");
	rig_stop(driver->rig);
	rig_reset(driver->rig);
	rig_cont(driver->rig);
	check_reset(driver, first);
}

void phase_reset(const struct subject *subject)
{
	struct mortise_device *device;
	struct config first;
	struct driver driver;
	struct rig rig;
	double end;

	if (!rig_open(&rig, subject))
		return;
	device = rig_device(&rig, 0);
	if (!device || rig_exchange(&rig, device) < 0)
		return;
	driver_init(&driver, &rig, 3);
	end = now() + subject->seconds;
	read_config(&driver, &first);
	do
		reset_in_every_state(&driver, &first);
	while (now() < end);
	if (!rig.real->config_size)
		rule_skipped(RULE_RESET_CONFIG, "it has none");
	rule_kept(RULE_RESET);
}
