/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-vring.c - queues lent to an outside server: kicks and interrupts, stop and cont, exchange, a server that
 * goes.
 *
 * The test's thread is that server too: it looks at the rings where it was told that they are.
 */
#include "unit.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_mmio.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "bus/feature.h"
#include "slot-fixture.h"

/* The instance: lends queue 0 whenever it can, and serves it itself while it does not. */
struct lender {
	struct mortise_device *device;
	struct mortise_vring vring;
	_Atomic int reached;	    /* what the server answers; -1: it is gone */
	_Atomic bool keeps;	    /* does not return the queue when asked to */
	_Atomic bool alone;	    /* lends no more */
	_Atomic unsigned lent, own; /* times, chains */
	int again;		    /* what lending a second time gave */
};

static int lend(struct lender *lender)
{
	int r;

	if (atomic_load(&lender->alone))
		return 0;
	lender->vring.struct_size = sizeof(lender->vring);
	r = device_vring_lend(lender->device, 0, &lender->vring);
	if (r == 0)
		atomic_fetch_add(&lender->lent, 1);
	lender->again = device_vring_lend(lender->device, 0, &lender->vring);
	return r;
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct lender *lender = self;

	lender->device = device;
	device_offer_ring_features(device, EVENT_IDX);
	assert_int_equal(device_vring_lend(device, 0, &lender->vring), -ENODEV);
	return 0;
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	return lend(self);
}

static void notify(void *self, uint32_t queue)
{
	struct lender *lender = self;
	struct mortise_chain *chain;

	while ((chain = device_queue_pop(lender->device, queue))) {
		memset(chain->in[chain->in_count - 1].iov_base, VIRTIO_BLK_S_UNSUPP, 1);
		device_queue_push(lender->device, chain, 1);
		atomic_fetch_add(&lender->own, 1);
	}
}

static int quiesce(void *self, struct mortise_error *err)
{
	struct lender *lender = self;

	if (lender->vring.struct_size && !atomic_load(&lender->keeps)) {
		device_vring_return(lender->device, 0, atomic_load(&lender->reached));
		lender->vring.struct_size = 0;
	}
	return 0;
}

static void resume(void *self)
{
	assert_int_equal(lend(self), 0);
}

static const struct mortise_class class = {.size = sizeof(class),
					   .driver = "lender",
					   .virtio_id = 2,
					   .queue_count = 2,
					   .config_size = 8,
					   .instance_size = sizeof(struct lender),
					   .realize = realize,
					   .activate = activate,
					   .notify = notify,
					   .quiesce = quiesce,
					   .resume = resume};

struct world {
	struct fixture fixture;
	struct mortise_device *device;
	struct lender *lender;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	fixture_open(&world->fixture, 0);
	world->device = device_make_of(&world->fixture, &class);
	world->lender = device_self(world->device);
	*state = world;
	return 0;
}

static void plug_and_bind(struct world *world)
{
	assert_int_equal(control_exchange(&world->fixture, world->device), 0);
	assert_int_equal(guest_bind(&world->fixture, VERSION_1 | EVENT_IDX, 1), 15);
	assert_int_equal(atomic_load(&world->lender->lent), 1);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	assert_int_equal(control_exchange(&world->fixture, NULL), 0);
	device_end_of(&world->fixture, world->device);
	fixture_close(&world->fixture);
	free(world);
	return 0;
}

/* --- the server --- */

static bool kicked(struct world *world)
{
	struct pollfd poll_fd = {.fd = world->lender->vring.kick, .events = POLLIN};
	eventfd_t count;

	return poll(&poll_fd, 1, 10000) == 1 && eventfd_read(poll_fd.fd, &count) == 0;
}

static unsigned available(const struct world *world)
{
	const struct vring_avail *avail = world->lender->vring.available;

	return (uint16_t)(__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) - atomic_load(&world->lender->reached));
}

/* Answers the next request with success, as far as the driver can see; true: one was there. */
static bool serve(struct world *world, bool interrupt)
{
	struct mortise_vring *vring = &world->lender->vring;
	const uint16_t next = (uint16_t)atomic_load(&world->lender->reached);
	const uint16_t slot = next & (vring->size - 1);
	struct vring_avail *avail = vring->available;
	struct vring_used *used = vring->used;
	struct vring_desc *desc = vring->descriptors;

	if (!available(world))
		return false;
	*(uint8_t *)ram_at(world->fixture.ram, desc[avail->ring[slot] + 2].addr, 1) = VIRTIO_BLK_S_OK;
	used->ring[used->idx & (vring->size - 1)] = (struct vring_used_elem){.id = avail->ring[slot], .len = 1};
	__atomic_store_n(&used->idx, used->idx + 1, __ATOMIC_RELEASE);
	atomic_store(&world->lender->reached, (uint16_t)(next + 1));
	if (interrupt)
		eventfd_write(vring->call, 1);
	return true;
}

static void round_trip(struct world *world)
{
	struct fixture *f = &world->fixture;

	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_true(kicked(world));
	assert_true(serve(world, true));
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_OK);
}

/* --- tests --- */

static void served_outside(void **state)
{
	struct world *world = *state;

	plug_and_bind(world);
	assert_int_equal(guest_features(&world->fixture) & features_of_ring, EVENT_IDX);
	assert_true(kicked(world)); /* for what is there already */
	assert_int_equal(world->lender->vring.size, FIXTURE_QUEUE);
	assert_int_equal(world->lender->again, -EBUSY);
	for (unsigned i = 0; i < 100; i++)
		round_trip(world);
	assert_int_equal(atomic_load(&world->lender->own), 0);
}

static void by_the_accelerator(void **state)
{
	struct world *world = *state;
	struct slot_info info;

	atomic_store(&world->fixture.ties, true);
	plug_and_bind(world);
	assert_int_equal(atomic_load(&world->fixture.bell_of_0), world->lender->vring.kick);
	round_trip(world);
	slot_info(world->fixture.slot, &info);
	assert_int_equal(info.kicks, 0); /* the transport had nothing to do */
	assert_int_equal(control_stop(&world->fixture), 0);
	assert_int_not_equal(atomic_load(&world->fixture.bell_of_0),
			     world->lender->vring.kick); /* the queue's own again */
	assert_int_equal(control_cont(&world->fixture), 0);
	round_trip(world);
}

/* Indices go on where the server was, whoever comes next. */
static void stop_and_cont(void **state)
{
	struct world *world = *state;
	struct fixture *f = &world->fixture;

	plug_and_bind(world);
	for (unsigned i = 0; i < 5; i++)
		round_trip(world);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	assert_true(serve(world, true));
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_OK); /* the last interrupt was not lost */
	guest_interrupt(f);
	assert_int_equal(eventfd_write(world->lender->vring.call, 1), 0);
	assert_false(line_level(f)); /* one that does not stop is not heard */
	guest_submit(f, 1, VIRTIO_BLK_T_IN);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(world->lender->vring.next, 6);
	assert_true(kicked(world));
	assert_true(serve(world, true));
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_OK);

	/* The plugin itself goes on from there. */
	assert_int_equal(control_stop(f), 0);
	atomic_store(&world->lender->alone, true);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_UNSUPP);
	guest_submit(f, 1, VIRTIO_BLK_T_IN);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(atomic_load(&world->lender->own), 2);
}

static void without_an_answer(void **state)
{
	struct world *world = *state;
	struct fixture *f = &world->fixture;

	plug_and_bind(world);
	round_trip(world);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	atomic_store(&world->lender->reached, -1); /* it had taken that one */
	atomic_store(&world->lender->alone, true);
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_UNSUPP);
}

static void not_returned(void **state)
{
	struct world *world = *state;
	struct fixture *f = &world->fixture;

	plug_and_bind(world);
	atomic_store(&world->lender->keeps, true);
	assert_int_equal(control_exchange(f, NULL), -EBUSY);
	assert_names(&f->error, "has not taken queue 0 back");
	round_trip(world);

	/* A driver's reset cannot be refused. */
	assert_int_equal(control_reset(f), 0);
	world->lender->vring.struct_size = 0;
	atomic_store(&world->lender->keeps, false);
	atomic_store(&world->lender->reached, 0);
	assert_int_equal(guest_bind(f, VERSION_1 | EVENT_IDX, 1), 15);
	round_trip(world);
}

static void plugged_while_the_driver_runs(void **state)
{
	struct world *world = *state;
	struct fixture *f = &world->fixture;
	struct mortise_device *first = device_make_of(f, &class);
	struct lender *lender = device_self(first);

	atomic_store(&lender->alone, true);
	assert_int_equal(control_exchange(f, first), 0);
	assert_int_equal(guest_bind(f, VERSION_1 | EVENT_IDX, 1), 15);
	guest_submit(f, 0, VIRTIO_BLK_T_IN);
	assert_int_equal(guest_complete(f, 0, NULL), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(control_exchange(f, world->device), 0);
	device_end_of(f, first);
	assert_int_equal(world->lender->vring.next, 1);
	atomic_store(&world->lender->reached, 1);
	round_trip(world);

	/* Entered while the VM stands still, it is asked at once to be still too. */
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_cont(f), 0);
	round_trip(world);
}

static void regions(void **state)
{
	struct world *world = *state;
	struct mortise_memory_region region = {.struct_size = sizeof(region)};

	assert_int_equal(device_memory_region(world->device, 0, &region), 0);
	assert_int_equal(region.address, RING_RAM_BASE);
	assert_ptr_equal(region.host, ram_at(world->fixture.ram, RING_RAM_BASE, 1));
	assert_int_equal(region.fd, world->fixture.ram->fd);
	assert_int_equal(device_memory_region(world->device, 1, &region), 0);
	assert_int_equal(region.address, RING_RAM_HIGH);
	assert_int_equal(region.offset, world->fixture.ram->ranges[0].size);
	assert_int_equal(device_memory_region(world->device, 2, &region), -ENOENT);
	region = (struct mortise_memory_region){.struct_size = 16};
	assert_int_equal(device_memory_region(world->device, 1, &region), 0);
	assert_int_equal(region.struct_size, 16);
	assert_int_equal(region.size, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(served_outside),	 TEST(by_the_accelerator), TEST(stop_and_cont),
		TEST(without_an_answer), TEST(not_returned),	   TEST(plugged_while_the_driver_runs),
		TEST(regions),
	};

	return cmocka_run_group_tests_name("vring", tests, NULL, NULL);
}
