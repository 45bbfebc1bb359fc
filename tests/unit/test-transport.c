/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-transport.c - the registers of a virtio-mmio window (virtio 1.2, 4.2), as drivers use and abuse them.
 */
#include "unit.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "bus/empty.h"
#include "slot-fixture.h"

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	fixture_open(*state, 2);
	return 0;
}

static int tear_down(void **state)
{
	fixture_close(*state);
	free(*state);
	return 0;
}

static uint64_t config_read(struct fixture *f, uint64_t offset, unsigned width)
{
	return slot_mmio_ops.read(f->slot, VIRTIO_MMIO_CONFIG + offset, width);
}

static void config_write(struct fixture *f, uint64_t offset, uint64_t value, unsigned width)
{
	slot_mmio_ops.write(f->slot, VIRTIO_MMIO_CONFIG + offset, value, width);
}

static void identity(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guest_read(f, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_ID), 2);
	assert_int_equal(guest_features(f), EMPTY_BLK_FEATURES | VERSION_1 | EVENT_IDX | UINT64_C(1) << 28);
	guest_write(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	guest_write(f, VIRTIO_MMIO_SHM_SEL, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_SHM_LEN_HIGH), UINT32_MAX);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), EMPTY_QUEUE_SIZE);
	guest_write(f, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
}

/* 4.2.2.2: control registers are 32 bits wide; other widths do nothing. Nor do unknown registers. */
static void widths(void **state)
{
	struct fixture *f = *state;

	for (uint64_t offset = 0; offset < SLOT_MMIO_SIZE; offset++) {
		for (unsigned width = 1; width <= 8; width *= 2) {
			uint64_t value;

			if (offset % width || (width == 4 && offset < VIRTIO_MMIO_CONFIG))
				continue;
			value = slot_mmio_ops.read(f->slot, offset, width);
			if (offset < VIRTIO_MMIO_CONFIG)
				assert_int_equal(value, 0);
			if (width < 8)
				assert_int_equal(value >> 8 * width, 0);
			slot_mmio_ops.write(f->slot, offset, UINT64_MAX, width);
		}
	}
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset += 4)
		guest_write(f, offset, 0); /* and all there are, none of them fatal */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
}

static void features_are_checked(void **state)
{
	struct fixture *f = *state;
	const uint64_t offered = guest_features(f);

	assert_int_equal(guest_negotiate(f, 0), 3);
	assert_int_equal(guest_negotiate(f, EMPTY_BLK_FEATURES), 3);
	assert_int_equal(guest_negotiate(f, offered | UINT64_C(1) << 5), 3);
	assert_int_equal(guest_negotiate(f, offered | UINT64_C(1) << 63), 3);
	assert_int_equal(guest_negotiate(f, VERSION_1), 11);
	assert_int_equal(guest_negotiate(f, offered), 11);

	/* Settled is settled. */
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 11);
	guest_queue(f, 0, true);
	guest_write(f, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 15);
}

static void status_rules(void **state)
{
	struct fixture *f = *state;

	guest_write(f, VIRTIO_MMIO_STATUS, 0xffffff70); /* the device's bit, and none at all */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 4); /* DRIVER_OK out of the blue */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	guest_write(f, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	guest_write(f, VIRTIO_MMIO_STATUS, 8 | 4); /* FEATURES_OK without DRIVER */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 15); /* all at once is in order */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 15);
	guest_write(f, VIRTIO_MMIO_STATUS, 1); /* bits are not cleared one by one */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 15);
	guest_write(f, VIRTIO_MMIO_STATUS, 128);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 143);
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 0);
	guest_write(f, VIRTIO_MMIO_STATUS, 1 | 2 | 8); /* features were forgotten */
	assert_int_equal(guest_read(f, VIRTIO_MMIO_STATUS), 3);
}

static uint32_t try_queue(struct fixture *f, uint32_t size, uint64_t desc)
{
	guest_write(f, VIRTIO_MMIO_QUEUE_NUM, size);
	guest_write(f, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	guest_write(f, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32));
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	return guest_read(f, VIRTIO_MMIO_QUEUE_READY);
}

static void queues_are_checked(void **state)
{
	struct fixture *f = *state;

	guest_negotiate(f, VERSION_1);
	guest_queue(f, 0, false);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 1);

	/* Nothing about a ready queue changes; an unready one does. */
	guest_write(f, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 0);

	assert_int_equal(try_queue(f, 0, RING_BUFFERS), 0);
	assert_int_equal(try_queue(f, 12, RING_BUFFERS), 0);
	assert_int_equal(try_queue(f, 512, RING_BUFFERS), 0); /* NUM_MAX is 256 */
	assert_int_equal(try_queue(f, 16, RING_BUFFERS + 1), 0);
	assert_int_equal(try_queue(f, 16, 0), 0);
	assert_int_equal(try_queue(f, 16, UINT64_MAX - 15), 0);
	assert_int_equal(try_queue(f, 256, RING_RAM_BASE + RING_RAM_SIZE - 4080), 0);
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 2);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(try_queue(f, 256, RING_RAM_BASE + RING_RAM_SIZE - 4096), 1);

	/* Queues that the device does not have. */
	for (uint32_t sel = 1; sel; sel = sel < 1000 ? sel + 1 : sel * 2) {
		guest_write(f, VIRTIO_MMIO_QUEUE_SEL, sel);
		assert_int_equal(try_queue(f, 16, RING_BUFFERS), 0);
		guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, sel);
	}

	/* A running driver's queues stay as they are. */
	guest_write(f, VIRTIO_MMIO_STATUS, 15);
	guest_write(f, VIRTIO_MMIO_QUEUE_SEL, 0);
	guest_write(f, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 1);
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void configuration(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, UINT64_C(0x1122334455667788));
	const uint64_t wce = offsetof(struct virtio_blk_config, wce);
	uint32_t generation = guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION);

	assert_int_equal(config_read(f, 0, 8), 0);
	assert_int_equal(config_read(f, offsetof(struct virtio_blk_config, blk_size), 4), 512);
	assert_int_equal(config_read(f, offsetof(struct virtio_blk_config, seg_max), 4), EMPTY_BLK_SEG_MAX);
	assert_int_equal(control_exchange(f, device), 0);
	assert_int_not_equal(guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(config_read(f, 0, 8), 0x1122334455667788);
	assert_int_equal(config_read(f, 0, 4), 0x55667788);
	assert_int_equal(config_read(f, 4, 4), 0x11223344);
	assert_int_equal(config_read(f, 2, 2), 0x5566);
	assert_int_equal(config_read(f, 7, 1), 0x11);
	assert_int_equal(config_read(f, 0xf8, 8), 0);

	/* The device's changes count, the driver's own do not, nor does what is no change. */
	generation = guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION);
	device_set_capacity(device, UINT64_C(0x1122334455667788));
	assert_int_equal(guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	device_set_capacity(device, 7);
	assert_int_not_equal(guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(config_read(f, 0, 8), 7);
	generation = guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION);
	config_write(f, wce, 1, 1);
	assert_int_equal(config_read(f, wce, 1), 1);
	assert_int_equal(atomic_load(&test_of(device)->config_writes), 1);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_CONFIG_GENERATION), generation);

	config_write(f, 0xf8, UINT64_MAX, 8);
	assert_int_equal(atomic_load(&test_of(device)->config_writes), 1);
	config_write(f, 7, UINT64_MAX, 1);
	assert_int_equal(atomic_load(&test_of(device)->config_writes), 2);
	assert_int_equal(config_read(f, 0, 8), UINT64_C(0xff00000000000007));

	assert_int_equal(control_exchange(f, NULL), 0);
	assert_int_equal(config_read(f, 0, 8), 0);
	device_end(f, device);
}

static void interrupts(void **state)
{
	struct fixture *f = *state;
	struct mortise_device *device = device_make(f, TEST_BLK, 1);

	assert_int_equal(control_exchange(f, device), 0);
	assert_false(line_level(f)); /* no driver, no interrupt */
	assert_int_equal(guest_bind(f, VERSION_1, 1), 15);
	guest_write(f, VIRTIO_MMIO_INTERRUPT_ACK, 3);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	assert_true(reaches(&test_of(device)->requests, 1));
	while (!line_level(f))
		;
	assert_int_equal(guest_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	device_set_capacity(device, 2);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	guest_write(f, VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffc);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	guest_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	assert_true(line_level(f));
	guest_write(f, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
	assert_false(line_level(f));
	device_set_capacity(device, 3);
	assert_true(line_level(f));
	guest_write(f, VIRTIO_MMIO_STATUS, 0);
	assert_false(line_level(f));
	assert_int_equal(guest_read(f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(control_exchange(f, NULL), 0);
	device_end(f, device);
}

/* A slot for any type: version and magic are there, the rest is not (4.2.2.2: device ID 0). */
static void nothing_there(void **state)
{
	struct fixture f;

	fixture_open(&f, 0);
	assert_int_equal(guest_read(&f, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(guest_read(&f, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(guest_read(&f, VIRTIO_MMIO_DEVICE_ID), 0);
	assert_int_equal(guest_features(&f), 0);
	assert_int_equal(guest_read(&f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	assert_int_equal(config_read(&f, 0, 8), 0);
	config_write(&f, 0, 1, 8);
	assert_int_equal(guest_bind(&f, VERSION_1, 1), 3);
	guest_write(&f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	guest_write(&f, VIRTIO_MMIO_STATUS, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(widths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(features_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(status_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(queues_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(interrupts, set_up, tear_down),
		cmocka_unit_test(nothing_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
