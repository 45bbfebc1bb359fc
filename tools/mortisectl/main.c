/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/main.c - the operator's tool.
 */
#include "config.h"

#include <stdlib.h>

#include "base/util.h"
#include "shell.h"

static void usage(FILE *to)
{
	fputs("usage: mortisectl [-s SOCKET] [--json] VERB [ARGUMENT]...\n"
	      "       mortisectl [-s SOCKET] [--json]          (a shell, with history and completion)\n"
	      "Controls a running VM over its QMP socket. Without -s the socket is $MORTISE_QMP.\n\n",
	      to);
	verb_help(to);
	fputs("\nExit status: 0 done, 1 Mortise refused, 2 wrong usage, 3 no connection.\n", to);
}

int main(int argc, char **argv)
{
	struct session session = {0};
	const char *socket = getenv("MORTISE_QMP");
	struct mortise_error err = {0};
	int i = 1, status;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (streq(argv[i], "--json")) {
			session.json = true;
		} else if (streq(argv[i], "-s") && i + 1 < argc) {
			socket = argv[++i];
		} else if (streq(argv[i], "--version")) {
			puts("mortisectl " PACKAGE_VERSION);
			return STATUS_DONE;
		} else {
			bool help = streq(argv[i], "--help") || streq(argv[i], "-h");

			usage(help ? stdout : stderr);
			return help ? STATUS_DONE : STATUS_USAGE;
		}
	}
	if (!socket) {
		fputs("mortisectl: no socket: give -s SOCKET or set MORTISE_QMP\n", stderr);
		return STATUS_USAGE;
	}
	if (client_open(&session.client, socket, &err) < 0) {
		fprintf(stderr, "mortisectl: %s\n", err.message);
		return STATUS_GONE;
	}
	status = i < argc ? verb_run(&session, argc - i, argv + i) : shell_run(&session);
	client_close(session.client);
	return status;
}
