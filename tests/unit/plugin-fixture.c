/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/plugin-fixture.c - a plugin directory of a test's own.
 */
#include "plugin-fixture.h"

#include <dirent.h>
#include <fcntl.h>

int plugin_fixture_setup(void **state)
{
	struct plugin_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/mortise-plugin.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	*state = fixture;
	return 0;
}

int plugin_fixture_teardown(void **state)
{
	struct plugin_fixture *fixture = *state;
	DIR *dir = opendir(fixture->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	if (dir)
		closedir(dir);
	rmdir(fixture->dir);
	free(fixture);
	return 0;
}

const char *plugin_path(struct plugin_fixture *fixture, const char *entry)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", fixture->dir, entry);
	return path;
}

void plugin_put(struct plugin_fixture *fixture, const char *entry, const void *data, size_t size)
{
	const char *path = plugin_path(fixture, entry);
	FILE *file;

	unlink(path); /* as package managers do: what was there before may be mapped */
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static uint8_t *read_bytes(const char *path, size_t *size)
{
	uint8_t *bytes;
	struct stat st;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(fstat(fileno(file), &st), 0);
	*size = (size_t)st.st_size;
	bytes = malloc(*size);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

uint8_t *plugin_bytes(const char *built, size_t *size)
{
	const char *top = getenv("MORTISE_BUILD");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/unit/plugins/.libs/%s.so", top ? top : ".", built);
	return read_bytes(path, size);
}

void plugin_copy_file(struct plugin_fixture *fixture, const char *path, const char *entry)
{
	size_t size;
	uint8_t *bytes = read_bytes(path, &size);

	plugin_put(fixture, entry, bytes, size);
	free(bytes);
}

void plugin_copy(struct plugin_fixture *fixture, const char *built, const char *entry)
{
	size_t size;
	uint8_t *bytes = plugin_bytes(built, &size);

	plugin_put(fixture, entry, bytes, size);
	free(bytes);
}
