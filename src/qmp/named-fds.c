/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/named-fds.c - descriptors that clients have passed in and named.
 */
#include "qmp/named-fds.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* More than any VM needs, and far less than a process may have open. */
#define NAMED_FDS_MAX 128

struct named_fd {
	char *name;
	int fd;
	bool lent;
};

struct named_fds {
	struct named_fd items[NAMED_FDS_MAX];
	unsigned count;
	unsigned loans;
	bool abandoned; /* freed when the last loan ends */
};

struct named_fds *named_fds_new(void)
{
	return calloc(1, sizeof(struct named_fds));
}

static struct named_fd *find(struct named_fds *store, const char *name)
{
	for (unsigned i = 0; i < store->count; i++)
		if (streq(store->items[i].name, name))
			return &store->items[i];
	return NULL;
}

static void forget(struct named_fds *store, struct named_fd *item, bool close_it)
{
	if (close_it)
		close(item->fd);
	free(item->name);
	*item = store->items[--store->count];
}

static void close_all(struct named_fds *store)
{
	while (store->count)
		forget(store, &store->items[0], true);
	free(store);
}

struct named_fds *named_fds_free(struct named_fds *store)
{
	if (store && store->loans)
		store->abandoned = true;
	else if (store)
		close_all(store);
	return NULL;
}

static int check_lent(const struct named_fd *item, struct mortise_error *err)
{
	if (!item->lent)
		return 0;
	return mortise_fail(err, -EBUSY, "File descriptor named '%s' is being used by another command", item->name);
}

int named_fds_add(struct named_fds *store, const char *name, int fd, struct mortise_error *err)
{
	_cleanup_close_ int owned = fd;
	struct named_fd *old = find(store, name);
	char *copy;
	int r;

	/* Names of that form stand for numbers on the command line. */
	if (!*name || isdigit((unsigned char)*name))
		return mortise_fail(err, -EINVAL, "Parameter 'fdname' expects a name not starting with a digit");
	if (old) {
		r = check_lent(old, err);
		if (r < 0)
			return r;
		forget(store, old, true);
	}
	if (store->count == NAMED_FDS_MAX)
		return mortise_fail(err, -ENOSPC, "%d file descriptors are named already: use or close some",
				    NAMED_FDS_MAX);
	copy = strdup(name);
	if (!copy)
		return mortise_fail(err, -ENOMEM, "Out of memory for file descriptor '%s'", name);
	store->items[store->count++] = (struct named_fd){.name = copy, .fd = steal_fd(&owned)};
	return 0;
}

static int find_free(struct named_fds *store, const char *name, struct named_fd **out, struct mortise_error *err)
{
	*out = find(store, name);
	if (!*out)
		return mortise_fail(err, -ENOENT, "File descriptor named '%s' not found", name);
	return check_lent(*out, err);
}

int named_fds_close(struct named_fds *store, const char *name, struct mortise_error *err)
{
	struct named_fd *item;
	int r = find_free(store, name, &item, err);

	if (r == 0)
		forget(store, item, true);
	return r;
}

int named_fds_lend(struct named_fds *store, const char *name, struct mortise_error *err)
{
	struct named_fd *item;
	int r = find_free(store, name, &item, err);

	if (r < 0)
		return r;
	item->lent = true;
	store->loans++;
	return item->fd;
}

void named_fds_settle(struct named_fds *store, int fd, bool taken)
{
	for (unsigned i = 0; i < store->count; i++) {
		struct named_fd *item = &store->items[i];

		if (item->lent && item->fd == fd) {
			item->lent = false;
			store->loans--;
			if (taken)
				forget(store, item, false);
			break;
		}
	}
	if (store->abandoned && !store->loans)
		close_all(store);
}
