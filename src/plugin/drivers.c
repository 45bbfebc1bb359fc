/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/drivers.c - the drivers of backends in a plugin.
 */
#include "plugin/drivers.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "plugin/check.h"

#define DRIVERS_MAX 64

static size_t count_of(const void *list)
{
	const void *const *items = list;
	size_t count = 0;

	while (items && items[count] && count <= DRIVERS_MAX)
		count++;
	return count;
}

static int make_list(void *list, const void *from, const char *path, struct mortise_error *err)
{
	const size_t count = count_of(from);
	void **items;

	if (count > DRIVERS_MAX)
		return mortise_fail(err, -ENOEXEC, "Plugin '%s': it has more than %d drivers", path, DRIVERS_MAX);
	items = calloc(count + 1, sizeof(*items));
	memcpy(list, &items, sizeof(items));
	return items ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", path);
}

int drivers_copy(struct plugin_drivers *out, const struct mortise_plugin *from, const char *path,
		 struct mortise_error *err)
{
	int r = make_list(&out->blocks, from->block_drivers, path, err);

	if (r == 0)
		r = make_list(&out->nets, from->net_drivers, path, err);
	for (size_t i = 0; r == 0 && i < count_of(from->block_drivers); i++)
		r = block_driver_check(&out->blocks[i], from->block_drivers[i], path, err);
	for (size_t i = 0; r == 0 && i < count_of(from->net_drivers); i++)
		r = net_driver_check(&out->nets[i], from->net_drivers[i], path, err);
	return r;
}

void drivers_free(struct plugin_drivers *drivers)
{
	for (size_t i = 0; drivers->blocks && drivers->blocks[i]; i++) {
		free((void *)drivers->blocks[i]->properties);
		free(drivers->blocks[i]);
	}
	for (size_t i = 0; drivers->nets && drivers->nets[i]; i++) {
		free((void *)drivers->nets[i]->properties);
		free(drivers->nets[i]);
	}
	free(drivers->blocks);
	free(drivers->nets);
	*drivers = (struct plugin_drivers){0};
}

const struct mortise_block_driver *drivers_block(const struct plugin_drivers *drivers, const char *name)
{
	for (size_t i = 0; drivers->blocks && drivers->blocks[i]; i++)
		if (streq(drivers->blocks[i]->driver, name))
			return drivers->blocks[i];
	return NULL;
}

const struct mortise_net_driver *drivers_net(const struct plugin_drivers *drivers, const char *name)
{
	for (size_t i = 0; drivers->nets && drivers->nets[i]; i++)
		if (streq(drivers->nets[i]->driver, name))
			return drivers->nets[i];
	return NULL;
}

bool drivers_provide(const struct plugin_drivers *drivers, const char *file)
{
	return (str_starts(file, "block-") && drivers_block(drivers, file + strlen("block-"))) ||
	       (str_starts(file, "net-") && drivers_net(drivers, file + strlen("net-")));
}
