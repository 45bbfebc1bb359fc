/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/borrow.c - commands that take descriptors by name.
 */
#include "qmp/borrow.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "qmp/flatten.h"

/* A command under way, with the descriptors that it has borrowed. */
struct borrower {
	struct qmp_call *call;
	struct named_fds *store;
	struct reply reply;
	int fds[64];
	unsigned count;
};

static void settle(struct borrower *borrower, bool taken)
{
	for (unsigned i = 0; i < borrower->count; i++) /* the last one may free the store */
		named_fds_settle(borrower->store, borrower->fds[i], taken);
}

static void on_done(struct reply *reply, int result)
{
	struct borrower *borrower = container_of(reply, struct borrower, reply);

	settle(borrower, result >= 0);
	qmp_answer(borrower->call, result, &reply->error);
	free(borrower);
}

/* "a:b" to "7:8", where a and b were passed in under these names. */
static int borrow(struct borrower *borrower, struct option *option, struct mortise_error *err)
{
	_cleanup_free_ char *names = strdup(option->value), *numbers = calloc(ARRAY_SIZE(borrower->fds), 12);
	char *rest = names, *end = numbers;

	if (!names || !numbers)
		return mortise_fail(err, -ENOMEM, "Out of memory for parameter '%s'", option->key);
	while (rest) {
		char *name = strsep(&rest, ":");
		int fd;

		if (isdigit((unsigned char)*name))
			return mortise_fail(
				err, -EINVAL,
				"Parameter '%s' is '%s': pass a descriptor in with getfd, and give its name",
				option->key, option->value);
		if (borrower->count == ARRAY_SIZE(borrower->fds))
			return mortise_fail(err, -E2BIG, "Parameter '%s' names more than %zu descriptors", option->key,
					    ARRAY_SIZE(borrower->fds));
		fd = named_fds_lend(borrower->store, name, err);
		if (fd < 0)
			return fd;
		borrower->fds[borrower->count++] = fd;
		end += sprintf(end, "%s%d", end > numbers ? ":" : "", fd);
	}
	free(option->value);
	option->value = steal_ptr(&numbers);
	return 0;
}

static int borrow_all(struct borrower *borrower, struct options *options, const char *const *keys,
		      struct mortise_error *err)
{
	for (size_t i = 0; i < options->count; i++) {
		for (const char *const *key = keys; *key; key++) {
			int r = 0;

			if (streq(options->items[i].key, *key) && options->items[i].kind == OPTION_STRING)
				r = borrow(borrower, &options->items[i], err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

void run_with_descriptors(struct qmp_call *call, const cJSON *arguments, const char *const *keys,
			  void (*act)(struct vm *vm, struct options *options, struct reply *reply))
{
	struct borrower *borrower = calloc(1, sizeof(*borrower));
	struct options *options = NULL;
	struct mortise_error err = {0};
	int r;

	if (!borrower) {
		qmp_failf(call, QMP_GENERIC_ERROR, "Out of memory for a command");
		return;
	}
	borrower->call = call;
	borrower->store = context_of(call)->fds;
	borrower->reply.done = on_done;
	r = flatten_arguments(&options, arguments, &err);
	if (r == 0)
		r = borrow_all(borrower, options, keys, &err);
	if (r < 0) {
		options_free(options);
		settle(borrower, false);
		free(borrower);
		qmp_answer(call, r, &err);
		return;
	}
	act(vm_of(call), options, &borrower->reply);
}
