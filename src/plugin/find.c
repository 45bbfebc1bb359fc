/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/find.c - from a driver's name to a file that can be trusted.
 */
#include "plugin/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define SUFFIX ".so"

bool plugin_name_ok(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length && length < PLUGIN_NAME_SIZE && !name[length] && name[0] != '-';
}

int plugin_driver_name(char name[PLUGIN_NAME_SIZE], const char *driver, struct mortise_error *err)
{
	static const char *const transports[] = {"-mmio", "-device"};
	size_t length = strlen(driver);

	if (!plugin_name_ok(driver))
		return mortise_fail(err, -EINVAL,
				    "Parameter 'driver' does not accept value '%.64s': a driver's name has small "
				    "letters, digits and dashes, at most %d",
				    driver, PLUGIN_NAME_SIZE - 1);
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		size_t suffix = strlen(transports[i]);

		if (length > suffix && streq(driver + length - suffix, transports[i])) {
			length -= suffix;
			break;
		}
	}
	memcpy(name, driver, length);
	name[length] = '\0';
	return 0;
}

int plugin_check_access(const struct stat *st, const char *what, const char *path, struct mortise_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return mortise_fail(err, -EPERM,
				    "%s '%s' belongs to user %u: it must belong to root or to user %u, who runs this",
				    what, path, (unsigned)st->st_uid, (unsigned)geteuid());
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return mortise_fail(err, -EPERM, "%s '%s' can be written by others (mode %04o): chmod go-w it", what,
				    path, (unsigned)(st->st_mode & 07777));
	return 0;
}

static int open_directory(const char *dir, int *out, struct mortise_error *err)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not open plugin directory '%s': %s", dir, strerror(errno));
	r = plugin_check_access(&st, "Plugin directory", dir, err);
	if (r < 0)
		return r;
	*out = steal_fd(&fd);
	return 0;
}

/* Opens one entry of the directory, not following links; a FIFO does not hold the caller up. */
static int open_entry(int dir, const char *entry)
{
	int fd = openat(dir, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Replaces `entry`, a symbolic link, by the neighbour that it names. */
static int read_link(int dir, char entry[NAME_MAX + 1], const char *path, struct mortise_error *err)
{
	char target[NAME_MAX + 1];
	ssize_t length = readlinkat(dir, entry, target, sizeof(target));

	if (length <= 0 || (size_t)length >= sizeof(target) || memchr(target, '/', (size_t)length))
		return mortise_fail(
			err, -EPERM,
			"Plugin file '%s' is a symbolic link into another directory: put the file itself there", path);
	memcpy(entry, target, (size_t)length);
	entry[length] = '\0';
	return 0;
}

static int open_file(struct plugin_file *file, const char *name, struct mortise_error *err)
{
	char entry[NAME_MAX + 1];
	int r;

	snprintf(entry, sizeof(entry), "%s" SUFFIX, name);
	file->fd = open_entry(file->dir, entry);
	if (file->fd == -ELOOP) {
		r = read_link(file->dir, entry, file->path, err);
		if (r < 0)
			return r;
		file->linked = true;
		file->fd = open_entry(file->dir, entry);
	}
	snprintf(file->name, sizeof(file->name), "%.*s", (int)strcspn(entry, "."), entry);
	if (file->fd == -ENOENT)
		return mortise_fail(err, -ENOENT, "'%s' is not a valid device model name: there is no plugin '%s'",
				    name, file->path);
	if (file->fd < 0)
		return mortise_fail(err, file->fd, "Could not open plugin file '%s': %s", file->path,
				    strerror(-file->fd));
	return 0;
}

int plugin_find(struct plugin_file *out, const char *dir, const char *name, struct mortise_error *err)
{
	_cleanup_(plugin_file_done) struct plugin_file file = {.dir = -1, .fd = -1};
	struct stat st;
	int r;

	if (!plugin_name_ok(name))
		return mortise_fail(err, -EINVAL, "'%.64s' is not a plugin's name", name);
	if (asprintf(&file.path, "%s/%s" SUFFIX, dir, name) < 0) {
		file.path = NULL;
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", name);
	}
	r = open_directory(dir, &file.dir, err);
	if (r < 0)
		return r;
	r = open_file(&file, name, err);
	if (r < 0)
		return r;
	if (fstat(file.fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not look at plugin file '%s': %s", file.path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return mortise_fail(err, -ENOEXEC, "Plugin file '%s' is not a regular file", file.path);
	r = plugin_check_access(&st, "Plugin file", file.path, err);
	if (r < 0)
		return r;
	*out = file;
	file = (struct plugin_file){.dir = -1, .fd = -1};
	return 0;
}

void plugin_file_done(struct plugin_file *file)
{
	free(file->path);
	cleanup_close(&file->dir);
	cleanup_close(&file->fd);
	*file = (struct plugin_file){.dir = -1, .fd = -1};
}

static int is_plugin(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	char name[PLUGIN_NAME_SIZE];

	if (length <= strlen(SUFFIX) || !streq(entry->d_name + length - strlen(SUFFIX), SUFFIX))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(length - strlen(SUFFIX)), entry->d_name);
	return strlen(name) == length - strlen(SUFFIX) && plugin_name_ok(name);
}

int plugin_list(const char *dir, void (*visit)(void *opaque, const char *name), void *opaque, struct mortise_error *err)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, is_plugin, alphasort);

	if (count < 0)
		return mortise_fail(err, -errno, "Could not read plugin directory '%s': %s", dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		*strrchr(entries[i]->d_name, '.') = '\0';
		visit(opaque, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
