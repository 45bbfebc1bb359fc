/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/plugins/specimen.c - a sound plugin with two drivers. init() counts its calls in the environment, and fails when
 * it is told to there, or does worse.
 */
#include "specimen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROPERTY(name_, type_, member, ...)                                                                     \
	{                                                                                                       \
		.name = name_, .type = type_, .offset = offsetof(struct specimen, member), .help = "for tests", \
		__VA_ARGS__                                                                                     \
	}

static const char *const words[] = {"low", "medium", "high", NULL};

static const struct mortise_property properties[] = {
	PROPERTY("flag", MORTISE_PROPERTY_BOOL, flag, .fallback = "on"),
	PROPERTY("small", MORTISE_PROPERTY_U16, small),
	PROPERTY("medium", MORTISE_PROPERTY_U32, medium, .min = 2, .max = 64, .fallback = "16"),
	PROPERTY("large", MORTISE_PROPERTY_U64, large),
	PROPERTY("size", MORTISE_PROPERTY_SIZE, size, .fallback = "1M"),
	PROPERTY("text", MORTISE_PROPERTY_STRING, text, .max = 8, .fallback = "none"),
	PROPERTY("word", MORTISE_PROPERTY_ENUM, word, .values = words, .fallback = "medium"),
	PROPERTY("mac", MORTISE_PROPERTY_MAC, mac),
	PROPERTY("drive", MORTISE_PROPERTY_BLOCK, block, .flags = MORTISE_PROPERTY_REQUIRED),
	PROPERTY("port", MORTISE_PROPERTY_CHARDEV, chardev),
	{.name = NULL},
};

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	return 0;
}

static void notify(void *self, uint32_t queue)
{
}

static int init(const struct mortise_host *host, struct mortise_error *err)
{
	const char *calls = getenv("SPECIMEN_CALLS"), *does = getenv("SPECIMEN_DOES");
	char text[16];

	host->log(NULL, MORTISE_LOG_DEBUG, "starts at %llu", (unsigned long long)host->clock_ns());
	if (does && !strcmp(does, "crash"))
		abort();
	if (does && !strcmp(does, "exit"))
		exit(0);
	if (does && !strcmp(does, "hang"))
		pause();

	snprintf(text, sizeof(text), "%d", calls ? atoi(calls) + 1 : 1);
	setenv("SPECIMEN_CALLS", text, 1);
	if (getenv("SPECIMEN_FAILS"))
		return mortise_fail(err, -ENODEV, "the specimen is out of order");
	return 0;
}

static const struct mortise_class first = {
	.size = sizeof(first),
	.property_size = sizeof(struct mortise_property),
	.driver = "specimen",
	.summary = "Device for tests",
	.virtio_id = 2,
	.queue_count = 1,
	.instance_size = sizeof(struct specimen),
	.properties = properties,
	.realize = realize,
	.notify = notify,
};

static const struct mortise_class second = {
	.size = sizeof(second),
	.property_size = sizeof(struct mortise_property),
	.driver = "specimen-two",
	.summary = "Another device for tests",
	.virtio_id = 4,
	.queue_count = 1,
	.instance_size = 1,
	.realize = realize,
	.notify = notify,
};

static const struct mortise_class *const classes[] = {&first, &second, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.name = "specimen",
	.version = "1.2.3",
	.license = "Apache-2.0",
	.summary = "Plugin for tests",
	.classes = classes,
	.init = init,
};
