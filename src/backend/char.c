/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/char.c - the registry of chardevs: how each kind is opened and closed.
 */
#include "backend/char.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/char-node.h"
#include "backend/net-socket.h"
#include "base/util.h"

#define RECONNECT_MAX 3600000 /* milliseconds */

struct chars {
	struct mortise_chardev *first;
};

int chars_new(struct chars **out, struct mortise_error *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for chardevs");
}

static void remove_socket(const struct mortise_chardev *chardev)
{
	struct stat st;

	if (chardev->listen_fd >= 0 && lstat(chardev->path, &st) == 0 && st.st_dev == chardev->device &&
	    st.st_ino == chardev->inode)
		unlink(chardev->path);
}

void char_unlisten(struct mortise_chardev *chardev)
{
	remove_socket(chardev);
	if (chardev->listen_fd >= 0)
		close(chardev->listen_fd);
	chardev->listen_fd = -1;
}

struct mortise_chardev *char_put(struct mortise_chardev *chardev)
{
	if (!chardev || atomic_fetch_sub(&chardev->users, 1) > 1)
		return NULL;
	if (chardev->listen_fd >= 0)
		close(chardev->listen_fd);
	if (chardev->fd >= 0)
		close(chardev->fd);
	free(chardev->id);
	free(chardev->path);
	free(chardev->filename);
	free(chardev);
	return NULL;
}

/* Nobody reaches it any more. */
static struct mortise_chardev *char_free(struct mortise_chardev *chardev)
{
	if (chardev)
		remove_socket(chardev);
	return char_put(chardev);
}
DEFINE_CLEANUP(struct mortise_chardev *, char_free)

struct chars *chars_free(struct chars *chars)
{
	struct mortise_chardev *next;

	if (!chars)
		return NULL;
	for (struct mortise_chardev *chardev = chars->first; chardev; chardev = next) {
		next = chardev->next;
		char_free(chardev);
	}
	free(chars);
	return NULL;
}

/* --- the kinds --- */

static int take_path(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err)
{
	const char *path;
	int r = options_string(options, "path", &path, err);

	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "Parameter 'path' is missing");
	if (r < 0)
		return r;
	chardev->path = strdup(path);
	return chardev->path ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for chardev '%s'", chardev->id);
}

int char_dial(struct mortise_chardev *chardev, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int r = net_socket_address(&address, chardev->path, err);

	if (r == 0)
		r = net_socket_new(&fd, SOCK_STREAM, err);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return mortise_fail(err, -errno, "Could not connect to the unix socket '%s': %s", chardev->path,
				    strerror(errno));
	chardev->fd = steal_fd(&fd);
	return 0;
}

static int listen_at(struct mortise_chardev *chardev, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = net_socket_new(&fd, SOCK_STREAM, err);

	if (r == 0)
		r = net_socket_bind(fd, SOCK_STREAM, chardev->path, err);
	if (r < 0)
		return r;
	if (lstat(chardev->path, &st) < 0 || listen(fd, 1) < 0)
		return mortise_fail(err, -errno, "Could not listen on the unix socket '%s': %s", chardev->path,
				    strerror(errno));
	chardev->device = st.st_dev;
	chardev->inode = st.st_ino;
	chardev->listen_fd = steal_fd(&fd);
	return 0;
}

/* QEMU's words: seconds, or in newer ones milliseconds. */
static int take_reconnect(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err)
{
	uint64_t seconds = 0, milliseconds = 0;
	int r = options_u64(options, "reconnect", &seconds, err), also;

	if (r < 0 && r != -ENOENT)
		return r;
	also = options_u64(options, "reconnect-ms", &milliseconds, err);
	if (also < 0 && also != -ENOENT)
		return also;
	if (r == 0 && also == 0)
		return mortise_fail(err, -EINVAL, "Parameters 'reconnect' and 'reconnect-ms' exclude each other");
	if (seconds > RECONNECT_MAX / 1000 || milliseconds > RECONNECT_MAX)
		return mortise_fail(err, -EINVAL, "Parameter 'reconnect' is at most %d seconds", RECONNECT_MAX / 1000);
	chardev->reconnect_ms = (unsigned)(seconds * 1000 + milliseconds);
	return 0;
}

/* A client that will try again needs no server yet. */
static int connect_first(struct mortise_chardev *chardev, struct mortise_error *err)
{
	int r = char_dial(chardev, err);

	return chardev->reconnect_ms && (r == -ENOENT || r == -ECONNREFUSED || r == -EAGAIN) ? 0 : r;
}

static int open_socket(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err)
{
	bool server = false, wait = false;
	int r = take_path(chardev, options, err);

	if (r == 0)
		r = take_reconnect(chardev, options, err);
	if (r == 0)
		r = options_bool(options, "server", &server, err);
	if (r == 0 || r == -ENOENT)
		r = options_bool(options, "wait", &wait, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (wait)
		return mortise_fail(err, -EINVAL, "Parameter 'wait' must be off: nothing waits for a chardev's peer");
	if (server && chardev->reconnect_ms)
		return mortise_fail(err, -EINVAL, "Parameter 'reconnect' is for clients: leave out 'server'");
	chardev->socket = true;
	if (asprintf(&chardev->filename, "unix:%s%s", chardev->path, server ? ",server=on" : "") < 0) {
		chardev->filename = NULL;
		return mortise_fail(err, -ENOMEM, "Out of memory for chardev '%s'", chardev->id);
	}
	if (!server)
		return connect_first(chardev, err);
	/*
	 * Some clients say "server" although they have started one there, for a device that wants it. Such a one may
	 * take a single connection: this is it.
	 */
	chardev->foreign = char_dial(chardev, NULL) == 0;
	return chardev->foreign ? 0 : listen_at(chardev, err);
}

static int open_output(struct mortise_chardev *chardev, const char *path, struct mortise_error *err)
{
	chardev->filename = strdup(path);
	chardev->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (chardev->fd < 0)
		return mortise_fail(err, -errno, "Could not open '%s': %s", path, strerror(errno));
	return chardev->filename ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for chardev '%s'", chardev->id);
}

static int open_file(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err)
{
	int r = take_path(chardev, options, err);

	return r < 0 ? r : open_output(chardev, chardev->path, err);
}

static int open_null(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err)
{
	return open_output(chardev, "/dev/null", err);
}

static const struct {
	const char *name;
	int (*open)(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err);
} kinds[] = {{"socket", open_socket}, {"file", open_file}, {"null", open_null}};

/* --- the registry --- */

static int open_kind(struct mortise_chardev *chardev, struct options *options, struct mortise_error *err)
{
	const char *backend;
	int r = options_string(options, "backend", &backend, err);

	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "Parameter 'backend' is missing");
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, backend))
			return kinds[i].open(chardev, options, err);
	return mortise_fail(err, -EINVAL, "Parameter 'backend' does not accept value '%s'; use socket, file or null",
			    backend);
}

static int take_id(struct chars *chars, struct options *options, const char **id, struct mortise_error *err)
{
	int r = options_string(options, "id", id, err);

	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "Parameter 'id' is missing");
	if (r == 0)
		r = id_check(*id, err);
	if (r == 0 && char_find(chars, *id))
		r = mortise_fail(err, -EEXIST, "Chardev with id '%s' already exists", *id);
	return r;
}

int char_add(struct chars *chars, struct options *options, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *owned = options;
	_cleanup_(char_free_p) struct mortise_chardev *chardev = NULL;
	struct mortise_chardev **last = &chars->first;
	const char *id;
	int r = take_id(chars, owned, &id, err);

	if (r < 0)
		return r;
	chardev = calloc(1, sizeof(*chardev));
	if (!chardev)
		return mortise_fail(err, -ENOMEM, "Out of memory for chardev '%s'", id);
	chardev->chars = chars;
	atomic_init(&chardev->users, 1);
	chardev->fd = chardev->listen_fd = -1;
	chardev->id = strdup(id);
	if (!chardev->id)
		return mortise_fail(err, -ENOMEM, "Out of memory for chardev '%s'", id);
	r = open_kind(chardev, owned, err);
	if (r == 0)
		r = options_done(owned, err);
	if (r < 0)
		return r;
	while (*last)
		last = &(*last)->next;
	*last = steal_ptr(&chardev);
	return 0;
}

int char_del(struct chars *chars, const char *id, struct mortise_error *err)
{
	struct mortise_chardev **at = &chars->first, *chardev;

	while (*at && !streq((*at)->id, id))
		at = &(*at)->next;
	chardev = *at;
	if (!chardev)
		return mortise_fail(err, -ENOENT, "Chardev '%s' not found", id);
	if (chardev->claim)
		return mortise_fail(err, -EBUSY, "Chardev '%s' is busy: device '%s' uses it", id,
				    chardev->claim->owner);
	*at = chardev->next;
	char_free(chardev);
	return 0;
}

struct mortise_chardev *char_find(struct chars *chars, const char *id)
{
	for (struct mortise_chardev *chardev = chars->first; chardev; chardev = chardev->next)
		if (streq(chardev->id, id))
			return chardev;
	return NULL;
}

struct mortise_chardev *char_next(struct chars *chars, struct mortise_chardev *after)
{
	return after ? after->next : chars->first;
}

const char *char_id(const struct mortise_chardev *chardev)
{
	return chardev->id;
}

const char *char_filename(const struct mortise_chardev *chardev)
{
	return chardev->filename;
}

int char_check_own(const struct mortise_chardev *chardev, struct mortise_error *err)
{
	if (!chardev->foreign)
		return 0;
	return mortise_fail(err, -EADDRINUSE,
			    "Chardev '%s' cannot be the server at '%s': another process is; remove that socket, or say "
			    "server=off to connect to it",
			    chardev->id, chardev->path);
}

bool char_is_claimed(const struct mortise_chardev *chardev)
{
	return chardev->claim;
}
