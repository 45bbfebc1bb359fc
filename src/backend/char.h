/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/char.h - chardevs: named streams of bytes that devices claim, as a console its socket.
 *
 * Registry, claiming and release belong to the control thread. While a device has claimed a chardev, everything that
 * comes and goes through it, and who connects to it, is that device's thread's: bytes go from the descriptor straight
 * to where the device wants them. The machine's serial line is another thing: see backend/chardev.h.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/options.h"
#include <mortise/char.h>

struct chars; /* the registry */

int chars_new(struct chars **out, struct mortise_error *err);
struct chars *chars_free(struct chars *chars); /* nothing is claimed any more */
DEFINE_CLEANUP(struct chars *, chars_free)

/*
 * Makes a chardev from flat options: backend, id, and its own. socket: path of a unix socket, server (on: listens
 * there, one peer at a time, and removes the socket in the end; off: connects now), wait (off), reconnect or
 * reconnect-ms (a client whose server is not there tries again so often, while a device uses it); file: path
 * (created 0600, appended to); null. Consumes `options`. On failure nothing stays behind.
 */
int char_add(struct chars *chars, struct options *options, struct mortise_error *err);

/* -ENOENT: there is none; -EBUSY: a device uses it. */
int char_del(struct chars *chars, const char *id, struct mortise_error *err);

struct mortise_chardev *char_find(struct chars *chars, const char *id);
struct mortise_chardev *char_next(struct chars *chars, struct mortise_chardev *after); /* NULL: the first */
const char *char_id(const struct mortise_chardev *chardev);
const char *char_filename(const struct mortise_chardev *chardev); /* "unix:/tmp/a,server=on", "null": for queries */
bool char_is_claimed(const struct mortise_chardev *chardev);

/*
 * Whether the chardev is the server that it was declared to be. One whose path another process serves is made all the
 * same, for a device that connects to that by char_connect(); for others, -EADDRINUSE.
 */
int char_check_own(const struct mortise_chardev *chardev, struct mortise_error *err);

/*
 * Reserves the chardev for `owner` (a device's id, copied). `ready` runs on `loop`; it returns false where nobody
 * listens now, and is then not called again until char_poll(). -EBUSY. char_release() leaves a last task on `loop`,
 * which must still be run (loop_free() of a loop with a thread does that); the chardev can be claimed again at once,
 * and who is connected stays connected.
 */
int char_claim(struct mortise_chardev *chardev, const char *owner, struct loop *loop,
	       bool (*ready)(void *opaque, struct mortise_chardev *chardev, uint32_t events), void *opaque,
	       struct mortise_error *err);
void char_release(struct mortise_chardev *chardev);

/* The terminal at the other end has another size, in characters; 0: unknown. Told to the device. */
void char_resize(struct mortise_chardev *chardev, uint16_t columns, uint16_t rows);

/* The services of struct mortise_host. */
void char_info(struct mortise_chardev *chardev, struct mortise_char_info *info);
int64_t char_read(struct mortise_chardev *chardev, void *data, uint64_t room);
int64_t char_write(struct mortise_chardev *chardev, const void *data, uint64_t size);
void char_poll(struct mortise_chardev *chardev, uint32_t events);
int char_connect(struct mortise_chardev *chardev);
int char_descriptor(struct mortise_chardev *chardev);
