/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/objects.h - backends of no bus that devices name by their id: -object and QMP's object-add.
 *
 * iothread: an I/O thread for several devices to share (their property `iothread`), in place of one each.
 * rng-random: a file of random bytes, which the device that names it (property `rng`) gets as its `filename`.
 */
#pragma once

#include "vm/vm.h"

struct object;

/* From flat options: qom-type, id, and the type's own. Consumes `options`. On failure nothing stays behind. */
int object_add(struct vm *vm, struct options *options, struct mortise_error *err);

/* -ENOENT: no such object; -EBUSY: devices use it. */
int object_del(struct vm *vm, const char *id, struct mortise_error *err);

/* Ends all; nothing uses them any more. */
void objects_free(struct vm *vm);

/* For queries, in the order of creation. NULL: the first, the end. */
struct object *object_next(struct vm *vm, struct object *after);
const char *object_id(const struct object *object);
const char *object_type(const struct object *object);

/* An iothread's Linux thread id; 0 for other types. */
int object_thread_id(const struct object *object);

/* The names of the types, NULL-terminated. */
extern const char *const object_types[];

/*
 * Takes the object `id`, which has to be of `type`, for a device that named it in the parameter `key`. Ended by
 * object_release(). -ENOENT: no such object; -EINVAL: of another type.
 */
int object_use(struct vm *vm, const char *key, const char *type, const char *id, struct object **out,
	       struct mortise_error *err);
struct loop *object_loop(const struct object *object);	  /* an iothread's */
const char *object_filename(const struct object *object); /* an rng-random's */
void object_release(struct object *object);		  /* NULL is fine */
