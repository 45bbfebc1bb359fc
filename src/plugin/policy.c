/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/policy.c - reading a policy, and asking it.
 */
#include "plugin/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sha256.h"
#include "base/util.h"
#include "plugin/find.h"

#define INLINE "inline:"
#define TEXT_MAX (1u << 20)
#define WORDS_MAX 3

struct rule {
	char name[PLUGIN_NAME_SIZE];  /* "*": all */
	char sha256[SHA256_HEX_SIZE]; /* "": any */
	bool load;
	unsigned line;
};

struct policy {
	char *source; /* for messages: "line" or the like follows */
	struct rule *rules;
	size_t count;
	bool lockdown;
};

/* --- reading --- */

struct place {
	const struct policy *policy;
	unsigned line;
	struct mortise_error *err;
};

MORTISE_PRINTF(2, 3)
static int bad(const struct place *place, const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return mortise_fail(place->err, -EINVAL, "%s %u: %s", place->policy->source, place->line, why);
}

static int read_sum(const struct place *place, const char *word, char sum[SHA256_HEX_SIZE])
{
	if (strlen(word) != SHA256_HEX_SIZE - 1 || word[strspn(word, "0123456789abcdefABCDEF")])
		return bad(place, "'%.80s' is no SHA-256, which has 64 hex digits", word);
	for (size_t i = 0; i < SHA256_HEX_SIZE; i++)
		sum[i] = word[i] >= 'A' && word[i] <= 'F' ? (char)(word[i] - 'A' + 'a') : word[i];
	return 0;
}

static int add_rule(struct policy *policy, const struct place *place, const char *const *words, size_t count)
{
	const bool load = streq(words[0], "load"), any = count > 1 && streq(words[1], "*");
	struct rule rule = {.load = load, .line = place->line}, *rules;
	int r = 0;

	if (count < 2)
		return bad(place, "'%s' lacks a plugin's name", words[0]);
	if (!plugin_name_ok(words[1]) && !(any && !load))
		return bad(place, "'%.64s' is no plugin's name, which has small letters, digits and dashes", words[1]);
	snprintf(rule.name, sizeof(rule.name), "%s", words[1]);
	if (count > 2)
		r = any ? bad(place, "a SHA-256 needs a plugin's name before it")
			: read_sum(place, words[2], rule.sha256);
	if (r < 0)
		return r;
	rules = reallocarray(policy->rules, policy->count + 1, sizeof(*rules));
	if (!rules)
		return mortise_fail(place->err, -ENOMEM, "Out of memory for the plugin policy");
	rules[policy->count++] = rule;
	policy->rules = rules;
	return 0;
}

static int add_statement(struct policy *policy, const struct place *place, char *text)
{
	const char *words[WORDS_MAX] = {NULL};
	size_t count = 0;
	char *rest;

	text[strcspn(text, "#")] = '\0';
	for (char *word = strtok_r(text, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
		if (count == WORDS_MAX)
			return bad(place, "'%.64s' is one word too many", word);
		words[count++] = word;
	}
	if (!count)
		return 0;
	if (streq(words[0], "allow") || streq(words[0], "load"))
		return add_rule(policy, place, words, count);
	if (!streq(words[0], "lockdown"))
		return bad(place, "'%.64s' is none of allow, load and lockdown", words[0]);
	if (count > 1)
		return bad(place, "'%.64s' is one word too many", words[1]);
	policy->lockdown = true;
	return 0;
}

static int parse(struct policy *policy, char *text, char separator, struct mortise_error *err)
{
	struct place place = {.policy = policy, .err = err};
	int r = 0;

	for (char *next; text && r == 0; text = next) {
		next = strchr(text, separator);
		if (next)
			*next++ = '\0';
		place.line++;
		r = add_statement(policy, &place, text);
	}
	return r;
}

/* The file's text, malloc'ed. */
static int read_file(const char *path, char **out, struct mortise_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not open plugin policy '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > TEXT_MAX)
		return mortise_fail(err, -EINVAL, "Plugin policy '%s' is not a regular file of at most %u bytes", path,
				    TEXT_MAX);
	r = plugin_check_access(&st, "Plugin policy", path, err);
	if (r < 0)
		return r;
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return mortise_fail(err, -ENOMEM, "Out of memory for plugin policy '%s'", path);
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return mortise_fail(err, -errno, "Could not read plugin policy '%s': %s", path, strerror(errno));
	if (memchr(text, '\0', (size_t)n))
		return mortise_fail(err, -EINVAL, "Plugin policy '%s' is not a text", path);
	*out = steal_ptr(&text);
	return 0;
}

int policy_new(struct policy **out, const char *option, struct mortise_error *err)
{
	const bool in_line = !strncmp(option, INLINE, strlen(INLINE));
	_cleanup_(policy_free_p) struct policy *policy = calloc(1, sizeof(*policy));
	_cleanup_free_ char *text = NULL;
	int r = 0;

	if (policy && in_line)
		policy->source = strdup("Plugin policy, statement");
	else if (policy && asprintf(&policy->source, "Plugin policy '%s', line", option) < 0)
		policy->source = NULL;
	if (in_line)
		text = strdup(option + strlen(INLINE));
	else
		r = read_file(option, &text, err);
	if (r < 0)
		return r;
	if (!policy || !policy->source || !text)
		return mortise_fail(err, -ENOMEM, "Out of memory for the plugin policy");
	r = parse(policy, text, in_line ? ';' : '\n', err);
	if (r < 0)
		return r;
	log_info("%s: %zu rules%s", in_line ? "plugin policy" : option, policy->count,
		 policy->lockdown ? ", lockdown after the start" : "");
	*out = steal_ptr(&policy);
	return 0;
}

struct policy *policy_free(struct policy *policy)
{
	if (!policy)
		return NULL;
	free(policy->rules);
	free(policy->source);
	free(policy);
	return NULL;
}

/* --- asking --- */

int policy_check(const struct policy *policy, const char *name, const char *sha256, struct mortise_error *err)
{
	bool named = false;

	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (!streq(rule->name, "*") && !streq(rule->name, name))
			continue;
		if (!*rule->sha256 || streq(rule->sha256, sha256)) {
			log_info("plugin '%s', SHA-256 %s, is allowed: %s %u", name, sha256, policy->source,
				 rule->line);
			return 0;
		}
		named = true;
	}
	log_warning("plugin '%s', SHA-256 %s, is refused: the policy allows %s", name, sha256,
		    named ? "other contents of it" : "no plugin of that name");
	return mortise_fail(err, -EPERM, "Plugin '%s', SHA-256 %s, is refused by the policy, which allows %s", name,
			    sha256, named ? "other contents of it" : "no plugin of that name");
}

bool policy_locks_down(const struct policy *policy)
{
	return policy->lockdown;
}

const char *policy_next_load(const struct policy *policy, size_t *at)
{
	while (*at < policy->count) {
		const struct rule *rule = &policy->rules[(*at)++];

		if (rule->load)
			return rule->name;
	}
	return NULL;
}
