/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-old-plugins.c - plugins that were built for each ABI minor load, and serve a driver, for ever.
 *
 * Their files are data: tests/old-plugins. All of them speak the protocol that minor-0.c describes.
 */
#include "plugin-fixture.h"

#include <linux/virtio_mmio.h>

#include "plugin/plugin.h"
#include "slot-fixture.h"

#define DISK_SIZE MIB
#define TIMER_ID 3
#define EVENTS 7

/* Guest memory: an operation with what it takes; its answer's word; its answer's data. */
#define REQUEST RING_BUFFERS
#define ANSWER (RING_BUFFERS + 0x10000)
#define DATA (RING_BUFFERS + 0x20000)
#define DATA_SIZE 0x2000

struct world {
	struct fixture slot;
	struct plugin_fixture *files;
	struct plugins *plugins;
	const struct mortise_class *class;
	struct mortise_device *device;
	struct backends backends;
	const char *driver;
	const char *words;	    /* the device's options */
	struct mortise_error error; /* why make() failed */
};

/* --- the driver --- */

static void offer(struct world *world, char operation, const void *more, size_t size)
{
	struct fixture *f = &world->slot;
	struct ring *ring = &f->ring[0];
	char *to = ram_at(f->ram, REQUEST, size + 1);

	to[0] = operation;
	if (size)
		memcpy(to + 1, more, size);
	ring_desc(ring, 0, REQUEST, (uint32_t)size + 1, VRING_DESC_F_NEXT, 1);
	ring_desc(ring, 1, ANSWER, sizeof(int64_t), VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 2);
	ring_desc(ring, 2, DATA, DATA_SIZE, VRING_DESC_F_WRITE, 0);
	ring_offer(ring, 0);
	if (ring_must_kick(ring))
		guest_write(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static int64_t take(struct world *world)
{
	struct fixture *f = &world->slot;
	struct ring *ring = &f->ring[0];
	struct vring_used_elem elem;

	while (!ring_take(ring, &elem)) {
		ring_want_interrupt_after(ring, ring->used_idx);
		if (ring_take(ring, &elem))
			break;
		if (!guest_interrupt(f))
			fail_msg("a request is not answered");
	}
	return *(int64_t *)ram_at(f->ram, ANSWER, sizeof(int64_t));
}

static int64_t request(struct world *world, char operation, const void *more, size_t size)
{
	offer(world, operation, more, size);
	return take(world);
}

static uint8_t *data(struct world *world)
{
	return ram_at(world->slot.ram, DATA, DATA_SIZE);
}

/* --- set-up, on the control thread --- */

static void make_backends(struct pending *pending)
{
	struct backends *backends = pending->opaque;
	struct options *options = NULL;

	assert_int_equal(block_nodes_new(&backends->blocks, pending->f->control, NULL), 0);
	assert_int_equal(nets_new(&backends->nets, pending->f->control, NULL), 0);
	assert_int_equal(chars_new(&backends->chars, NULL), 0);
	assert_int_equal(options_parse(&options, "backend=null,id=c0", NULL, NULL, NULL), 0);
	assert_int_equal(char_add(backends->chars, options, NULL), 0);
	assert_int_equal(options_parse(&options, "node-name=d0,driver=null-co,size=1M", NULL, NULL, NULL), 0);
	block_add(backends->blocks, options, &pending->reply);
}

static void make_device(struct pending *pending)
{
	struct world *world = pending->opaque;
	_cleanup_(options_free_p) struct options *options = NULL;
	int r = options_parse(&options, world->words, NULL, NULL, NULL);

	assert_int_equal(r, 0);
	r = plugin_instance_new(&world->device, world->plugins, world->class, "old", options, &world->backends,
				pending->f->control, &pending->reply.error);
	reply_post(&pending->reply, pending->f->control, r);
}

static void free_device(struct pending *pending)
{
	struct world *world = pending->opaque;

	world->device = plugin_instance_free(world->device);
	reply_post(&pending->reply, pending->f->control, 0);
}

static void free_backends(struct pending *pending)
{
	struct backends *backends = pending->opaque;

	backends->nets = nets_free(backends->nets);
	backends->chars = chars_free(backends->chars);
	reply_post(&pending->reply, pending->f->control, 0);
}

static void setup(struct world *world, const char *driver)
{
	const char *source = getenv("MORTISE_SOURCE");
	char path[512], name[64];
	void *files = NULL;

	*world = (struct world){.driver = driver};
	plugin_fixture_setup(&files);
	world->files = files;
	snprintf(name, sizeof(name), "%s.so", driver);
	snprintf(path, sizeof(path), "%s/tests/old-plugins/%s", source ? source : "..", name);
	plugin_copy_file(world->files, path, name);
	assert_int_equal(plugins_new(&world->plugins, world->files->dir, NULL), 0);
	if (plugins_class(world->plugins, driver, &world->class, &world->files->error) < 0)
		fail_msg("%s", world->files->error.message);
	fixture_open(&world->slot, 0);
	world->backends.ram = world->slot.ram;
	assert_int_equal(control_call(&world->slot, make_backends, &world->backends), 0);
}

static void teardown(struct world *world)
{
	void *files = world->files;

	assert_int_equal(plugins_next(world->plugins, NULL)->instances, 0);
	assert_int_equal(control_call(&world->slot, free_backends, &world->backends), 0);
	fixture_close(&world->slot);
	block_nodes_free(world->backends.blocks);
	plugins_free(world->plugins);
	plugin_fixture_teardown(&files);
}

static int make(struct world *world, const char *words)
{
	int r;

	world->words = words;
	r = control_call(&world->slot, make_device, world);
	world->error = world->slot.error;
	if (r < 0)
		return r;
	r = control_realize(&world->slot, world->device);
	world->error = world->slot.error;
	if (r < 0)
		control_call(&world->slot, free_device, world);
	return r;
}

/* --- what is tested, of each --- */

static void check_refusals(struct world *world)
{
	assert_int_equal(make(world, "text=refuse"), -EDOM);
	assert_names(&world->error, "'refuse'");
	assert_int_equal(make(world, "medium=65"), -EINVAL);
	assert_names(&world->error, "from 2 to 64");
	assert_int_equal(make(world, "drive=nobody"), -ENOENT);
}

static void check_services(struct world *world)
{
	struct fixture *f = &world->slot;
	const uint64_t sector[65] = {DISK_SIZE - 512}, address = DATA, outside = 4096;
	uint64_t text = 0;

	assert_int_equal(request(world, 'e', "echo", 4), 4);
	assert_memory_equal(data(world), "echo", 4);
	assert_true(request(world, 'k', NULL, 0) > 0);
	assert_int_equal(request(world, 't', NULL, 0), TIMER_ID);
	assert_int_equal(request(world, 'w', NULL, 0), EVENTS);
	assert_int_equal(request(world, 'c', NULL, 0), 1);
	assert_int_equal(request(world, 'c', NULL, 0), 2);
	assert_int_equal(guest_read(f, VIRTIO_MMIO_CONFIG), 2);
	text = guest_read(f, VIRTIO_MMIO_CONFIG + 8);
	assert_memory_equal(&text, "anci", 4);

	memset(data(world), 0x55, DATA_SIZE);
	assert_int_equal(request(world, 'd', NULL, 0), 0);
	assert_int_equal(data(world)[0], 0);
	data(world)[0] = 1;
	assert_int_equal(request(world, 'D', &address, sizeof(address)), 0);
	assert_int_equal(data(world)[0], 0);
	assert_int_equal(request(world, 'D', &outside, sizeof(outside)), -EFAULT);

	assert_int_equal(request(world, 'b', NULL, 0), DISK_SIZE);
	memset(data(world), 0x55, DATA_SIZE);
	assert_int_equal(request(world, 'r', &address, sizeof(address)), -EINVAL);
	assert_int_equal(request(world, 'r', &(uint64_t){0}, sizeof(uint64_t)), 0);
	assert_int_equal(data(world)[DATA_SIZE - 1], 0);
	assert_int_equal(request(world, 'W', sector, sizeof(uint64_t) + 512), 0);
	assert_int_equal(request(world, 'f', NULL, 0), 0);
	assert_int_equal(request(world, 'n', NULL, 0), -EINVAL); /* it has no netdev */
	assert_int_equal(request(world, 'p', "text", 4), 4);
	assert_true(request(world, 'i', NULL, 0) >= 0);
}

/* Stopped, it gives up what it waits for; reset, it forgets its driver. */
static void check_life(struct world *world)
{
	struct fixture *f = &world->slot;
	int64_t requests = request(world, 'q', NULL, 0), answer;

	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_cont(f), 0);
	assert_int_equal(request(world, 'q', NULL, 0), requests + 1);
	offer(world, 't', NULL, 0);
	assert_int_equal(control_stop(f), 0);
	assert_int_equal(control_cont(f), 0);
	answer = take(world);
	assert_true(answer == TIMER_ID || answer == -ECANCELED);
	request(world, 'x', NULL, 0);
	assert_true(guest_read(f, VIRTIO_MMIO_STATUS) & 0x40);
	assert_int_equal(guest_bind(f, VERSION_1, 1), 15);
	assert_int_equal(request(world, 'q', NULL, 0), 0);
}

/* What came with 1.1. */
static void check_regions_and_rings(struct world *world)
{
	assert_int_equal(request(world, 'm', NULL, 0), 2 * RING_RAM_SIZE);
	assert_int_equal(request(world, 'l', NULL, 0), -ENODEV); /* the driver has no queue 1 */
	assert_int_equal(request(world, 'h', NULL, 0), -EINVAL); /* it has no netdev */
	assert_int_equal(request(world, 'v', NULL, 0), 0);
}

static void check_plugin(const char *driver, void (*check_more)(struct world *world))
{
	struct world world;

	setup(&world, driver);
	check_refusals(&world);
	assert_int_equal(
		make(&world, "text=ancient,drive=d0,chardev=c0,word=high,small=7,size=2M,mac=52:54:00:00:00:01"), 0);
	assert_int_equal(control_exchange(&world.slot, world.device), 0);
	assert_int_equal(guest_features(&world.slot) & 0xffffff, 0x21);
	assert_int_equal(guest_bind(&world.slot, VERSION_1 | EVENT_IDX | 1, 1), 15);
	check_services(&world);
	if (check_more)
		check_more(&world);
	check_life(&world);
	assert_int_equal(control_exchange(&world.slot, NULL), 0);
	assert_int_equal(control_unrealize(&world.slot, world.device), 0);
	assert_int_equal(control_call(&world.slot, free_device, &world), 0);
	teardown(&world);
}

static void test_minor_0(void **state)
{
	check_plugin("minor-0", NULL);
}

static void test_minor_1(void **state)
{
	check_plugin("minor-1", check_regions_and_rings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minor_0),
		cmocka_unit_test(test_minor_1),
	};

	/* A minor that is over has its plugin here. */
	_Static_assert(ARRAY_SIZE(tests) >= MORTISE_ABI_MINOR, "an ABI minor has no plugin in tests/old-plugins");
#ifndef __x86_64__
	printf("1..0 # SKIP the old plugins were built for x86-64\n");
	return 0;
#endif
	return cmocka_run_group_tests_name("old-plugins", tests, NULL, NULL);
}
