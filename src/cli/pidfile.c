/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/pidfile.c - a file that holds the process number while the process lives.
 */
#include "cli/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"

int pidfile_take(struct pidfile *pidfile, const char *path, struct mortise_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return mortise_fail(err, -errno, "Could not open pidfile '%s': %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return mortise_fail(err, -EBUSY, "Pidfile '%s' is held by another process that is still running", path);
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return mortise_fail(err, -errno, "Could not write pidfile '%s': %s", path, strerror(errno));
	pidfile->path = path;
	pidfile->fd = steal_fd(&fd);
	return 0;
}

void pidfile_release(struct pidfile *pidfile)
{
	if (!pidfile->path)
		return;
	unlink(pidfile->path);
	close(pidfile->fd);
	pidfile->path = NULL;
}
