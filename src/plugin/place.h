/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/place.h - where in a plugin's description a check is, so that its message says so.
 */
#pragma once

#include <errno.h>

#include <mortise/error.h>

struct place {
	const char *path, *driver; /* driver: NULL where no class is being looked at */
	const char *kind, *name;   /* of an entry of the class: "property", "rate"; NULL: none */
	struct mortise_error *err;
};

/* -ENOEXEC, and a message that begins with the place. */
MORTISE_PRINTF(2, 3)
static inline int bad(const struct place *place, const char *format, ...)
{
	char why[256], where[192] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (place->name)
		snprintf(where, sizeof(where), ", driver '%.63s', %s '%.63s'", place->driver, place->kind, place->name);
	else if (place->driver)
		snprintf(where, sizeof(where), ", driver '%.63s'", place->driver);
	return mortise_fail(place->err, -ENOEXEC, "Plugin '%s'%s: %s", place->path, where, why);
}
