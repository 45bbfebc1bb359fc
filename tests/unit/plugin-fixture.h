/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/plugin-fixture.h - a plugin directory of a test's own, and what to put there.
 */
#pragma once

#include "unit.h"

#include <sys/stat.h>

struct plugin_fixture {
	char dir[64];
	struct mortise_error error; /* of the last call that failed */
};

int plugin_fixture_setup(void **state);
int plugin_fixture_teardown(void **state);

/* The path of an entry; good until the next call. */
const char *plugin_path(struct plugin_fixture *fixture, const char *entry);

/* Makes a new file of the bytes given, mode 0644, in the place of an old one. */
void plugin_put(struct plugin_fixture *fixture, const char *entry, const void *data, size_t size);

/* Copies a shared object that was built for tests, as `entry`. */
void plugin_copy(struct plugin_fixture *fixture, const char *built, const char *entry);

/* Copies any file there. */
void plugin_copy_file(struct plugin_fixture *fixture, const char *path, const char *entry);

/* The bytes of one that was built for tests, to be altered first; malloc'ed. */
uint8_t *plugin_bytes(const char *built, size_t *size);
