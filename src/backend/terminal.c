/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/terminal.c - a terminal in raw mode that is given back as it was.
 *
 * The settings live in the terminal, and the non-blocking flag in an open file shared with the shell that started us:
 * both outlive the process, so that every way out has to restore them.
 */
#include "backend/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"

/* Process-wide, as the terminal is. Read by a signal handler: written before `active` is set. */
static struct {
	volatile sig_atomic_t active;
	bool is_terminal;
	struct termios settings;
	int fds[2], flags[2];
} saved;

/* Async-signal-safe. */
static void restore(void)
{
	if (!saved.active)
		return;
	saved.active = 0;
	for (unsigned i = 0; i < 2; i++)
		if (saved.flags[i] >= 0)
			fcntl(saved.fds[i], F_SETFL, saved.flags[i]);
	if (saved.is_terminal)
		tcsetattr(saved.fds[0], TCSANOW, &saved.settings);
}

/* SA_RESETHAND has put the default action back: raised again, the signal ends the process as it would have. */
static void on_fatal(int signal)
{
	restore();
	raise(signal);
}

static void catch_fatal_signals(void)
{
	static const int signals[] = {SIGABRT, SIGBUS,	SIGFPE,	 SIGHUP,  SIGILL,
				      SIGINT,  SIGQUIT, SIGSEGV, SIGTERM, SIGTRAP};
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction old;

		/* A sanitizer's or debugger's handler stays. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
}

int terminal_take(struct terminal_guard *guard, int in, int out, struct mortise_error *err)
{
	static bool registered;
	struct termios raw;

	if (saved.active)
		return mortise_fail(err, -EBUSY, "Standard input and output are already in use by another serial line");
	if (!registered && atexit(restore))
		return mortise_fail(err, -ENOMEM, "Could not arrange for the terminal to be restored at exit");
	registered = true;
	saved.fds[0] = in;
	saved.fds[1] = out;
	saved.is_terminal = tcgetattr(in, &saved.settings) == 0;
	for (unsigned i = 0; i < 2; i++)
		saved.flags[i] = fcntl(saved.fds[i], F_GETFL);
	if (saved.is_terminal)
		catch_fatal_signals();
	saved.active = 1;
	guard->taken = true;
	for (unsigned i = 0; i < 2; i++)
		if (saved.flags[i] >= 0)
			fcntl(saved.fds[i], F_SETFL, saved.flags[i] | O_NONBLOCK);
	if (saved.is_terminal) {
		raw = saved.settings;
		cfmakeraw(&raw);
		raw.c_oflag |= OPOST; /* log lines of ours still begin at the left */
		tcsetattr(in, TCSANOW, &raw);
	}
	return 0;
}

void terminal_release(struct terminal_guard *guard)
{
	if (guard->taken)
		restore();
	guard->taken = false;
}
