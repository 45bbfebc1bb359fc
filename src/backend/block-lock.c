/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-lock.c - who may use an image at the same time as whom.
 *
 * Each permission has two bytes. A user of the image holds a shared lock on the first of each permission that it uses,
 * and on the second of each that it does not grant to others; then it looks whether anybody holds the opposite byte.
 * Locks belong to the open file description, so two nodes of one process exclude each other as well.
 */
#include "backend/block-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/util.h"

#define USED_BASE 100
#define DENIED_BASE 200
#define PERMISSION_COUNT 5

enum { CONSISTENT_READ = 1 << 0, WRITE = 1 << 1, WRITE_UNCHANGED = 1 << 2, RESIZE = 1 << 3 };

static const char *const permission_names[PERMISSION_COUNT] = {"consistent read", "write", "write unchanged", "resize",
							       "graph"};

static int set_lock(int fd, short type, off_t start, off_t length)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
	int r;

	do {
		r = fcntl(fd, F_OFD_SETLK, &lock);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* 1: somebody else holds a lock on the byte. */
static int is_locked(int fd, off_t start)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

static int take(int fd, unsigned used, unsigned denied)
{
	for (int i = 0; i < PERMISSION_COUNT; i++) {
		int r = used & (1u << i) ? set_lock(fd, F_RDLCK, USED_BASE + i, 1) : 0;

		if (r == 0 && denied & (1u << i))
			r = set_lock(fd, F_RDLCK, DENIED_BASE + i, 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check(int fd, const char *path, unsigned used, unsigned denied, struct mortise_error *err)
{
	for (int i = 0; i < PERMISSION_COUNT; i++) {
		bool shared = false;
		int r = used & (1u << i) ? is_locked(fd, DENIED_BASE + i) : 0;

		if (r == 0 && denied & (1u << i)) {
			shared = true;
			r = is_locked(fd, USED_BASE + i);
		}
		if (r < 0)
			return r;
		if (r)
			return mortise_fail(err, -EBUSY,
					    "Failed to get %s\"%s\" lock. Is another process using the image [%.320s]?",
					    shared ? "shared " : "", permission_names[i], path);
	}
	return 0;
}

int block_lock(int fd, const char *path, bool writer, struct mortise_error *err)
{
	const unsigned used = CONSISTENT_READ | (writer ? WRITE | RESIZE : 0), denied = WRITE | RESIZE;
	int r = take(fd, used, denied);

	if (r == 0)
		r = check(fd, path, used, denied, err);
	if (r == 0)
		return 0;
	block_unlock(fd);
	if (r == -EBUSY)
		return r;
	if (r == -EAGAIN || r == -EACCES) /* an exclusive lock, which QEMU's tools never take, is on a byte */
		return mortise_fail(err, -EBUSY, "Failed to lock the image [%.320s]. Is another process using it?",
				    path);
	return mortise_fail(err, r == -ENOLCK || r == -EINVAL || r == -ENOSYS ? -EOPNOTSUPP : r,
			    "Failed to lock the image [%.320s]: %s (locking=off goes without)", path, strerror(-r));
}

void block_unlock(int fd)
{
	set_lock(fd, F_UNLCK, USED_BASE, DENIED_BASE + PERMISSION_COUNT - USED_BASE);
}
