/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-medium.c - from options to a medium of the right driver; opening and closing.
 */
#include "backend/block-medium.h"

#include <errno.h>

#include "base/util.h"

static const struct block_driver *const drivers[] = {&block_driver_file, &block_driver_null};

static int choose_driver(struct block_medium *medium, struct block_options *options, struct mortise_error *err)
{
	const char *name = NULL;
	int r = block_option_driver(options, &name, err);

	if (r < 0)
		return r;
	if (!name) {
		medium->driver = &block_driver_file;
		medium->driver_name = "raw";
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		for (const char *const *known = drivers[i]->names; *known; known++) {
			if (streq(*known, name)) {
				medium->driver = drivers[i];
				medium->driver_name = *known;
				return 0;
			}
		}
	}
	return mortise_fail(err, -EINVAL, "Parameter '%s' does not accept value '%.64s'",
			    options->nested ? "file.driver" : "driver", name);
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

int block_medium_new(struct block_medium **out, struct options *list, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *owned = list;
	_cleanup_(block_medium_free_p) struct block_medium *medium = calloc(1, sizeof(*medium));
	struct block_options options = {.list = list};
	int r;

	if (!medium)
		return mortise_fail(err, -ENOMEM, "Out of memory for a block node");
	r = choose_driver(medium, &options, err);
	if (r == 0)
		r = configure_common(medium, &options, err);
	if (r == 0)
		r = medium->driver->configure(medium, &options, err);
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
	if (medium->private)
		medium->driver->destroy(medium);
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
