/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/fdset.c - numbered sets of descriptors.
 */
#include "base/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "base/util.h"

#define FDSET_MAX 256 /* descriptors, in all sets together */
#define FDSET_PREFIX "/dev/fdset/"

struct member {
	int64_t set;
	int fd;
	char *note; /* or NULL */
};

/* Like the process's table of descriptors there is one for the process. Sorted by set. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct member members[FDSET_MAX];
static unsigned count;

/* The least number that no set has. Under the lock. */
static int64_t free_number(void)
{
	int64_t number = 0;

	for (unsigned i = 0; i < count && members[i].set <= number; i++)
		number = members[i].set + 1;
	return number;
}

int fdset_add(int64_t *set, int fd, const char *opaque, struct mortise_error *err)
{
	_cleanup_close_ int owned = fd;
	_cleanup_free_ char *note = opaque ? strdup(opaque) : NULL;
	unsigned at = 0;
	int r = 0;

	if (opaque && !note)
		return mortise_fail(err, -ENOMEM, "Out of memory for a file descriptor");
	if (*set < FDSET_NEW)
		return mortise_fail(err, -EINVAL, "Parameter 'fdset-id' expects a non-negative value");
	pthread_mutex_lock(&lock);
	if (count == FDSET_MAX) {
		r = mortise_fail(err, -ENOSPC,
				 "There are %d file descriptors in sets already: remove some with remove-fd",
				 FDSET_MAX);
	} else {
		if (*set == FDSET_NEW)
			*set = free_number();
		while (at < count && members[at].set <= *set)
			at++;
		memmove(&members[at + 1], &members[at], (count - at) * sizeof(members[0]));
		members[at] = (struct member){.set = *set, .fd = steal_fd(&owned), .note = steal_ptr(&note)};
		count++;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

int fdset_remove(int64_t set, int fd, struct mortise_error *err)
{
	unsigned kept = 0, before;

	pthread_mutex_lock(&lock);
	before = count;
	for (unsigned i = 0; i < count; i++) {
		if (members[i].set == set && (fd < 0 || members[i].fd == fd)) {
			close(members[i].fd);
			free(members[i].note);
		} else {
			members[kept++] = members[i];
		}
	}
	count = kept;
	pthread_mutex_unlock(&lock);
	if (kept < before)
		return 0;
	return fd < 0 ? mortise_fail(err, -ENOENT, "File descriptor named 'fdset-id:%" PRId64 "' not found", set)
		      : mortise_fail(err, -ENOENT, "File descriptor named 'fdset-id:%" PRId64 ", fd:%d' not found", set,
				     fd);
}

static bool parse_path(const char *path, uint64_t *set)
{
	return str_starts(path, FDSET_PREFIX) && parse_u64(path + strlen(FDSET_PREFIX), set) == 0 && *set <= INT64_MAX;
}

bool fdset_is_path(const char *path)
{
	uint64_t set;

	return parse_path(path, &set);
}

/* Under the lock. */
static int duplicate(int64_t set, int flags)
{
	int result = -ENOENT;

	for (unsigned i = 0; i < count; i++) {
		int status, fd;

		if (members[i].set != set)
			continue;
		result = -EACCES;
		status = fcntl(members[i].fd, F_GETFL);
		if (status < 0 || (status & O_ACCMODE) != (flags & O_ACCMODE))
			continue;
		fd = fcntl(members[i].fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		status = (status & ~(O_DIRECT | O_NONBLOCK)) | (flags & (O_DIRECT | O_NONBLOCK));
		if (fcntl(fd, F_SETFL, status) < 0) {
			result = -errno;
			close(fd);
			return result;
		}
		return fd;
	}
	return result;
}

int fdset_open(const char *path, int flags)
{
	uint64_t set;
	int fd;

	if (!parse_path(path, &set))
		return -ENOENT;
	pthread_mutex_lock(&lock);
	fd = duplicate((int64_t)set, flags);
	pthread_mutex_unlock(&lock);
	return fd;
}

void fdset_each(void (*visit)(void *opaque, int64_t set, int fd, const char *note), void *opaque)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < count; i++)
		visit(opaque, members[i].set, members[i].fd, members[i].note);
	pthread_mutex_unlock(&lock);
}
