/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad-plugins/device.h - a sound device, in which each of the plugins here has one thing wrong. It answers each request
 * with a copy of it.
 *
 * A plugin's first comment names the rule that it breaks, "Breaks:", and may have options for the compiler, "Flags:".
 * It ends in DEVICE(), with what it has in place of the sound device's.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <mortise/plugin.h>

#define UNUSED __attribute__((unused))
#define FEATURES UINT64_C(7)

struct device {
	const struct mortise_host *host;
	struct mortise_device *device;
	struct mortise_block *block; /* properties */
	uint32_t level;
	const char *text;

	uint64_t features, requests;
	struct mortise_chain *kept;
	pthread_t thread;
	int fd;
	volatile int stop;
	volatile char *memory;
};

static UNUSED void answer(struct device *device, struct mortise_chain *chain)
{
	uint64_t written = 0;

	for (uint32_t i = 0; i < chain->out_count; i++)
		written += mortise_iov_put(&chain->in, &chain->in_count, chain->out[i].iov_base, chain->out[i].iov_len);
	device->requests++;
	device->host->queue_push(device->device, chain, written);
}

static UNUSED void serve(void *self, uint32_t queue)
{
	struct device *device = self;
	struct mortise_chain *chain;

	while ((chain = device->host->queue_pop(device->device, queue)))
		answer(device, chain);
}

static UNUSED int begin(void *self, struct mortise_device *handle, const struct mortise_host *host,
			struct mortise_error *err)
{
	struct device *device = self;

	device->host = host;
	device->device = handle;
	host->offer_features(handle, FEATURES);
	return 0;
}

static UNUSED void wait_ms(unsigned ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

static const struct mortise_property properties[] = {
	{.name = "drive", .type = MORTISE_PROPERTY_BLOCK, .offset = offsetof(struct device, block), .help = "a disk"},
	{.name = "level",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct device, level),
	 .max = 100,
	 .help = "a number"},
	{.name = "text", .type = MORTISE_PROPERTY_STRING, .offset = offsetof(struct device, text), .help = "a text"},
	{.name = NULL},
};

/* The later of two initialisers counts. */
#define DEVICE(...)                                                                                     \
	_Pragma("GCC diagnostic ignored \"-Woverride-init\"") static const struct mortise_class bad = { \
		.size = sizeof(bad),                                                                    \
		.property_size = sizeof(properties[0]),                                                 \
		.driver = NAME,                                                                         \
		.summary = "Device with a fault",                                                       \
		.virtio_id = 42,                                                                        \
		.queue_count = 2,                                                                       \
		.features = FEATURES,                                                                   \
		.config_size = 8,                                                                       \
		.instance_size = sizeof(struct device),                                                 \
		.request_size = 32,                                                                     \
		.properties = properties,                                                               \
		.realize = begin,                                                                       \
		.notify = serve,                                                                        \
		__VA_ARGS__};                                                                           \
	static const struct mortise_class *const classes[] = {&bad, NULL};                              \
	const struct mortise_plugin mortise_plugin_v1 = {.magic = MORTISE_PLUGIN_MAGIC,                 \
							 .size = sizeof(mortise_plugin_v1),             \
							 .abi_major = MORTISE_ABI_MAJOR,                \
							 .name = NAME,                                  \
							 .version = "1.0",                              \
							 .license = "Apache-2.0",                       \
							 .summary = "Plugin with a fault",              \
							 .classes = classes}
