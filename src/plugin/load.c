/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/load.c - a checked file's code into this process, by libltdl.
 */
#include "plugin/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ltdl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "plugin/elf.h"
#include "plugin/try.h"

#define FILE_SIZE_MAX (UINT64_C(256) << 20)

/*
 * What was mapped. The linker tells objects apart by name first, so each gets a name that no other ever has: that of
 * its copy's descriptor, which stays open for that reason.
 */
struct image {
	struct image *next;
	char sha256[SHA256_HEX_SIZE];
	const struct mortise_plugin *description;
};

static struct image *images;

/* --- the copy --- */

static int copy_bytes(int to, int from, uint64_t size)
{
	off_t offset = 0;

	while ((uint64_t)offset < size) {
		ssize_t n = sendfile(to, from, &offset, size - (uint64_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) /* cut short meanwhile: whatever is there is checked */
			return 0;
	}
	return 0;
}

int plugin_copy_of(struct plugin_copy *out, const struct plugin_file *file, struct mortise_error *err)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	_cleanup_(plugin_copy_done) struct plugin_copy copy = {.fd = -1};
	struct stat st;
	int r;

	if (fstat(file->fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not look at plugin file '%s': %s", file->path, strerror(errno));
	if ((uint64_t)st.st_size > FILE_SIZE_MAX)
		return mortise_fail(err, -EFBIG, "Plugin file '%s' has %lld bytes: that is no plugin", file->path,
				    (long long)st.st_size);
	copy.fd = memfd_create(strrchr(file->path, '/') + 1, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy.fd < 0)
		return mortise_fail(err, -errno, "Could not make room for plugin '%s': %s", file->path,
				    strerror(errno));
	r = copy_bytes(copy.fd, file->fd, (uint64_t)st.st_size);
	if (r == 0 && fcntl(copy.fd, F_ADD_SEALS, seals) < 0)
		r = -errno;
	if (r == 0)
		r = sha256_file(copy.fd, copy.sha256);
	if (r < 0)
		return mortise_fail(err, r, "Could not read plugin file '%s': %s", file->path, strerror(-r));
	*out = copy;
	copy.fd = -1;
	return 0;
}

void plugin_copy_done(struct plugin_copy *copy)
{
	cleanup_close(&copy->fd);
	copy->fd = -1;
}

/* --- the code --- */

/* "/proc/PID/fd/N": a debugger that is attached finds the code by it too. */
static int unique_name(const struct plugin_copy *copy, const char *path, char name[64], struct mortise_error *err)
{
	char process[32];
	ssize_t length = readlink("/proc/self", process, sizeof(process) - 1);

	if (length < 0)
		return mortise_fail(err, -errno, "Could not load plugin '%s': /proc is not mounted", path);
	process[length] = '\0';
	snprintf(name, 64, "/proc/%s/fd/%d", process, copy->fd);
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

int plugin_load(struct plugin_copy *copy, const char *path, const char *trier, const struct mortise_plugin **out,
		struct mortise_error *err)
{
	_cleanup_free_ struct image *image = NULL;
	char name[64];
	lt_dlhandle handle;
	int r;

	for (const struct image *old = images; old; old = old->next) {
		if (streq(old->sha256, copy->sha256)) {
			*out = old->description;
			return 0;
		}
	}
	r = elf_check(copy->fd, path, err);
	if (r == 0 && trier)
		r = plugin_try(trier, copy, path, err);
	if (r < 0)
		return r;
	r = unique_name(copy, path, name, err);
	if (r < 0)
		return r;
	image = calloc(1, sizeof(*image));
	if (!image || lt_dlinit())
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin '%s'", path);
	r = open_local(name, path, &handle, err);
	if (r < 0)
		return r;
	*image = (struct image){.next = images, .description = lt_dlsym(handle, MORTISE_PLUGIN_SYMBOL)};
	memcpy(image->sha256, copy->sha256, sizeof(image->sha256));
	*out = image->description;
	images = steal_ptr(&image);
	copy->fd = -1;
	return 0;
}
