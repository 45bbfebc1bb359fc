/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/complete.c - completion of the shell's lines, fed by the VM's introspection.
 */
#include "complete.h"

#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "table.h"

#define WORDS_MAX 8

/* libedit's callbacks take no argument. */
static struct session *session;
static cJSON *commands; /* what query-commands returned */
static cJSON *schema;	/* what query-qmp-schema did, once somebody asked for an argument */
static struct {
	char **words;
	size_t count, next;
} found;

bool complete_is_command(const char *word)
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

/* Keeps a word that can begin as the `text` does. */
static void offer(void *text, const char *word)
{
	char **words, *copy;

	if (!str_starts(word, text))
		return;
	for (size_t i = 0; i < found.count; i++)
		if (streq(found.words[i], word))
			return;
	copy = strdup(word);
	words = copy ? realloc(found.words, (found.count + 1) * sizeof(*words)) : NULL;
	if (!words) {
		free(copy);
		return;
	}
	found.words = words;
	words[found.count++] = copy;
}

static void offer_commands(void *text)
{
	const cJSON *command;

	cJSON_ArrayForEach(command, commands)
	{
		const cJSON *name = table_item(command, "name");

		if (cJSON_IsString(name))
			offer(text, name->valuestring);
	}
	offer(text, "help");
	offer(text, "exit");
}

/* The schema's entry of that name; NULL: none. */
static const cJSON *entry(const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, schema)
	{
		const cJSON *known = table_item(item, "name");

		if (name && cJSON_IsString(known) && streq(known->valuestring, name))
			return item;
	}
	return NULL;
}

static const char *word_of(const cJSON *object, const char *key)
{
	const cJSON *item = table_item(object, key);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* The members of an object type, those of its variants too, as JSON's begin of one; `open`: after its first quote. */
static void offer_members(void *text, const cJSON *type, bool open)
{
	const cJSON *member, *variant;

	cJSON_ArrayForEach(member, table_item(type, "members"))
	{
		char word[128];

		snprintf(word, sizeof(word), "%s%s\":", open ? "" : "\"", word_of(member, "name"));
		offer(text, word);
	}
	cJSON_ArrayForEach(variant, table_item(type, "variants"))
		offer_members(text, entry(word_of(variant, "type")), open);
}

static void offer_arguments(void *text, const char *command, bool open)
{
	struct mortise_error err = {0};

	if (!schema)
		client_execute(session->client, "query-qmp-schema", NULL, &schema, &err);
	offer_members(text, entry(word_of(entry(command), "arg-type")), open);
}

/* Collects what may stand at `start`; false: file names may. */
static bool collect(char *text, int start)
{
	char before[256], *words[WORDS_MAX], *save = NULL;
	int count = 0;

	snprintf(before, sizeof(before), "%.*s", start, rl_line_buffer);
	for (char *word = strtok_r(before, " \t", &save); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &save))
		words[count++] = word;
	rl_completion_append_character = ' ';
	if (verb_complete(session, count, words, offer, text))
		return true;
	if (!count) {
		offer_commands(text);
		return true;
	}
	if (!complete_is_command(words[0]))
		return false;
	rl_completion_append_character = '\0';
	offer_arguments(text, words[0], rl_line_buffer[start - 1] == '"');
	return true;
}

static char *next_match(const char *text, int state)
{
	return found.next < found.count ? found.words[found.next++] : NULL;
}

static char **complete(const char *text, int start, int end)
{
	char **matches = NULL;

	found.count = found.next = 0;
	rl_attempted_completion_over = collect((char *)text, start);
	if (found.count && (rl_attempted_completion_over || text[0] == '-'))
		matches = rl_completion_matches(text, next_match);
	while (found.next < found.count)
		free(found.words[found.next++]);
	return matches;
}

void complete_begin(struct session *using)
{
	struct mortise_error err = {0};

	session = using;
	if (client_execute(session->client, "query-commands", NULL, &commands, &err) < 0)
		fprintf(stderr, "mortisectl: %s\n", err.message);
	rl_attempted_completion_function = complete;
}

void complete_end(void)
{
	cJSON_Delete(commands);
	cJSON_Delete(schema);
	free(found.words);
	commands = schema = NULL;
	found.words = NULL;
}
