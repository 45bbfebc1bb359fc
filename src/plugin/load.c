/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/load.c - a checked file's code into this process, by libltdl.
 */
#include "plugin/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <ltdl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "plugin/elf.h"

/*
 * What was mapped, and which file it was. The linker tells objects apart by name first, so each gets a name that no
 * other ever has: through the descriptor of its directory, which stays open for that reason. That also makes it the
 * directory that was checked, whatever has since become of its path.
 */
struct image {
	struct image *next;
	dev_t device;
	ino_t inode; /* never another file's, as the mapping keeps it alive */
	const struct mortise_plugin *description;
};

static struct image *images;

/* "/proc/PID/fd/N/virtio-blk.so": a debugger that is attached finds the file by it too. */
static int unique_name(const struct plugin_file *file, char name[PATH_MAX], struct mortise_error *err)
{
	char process[32];
	ssize_t length = readlink("/proc/self", process, sizeof(process) - 1);

	if (length < 0)
		return mortise_fail(err, -errno, "Could not load plugin '%s': /proc is not mounted", file->path);
	process[length] = '\0';
	snprintf(name, PATH_MAX, "/proc/%s/fd/%d/%s", process, file->dir, strrchr(file->path, '/') + 1);
	return 0;
}

/*
 * libltdl says "file not found" whatever went wrong: ask the dynamic linker itself, without the unique name that it
 * puts before its reason.
 */
static int report_failure(const char *name, const char *path, struct mortise_error *err)
{
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	const char *why = handle ? lt_dlerror() : dlerror();
	size_t length = strlen(name);
	int r;

	if (why && !strncmp(why, name, length) && !strncmp(why + length, ": ", 2))
		why += length + 2;
	r = mortise_fail(err, -ENOEXEC, "Could not load plugin '%s': %s", path, why ? why : "unknown error");
	if (handle)
		dlclose(handle);
	return r;
}

static int open_local(const char *name, const char *path, lt_dlhandle *out, struct mortise_error *err)
{
	lt_dladvise advise;

	if (lt_dladvise_init(&advise))
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", path);
	lt_dladvise_local(&advise);
	lt_dladvise_resident(&advise);
	*out = lt_dlopenadvise(name, advise);
	lt_dladvise_destroy(&advise);
	return *out ? 0 : report_failure(name, path, err);
}

int plugin_load(struct plugin_file *file, const struct mortise_plugin **out, struct mortise_error *err)
{
	_cleanup_free_ struct image *image = NULL;
	char name[PATH_MAX];
	lt_dlhandle handle;
	struct stat st;
	int r;

	if (fstat(file->fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not look at plugin file '%s': %s", file->path, strerror(errno));
	for (const struct image *old = images; old; old = old->next) {
		if (old->device == st.st_dev && old->inode == st.st_ino) {
			*out = old->description;
			return 0;
		}
	}
	r = elf_check(file->fd, file->path, err);
	if (r < 0)
		return r;
	r = unique_name(file, name, err);
	if (r < 0)
		return r;
	image = calloc(1, sizeof(*image));
	if (!image || lt_dlinit())
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", file->path);
	r = open_local(name, file->path, &handle, err);
	if (r < 0)
		return r;
	*image = (struct image){
		.next = images,
		.device = st.st_dev,
		.inode = st.st_ino,
		.description = lt_dlsym(handle, MORTISE_PLUGIN_SYMBOL),
	};
	*out = image->description;
	images = steal_ptr(&image);
	file->dir = -1;
	return 0;
}
