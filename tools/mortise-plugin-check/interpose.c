/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpose.c - what else of libc's plugins find here first: threads, which are then known for the plugin's, and what
 * is the process's and none of a plugin's business.
 */
#include "interpose.h"

#if INTERPOSED

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board.h"
#include "calls.h"

/* --- threads --- */

struct start {
	void *(*run)(void *argument);
	void *argument;
};

static void *run_inside(void *opaque)
{
	const struct start start = *(struct start *)opaque;

	free(opaque);
	call_set_inside(true);
	return start.run(start.argument);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		dlsym(RTLD_NEXT, "pthread_create");
	const bool inside = call_set_inside(false); /* a stack is libc's, and kept */
	struct start *start = inside ? malloc(sizeof(*start)) : NULL;
	int r;

	if (inside && !start) {
		r = EAGAIN;
	} else if (inside) {
		*start = (struct start){run, argument};
		r = real(thread, attributes, run_inside, start);
		if (r)
			free(start);
	} else {
		r = real(thread, attributes, run, argument);
	}
	call_set_inside(inside);
	return r;
}

/* --- the process --- */

static void not_allowed(const char *function)
{
	if (call_inside())
		rule_broken(RULE_PROCESS, "%s() is called (%s)", function, call_words());
}

static _Noreturn void end(const char *function, int status)
{
	void (*real)(int) = dlsym(RTLD_NEXT, function);

	if (call_inside()) {
		not_allowed(function);
		phase_abandon();
	}
	real(status);
	abort();
}

EXPORT void exit(int status)
{
	end("exit", status);
}

EXPORT void _exit(int status)
{
	end("_exit", status);
}

EXPORT void _Exit(int status)
{
	end("_Exit", status);
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	int (*real)(int, const struct sigaction *, struct sigaction *) = dlsym(RTLD_NEXT, "sigaction");

	if (action)
		not_allowed("sigaction");
	return real(number, action, old);
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
	sighandler_t (*real)(int, sighandler_t) = dlsym(RTLD_NEXT, "signal");

	not_allowed("signal");
	return real(number, handler);
}

EXPORT mode_t umask(mode_t mask)
{
	mode_t (*real)(mode_t) = dlsym(RTLD_NEXT, "umask");

	not_allowed("umask");
	return real(mask);
}

EXPORT int chdir(const char *path)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "chdir");

	not_allowed("chdir");
	return real(path);
}

#endif
