/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-empty.c - the empty disk and NIC against the plugins that take their place: whatever a driver negotiates
 * with the one, and learns from its configuration, must hold for the other.
 */
#include "unit.h"

#include <dlfcn.h>
#include <endian.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>

#include "bus/empty.h"
#include "bus/feature.h"
#include "bus/instance.h"

/* A host of which the plugin's realize() sees no more than this. */
struct seen {
	uint64_t features;
	uint8_t config[256];
};

static void offer_features(struct mortise_device *device, uint64_t features)
{
	((struct seen *)device)->features = features;
}

static void write_config(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size)
{
	assert_true(offset + size <= sizeof(((struct seen *)device)->config));
	memcpy(((struct seen *)device)->config + offset, data, size);
}

static void read_config(struct mortise_device *device, uint32_t offset, void *data, uint32_t size)
{
	memcpy(data, ((struct seen *)device)->config + offset, size);
}

static void block_info(struct mortise_block *block, struct mortise_block_info *info)
{
	*info = (struct mortise_block_info){.struct_size = sizeof(*info),
					    .flags = MORTISE_BLOCK_DISCARD | MORTISE_BLOCK_WRITE_ZEROES,
					    .size = MIB,
					    .logical_block_size = 512,
					    .physical_block_size = 512,
					    .max_segments = 1024,
					    .max_transfer = GIB};
}

static void net_info(struct mortise_net *net, struct mortise_net_info *info)
{
	*info = (struct mortise_net_info){.struct_size = sizeof(*info), .queue_pairs = 1, .link_up = 1};
}

static const struct mortise_host host = {
	.size = offsetof(struct mortise_host, net_vhost),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.offer_features = offer_features,
	.write_config = write_config,
	.read_config = read_config,
	.block_info = block_info,
	.net_info = net_info,
};

static const struct mortise_class *load(const char *name)
{
	const char *build = getenv("MORTISE_BUILD");
	const struct mortise_plugin *plugin;
	char path[4096];
	void *handle;

	snprintf(path, sizeof(path), "%s/plugins/.libs/%s.so", build ? build : ".", name);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fail_msg("%s", dlerror());
	plugin = dlsym(handle, MORTISE_PLUGIN_SYMBOL);
	assert_non_null(plugin);
	return plugin->classes[0];
}

/* An instance's memory as device_add would set it up when nothing but the backend was given. */
static void *instance(const struct mortise_class *class)
{
	static int backend;
	uint8_t *self = calloc(1, class->instance_size);

	for (const struct mortise_property *p = class->properties; p->name; p++) {
		if (p->type == MORTISE_PROPERTY_BLOCK || p->type == MORTISE_PROPERTY_NET)
			*(void **)(self + p->offset) = &backend;
		else if (p->type == MORTISE_PROPERTY_BOOL)
			self[p->offset] = p->fallback && streq(p->fallback, "on");
		else if (p->type == MORTISE_PROPERTY_MAC)
			memcpy(self + p->offset, "\x52\x54\x00\x01\x02\x03", 6);
	}
	return self;
}

static void realize(const struct mortise_class *class, struct seen *seen)
{
	struct mortise_error err = {0};
	void *self = instance(class);

	if (class->realize(self, (struct mortise_device *)seen, &host, &err) < 0)
		fail_msg("%s", err.message);
	if (class->unrealize)
		class->unrealize(self);
	free(self);
}

static void disk(void **state)
{
	const struct mortise_class *class = load("virtio-blk");
	struct mortise_device *device;
	struct seen seen = {0};
	const struct virtio_blk_config *real = (const void *)seen.config, *empty;

	assert_int_equal(empty_new(&device, 2, NULL, NULL, NULL, NULL), 0);
	empty = (const void *)device->face.config;
	realize(class, &seen);
	assert_int_equal(class->virtio_id, 2);
	assert_int_equal(seen.features & FEATURES_OF_TYPE, EMPTY_BLK_FEATURES);
	assert_int_equal(device->face.features, EMPTY_BLK_FEATURES | features_of_bus);
	assert_true(class->queue_size >= device->face.queue_size);
	assert_int_equal(class->config_size, device->face.config_size);

	assert_int_equal(empty->capacity, 0);
	assert_int_equal(empty->blk_size, 512);
	assert_int_equal(empty->seg_max, real->seg_max);
	assert_true(empty->seg_max + 2 <= device->face.queue_size);
	assert_int_equal(empty->wce, real->wce);
	assert_int_equal(empty->max_discard_sectors, real->max_discard_sectors);
	assert_int_equal(empty->max_discard_seg, real->max_discard_seg);
	assert_int_equal(empty->max_write_zeroes_sectors, real->max_write_zeroes_sectors);
	assert_int_equal(empty->max_write_zeroes_seg, real->max_write_zeroes_seg);
	assert_int_equal(empty->write_zeroes_may_unmap, real->write_zeroes_may_unmap);
	assert_true(empty->discard_sector_alignment > 0);
	device_free(device);
}

static void nic(void **state)
{
	const struct mortise_class *class = load("virtio-net");
	struct mortise_device *device;
	struct seen seen = {0};

	assert_int_equal(empty_new(&device, 1, (const uint8_t *)"\x52\x54\x00\x01\x02\x03", NULL, NULL, NULL), 0);
	realize(class, &seen);
	assert_int_equal(class->virtio_id, 1);
	assert_int_equal(EMPTY_NET_FEATURES & ~seen.features, 0);
	assert_int_equal(device->face.features, EMPTY_NET_FEATURES | features_of_bus);
	assert_true(class->queue_count >= device->face.queue_count);
	assert_true((class->queue_size ? class->queue_size : 256) >= device->face.queue_size);
	assert_int_equal(class->config_size, device->face.config_size);
	assert_memory_equal(device->face.config, seen.config, 6);
	assert_int_equal(device->face.config[6] & VIRTIO_NET_S_LINK_UP, 0);
	assert_int_equal(seen.config[6] & VIRTIO_NET_S_LINK_UP, VIRTIO_NET_S_LINK_UP);
	device_free(device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk),
		cmocka_unit_test(nic),
	};

	return cmocka_run_group_tests_name("empty", tests, NULL, NULL);
}
