/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-medium.c - from options to a medium of the right driver; opening and closing.
 */
#include "backend/block-medium.h"

#include <errno.h>

#include "backend/block-adapter.h"
#include "base/properties.h"
#include "base/util.h"

static const struct mortise_block_driver *const adapted[] = {&block_null_co, &block_null_aio};

/* A driver that is written to mortise/block-driver.h: a built-in one, or a plugin's. */
static int find_adapted(struct block_medium *medium, const struct block_source *source, const char *name,
			struct mortise_error *err)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(adapted) && !medium->adapted; i++)
		if (streq(adapted[i]->driver, name))
			medium->adapted = adapted[i];
	if (!medium->adapted) {
		if (!source)
			return mortise_fail(err, -ENOENT, "there is no such driver");
		r = source->find(source->opaque, name, &medium->adapted, err);
		if (r < 0)
			return r;
		medium->source = source;
		source->used(source->opaque, medium->adapted, 1);
	}
	medium->driver = &block_driver_adapter;
	medium->driver_name = medium->adapted->driver;
	return 0;
}

static int choose_driver(struct block_medium *medium, const struct block_source *source, struct block_options *options,
			 struct mortise_error *err)
{
	struct mortise_error why = {0};
	const char *name = NULL;
	int r = block_option_driver(options, &name, err);

	if (r < 0)
		return r;
	medium->driver = &block_driver_file;
	medium->driver_name = name ? NULL : "raw";
	for (const char *const *known = block_driver_file.names; name && *known; known++)
		if (streq(*known, name))
			medium->driver_name = *known;
	if (medium->driver_name)
		return 0;
	r = find_adapted(medium, source, name, &why);
	if (r < 0)
		return mortise_fail(err, r == -ENOENT ? -EINVAL : r, "Parameter '%s' does not accept value '%.64s': %s",
				    options->nested ? "file.driver" : "driver", name, why.message);
	return 0;
}

/* Takes the driver's own options into its memory. */
static int configure_driver(struct block_medium *medium, struct block_options *options, struct mortise_error *err)
{
	const struct mortise_block_driver *public = medium->adapted;
	const struct mortise_property *property = public ? public->properties : medium->driver->properties;
	void *self;
	int r = 0;

	medium->private = calloc(1, public ? block_adapter_size(public) : medium->driver->size);
	if (!medium->private)
		return mortise_fail(err, -ENOMEM, "Out of memory for a block node");
	self = public ? block_adapter_self(medium) : medium->private;
	for (; r == 0 && property && property->name; property++) {
		struct mortise_property spelt = *property;
		char key[BLOCK_KEY_SIZE];

		r = block_option_spelling(options, property->name, key, err);
		spelt.name = key;
		if (r == 0)
			r = property_set(&spelt, options->list, self, err);
	}
	return r < 0 ? r : medium->driver->check(medium, err);
}

/* Takes what every driver knows. */
static int configure_common(struct block_medium *medium, struct block_options *options, struct mortise_error *err)
{
	static const char *const discards[] = {"ignore", "unmap", "off", "on", NULL};
	static const char *const detections[] = {"off", NULL};
	unsigned discard = 1, detect;
	int r;

	r = block_option_bool(options, "read-only", &medium->read_only, err);
	if (r == 0 || r == -ENOENT)
		r = block_option_bool(options, "auto-read-only", &medium->auto_read_only, err);
	if (r == 0 || r == -ENOENT)
		r = block_option_bool(options, "cache.direct", &medium->direct, err);
	if (r == 0 || r == -ENOENT)
		r = block_option_bool(options, "cache.no-flush", &medium->no_flush, err);
	if (r == 0 || r == -ENOENT)
		r = block_option_enum(options, "discard", discards, &discard, err);
	if (r == 0 || r == -ENOENT)
		r = block_option_enum(options, "detect-zeroes", detections, &detect, err);
	if (r < 0 && r != -ENOENT)
		return r;
	medium->unmap = discard & 1;
	return 0;
}

int block_medium_new(struct block_medium **out, const struct block_source *source, struct options *list,
		     struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *owned = list;
	_cleanup_(block_medium_free_p) struct block_medium *medium = calloc(1, sizeof(*medium));
	struct block_options options = {.list = list};
	int r;

	if (!medium)
		return mortise_fail(err, -ENOMEM, "Out of memory for a block node");
	medium->limits.max_segments = BLOCK_MAX_SEGMENTS;
	medium->limits.max_transfer = medium->limits.max_discard = UINT64_MAX;
	r = choose_driver(medium, source, &options, err);
	if (r == 0)
		r = configure_common(medium, &options, err);
	if (r == 0)
		r = configure_driver(medium, &options, err);
	if (r == 0)
		r = options_done(list, err);
	if (r < 0)
		return r;
	medium->options = steal_ptr(&owned);
	*out = steal_ptr(&medium);
	return 0;
}

struct block_medium *block_medium_free(struct block_medium *medium)
{
	if (!medium)
		return NULL;
	if (medium->source)
		medium->source->used(medium->source->opaque, medium->adapted, -1);
	free(medium->private);
	options_free(medium->options);
	free(medium);
	return NULL;
}

int block_medium_open(struct block_medium *medium, struct mortise_error *err)
{
	int r = medium->driver->open(medium, err);

	medium->opened = r == 0;
	return r;
}

int block_medium_lock(const struct block_medium *medium, struct mortise_error *err)
{
	return medium->driver->lock ? medium->driver->lock(medium, err) : 0;
}

void block_medium_unlock(const struct block_medium *medium)
{
	if (medium->driver->unlock)
		medium->driver->unlock(medium);
}

void block_medium_close(struct block_medium *medium)
{
	if (medium->opened)
		medium->driver->close(medium);
	medium->opened = false;
}

bool block_type_get(size_t index, struct block_type *out)
{
	const size_t files = 2; /* names of the driver `file` */

	if (index < files)
		*out = (struct block_type){block_driver_file.names[index], block_driver_file.summary,
					   block_driver_file.properties};
	else if (index - files < ARRAY_SIZE(adapted))
		*out = (struct block_type){adapted[index - files]->driver, adapted[index - files]->summary,
					   adapted[index - files]->properties};
	else
		return false;
	return true;
}
