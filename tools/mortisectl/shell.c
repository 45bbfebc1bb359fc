/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/shell.c - verbs one after the other, in libedit's line editor with its history.
 *
 * Besides the verbs of mortisectl a line may be the name of a QMP command, with its arguments as JSON after it; the
 * names come from the VM itself.
 */
#include "shell.h"

#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "complete.h"

#define WORDS_MAX 32

static bool is_verb(const char *word)
{
	const char *name;

	for (unsigned n = 0; (name = verb_name(n)); n++)
		if (streq(name, word))
			return true;
	return false;
}

/* A QMP command by its name: `query-block`, or `device_del {"id": "d0"}`. */
static int run_command(struct session *session, char *name, char *arguments)
{
	char *text, verb[] = "raw", *argv[2] = {verb, NULL};
	int status;

	if (asprintf(&text, "{\"execute\": \"%s\"%s%s}", name, *arguments ? ", \"arguments\": " : "", arguments) < 0)
		return STATUS_GONE;
	argv[1] = text;
	status = verb_run(session, 2, argv);
	free(text);
	return status;
}

/* Splits the line at blanks; a QMP command's arguments stay in one piece. */
static int run_line(struct session *session, char *line)
{
	size_t first = strcspn(line, " \t");
	char *rest = line + first + strspn(line + first, " \t"), verb[] = "raw", *argv[WORDS_MAX] = {verb, line},
	     *save = NULL;
	char name[64];
	int argc = 0;

	if (line[0] == '{')
		return verb_run(session, 2, argv);
	snprintf(name, sizeof(name), "%.*s", (int)first, line);
	if (!is_verb(name) && complete_is_command(name) && (!*rest || *rest == '{'))
		return run_command(session, name, rest);
	for (char *word = strtok_r(line, " \t", &save); word && argc < WORDS_MAX; word = strtok_r(NULL, " \t", &save))
		argv[argc++] = word;
	return verb_run(session, argc, argv);
}

int shell_run(struct session *session)
{
	bool interactive = isatty(STDIN_FILENO);
	int status = STATUS_DONE;
	char *line;

	complete_begin(session);
	rl_readline_name = "mortisectl";
	using_history();
	while (status != STATUS_GONE && (line = readline(interactive ? "mortise> " : ""))) {
		char *text = line + strspn(line, " \t");

		if (interactive && *text)
			add_history(text);
		if (streq(text, "exit")) {
			free(line);
			break;
		}
		if (streq(text, "help"))
			verb_help(stdout);
		else if (*text && *text != '#')
			status = run_line(session, text);
		free(line);
	}
	if (interactive)
		putchar('\n');
	complete_end();
	return status;
}
