/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/try.c - trying a plugin in a process of its own.
 */
#include "plugin/try.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define PROGRAM "mortise-plugin-try"

char *plugin_trier(void)
{
	static const char *const places[] = {"%s/" PROGRAM, "%s/../libexec/mortise/" PROGRAM,
					     PKGLIBEXECDIR "/" PROGRAM};
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[MAX(length, 0)] = '\0';
	dirname(self);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), places[i], self);
		if (access(path, X_OK) == 0)
			return strdup(path);
	}
	return NULL;
}

/* With the copy as descriptor 3, nothing else of this process's, and signals as they are at first. */
static int start(const char *program, const struct plugin_copy *copy, pid_t *out)
{
	char *const words[] = {(char *)PROGRAM, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, copy->fd, 3);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 4);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	r = posix_spawn(out, program, &files, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* Its status; -ETIMEDOUT once it was killed for taking too long. */
static int wait_for(pid_t child, int *status)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	int r = 0;

	if (ended.fd >= 0) {
		if (poll(&ended, 1, PLUGIN_TRY_SECONDS * 1000) == 0) {
			r = -ETIMEDOUT;
			kill(-child, SIGKILL);
		}
		close(ended.fd);
	}
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return r;
}

static int judge(int status, const char *path, struct mortise_error *err)
{
	if (WIFSIGNALED(status))
		return mortise_fail(err, -ENOEXEC,
				    "Plugin '%s' is not loaded: when it was tried, its start crashed (%s)", path,
				    strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != PLUGIN_TRIED)
		return mortise_fail(err, -ENOEXEC,
				    "Plugin '%s' is not loaded: when it was tried, its start ended the process with "
				    "status %d",
				    path, WEXITSTATUS(status));
	return 0;
}

int plugin_try(const char *program, const struct plugin_copy *copy, const char *path, struct mortise_error *err)
{
	int status = 0, r;
	pid_t child;

	r = start(program, copy, &child);
	if (r < 0) {
		log_warning("plugin '%s' is not tried before it is loaded: '%s' does not run: %s", path, program,
			    strerror(-r));
		return 0;
	}
	r = wait_for(child, &status);
	if (r == -ETIMEDOUT)
		return mortise_fail(err, -ENOEXEC,
				    "Plugin '%s' is not loaded: when it was tried, its start did not return within %d "
				    "seconds",
				    path, PLUGIN_TRY_SECONDS);
	return r < 0 ? 0 : judge(status, path, err);
}
