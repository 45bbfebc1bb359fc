/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/shell.c - verbs one after the other: libedit's line editor, history and completion.
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
#include "table.h"

#define WORDS_MAX 32

/* What query-commands returned; libedit's callbacks take no argument. */
static cJSON *commands;

static bool is_command(const char *word)
{
	const cJSON *command;

	cJSON_ArrayForEach(command, commands)
	{
		const cJSON *name = table_item(command, "name");

		if (cJSON_IsString(name) && streq(name->valuestring, word))
			return true;
	}
	return false;
}

static bool is_verb(const char *word)
{
	const char *name;

	for (unsigned n = 0; (name = verb_name(n)); n++)
		if (streq(name, word))
			return true;
	return false;
}

/* The `state`-th word that can begin as `text` does: verbs first, then QMP commands. malloc'ed, or NULL. */
static char *next_match(const char *text, int state)
{
	static unsigned verb, command;
	const char *name;

	if (!state)
		verb = command = 0;
	while ((name = verb_name(verb))) {
		verb++;
		if (str_starts(name, text))
			return strdup(name);
	}
	while (command < (unsigned)cJSON_GetArraySize(commands)) {
		const cJSON *item = table_item(cJSON_GetArrayItem(commands, (int)command++), "name");

		if (cJSON_IsString(item) && str_starts(item->valuestring, text))
			return strdup(item->valuestring);
	}
	return NULL;
}

static char **complete(const char *text, int start, int end)
{
	rl_attempted_completion_over = start > 0 ? 0 : 1; /* later words are file names */
	return start > 0 ? NULL : rl_completion_matches(text, next_match);
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
	if (!is_verb(name) && is_command(name) && (!*rest || *rest == '{'))
		return run_command(session, name, rest);
	for (char *word = strtok_r(line, " \t", &save); word && argc < WORDS_MAX; word = strtok_r(NULL, " \t", &save))
		argv[argc++] = word;
	return verb_run(session, argc, argv);
}

int shell_run(struct session *session)
{
	bool interactive = isatty(STDIN_FILENO);
	struct mortise_error err = {0};
	int status = STATUS_DONE;
	char *line;

	if (client_execute(session->client, "query-commands", NULL, &commands, &err) < 0)
		fprintf(stderr, "mortisectl: %s\n", err.message);
	rl_readline_name = "mortisectl";
	rl_attempted_completion_function = complete;
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
	cJSON_Delete(commands);
	commands = NULL;
	return status;
}
