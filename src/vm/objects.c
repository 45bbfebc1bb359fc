/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/objects.c - backends of no bus that devices name by their id.
 */
#include "vm/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

struct object_kind {
	const char *name;
	int (*open)(struct object *object, struct options *options, struct mortise_error *err);
};

struct object {
	char *id;
	const struct object_kind *kind;
	struct loop *loop; /* iothread */
	char *filename;	   /* rng-random */
	unsigned users;
	struct object *next;
};

static int open_iothread(struct object *object, struct options *options, struct mortise_error *err)
{
	int r = loop_new(&object->loop, err);

	return r < 0 ? r : loop_start(object->loop, object->id, err);
}

/* The file is opened to see that it can be, and again by the device. */
static int open_rng(struct object *object, struct options *options, struct mortise_error *err)
{
	const char *path = "/dev/urandom";
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = options_string(options, "filename", &path, err);

	if (r < 0 && r != -ENOENT)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return mortise_fail(err, -errno, "Could not open '%s': %s", path, strerror(errno));
	if (!S_ISCHR(st.st_mode))
		return mortise_fail(err, -EINVAL, "Could not use '%s' for random bytes: it is not a character device",
				    path);
	object->filename = strdup(path);
	return object->filename ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for object '%s'", object->id);
}

static const struct object_kind kinds[] = {
	{"iothread", open_iothread},
	{"rng-random", open_rng},
};

const char *const object_types[] = {"iothread", "rng-random", NULL};

static struct object *object_free(struct object *object)
{
	if (!object)
		return NULL;
	loop_free(object->loop);
	free(object->filename);
	free(object->id);
	free(object);
	return NULL;
}
DEFINE_CLEANUP(struct object *, object_free)

/* Where the object of that id hangs; where a new one would, when there is none. */
static struct object **find(struct vm *vm, const char *id)
{
	struct object **at = &vm->objects;

	while (*at && !streq((*at)->id, id))
		at = &(*at)->next;
	return at;
}

static const struct object_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static int need(struct options *options, const char *key, const char **out, struct mortise_error *err)
{
	int r = options_string(options, key, out, err);

	return r == -ENOENT ? mortise_fail(err, -EINVAL, "Parameter '%s' is missing", key) : r;
}

int object_add(struct vm *vm, struct options *options, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *owned = options;
	_cleanup_(object_free_p) struct object *object = calloc(1, sizeof(*object));
	const char *type, *id;
	int r;

	if (!object)
		return mortise_fail(err, -ENOMEM, "Out of memory for an object");
	r = need(owned, "qom-type", &type, err);
	if (r == 0)
		r = need(owned, "id", &id, err);
	if (r == 0)
		r = id_check(id, err);
	if (r < 0)
		return r;
	object->kind = find_kind(type);
	if (!object->kind)
		return mortise_fail(err, -EINVAL,
				    "Parameter 'qom-type' does not accept value '%s'; use iothread or rng-random",
				    type);
	if (*find(vm, id))
		return mortise_fail(err, -EEXIST, "Duplicate object ID '%s'", id);
	object->id = strdup(id);
	if (!object->id)
		return mortise_fail(err, -ENOMEM, "Out of memory for object '%s'", id);
	r = object->kind->open(object, owned, err);
	if (r == 0)
		r = options_done(owned, err);
	if (r < 0)
		return r;
	*find(vm, id) = steal_ptr(&object);
	return 0;
}

int object_del(struct vm *vm, const char *id, struct mortise_error *err)
{
	struct object **at = find(vm, id), *object = *at;

	if (!object)
		return mortise_fail(err, -ENOENT, "object '%s' not found", id);
	if (object->users)
		return mortise_fail(err, -EBUSY,
				    "object '%s' is in use by %u devices; remove them with device_del first", id,
				    object->users);
	*at = object->next;
	object_free(object);
	return 0;
}

void objects_free(struct vm *vm)
{
	while (vm->objects) {
		struct object *object = vm->objects;

		vm->objects = object->next;
		object_free(object);
	}
}

struct object *object_next(struct vm *vm, struct object *after)
{
	return after ? after->next : vm->objects;
}

const char *object_id(const struct object *object)
{
	return object->id;
}

const char *object_type(const struct object *object)
{
	return object->kind->name;
}

int object_thread_id(const struct object *object)
{
	return object->loop ? loop_thread_id(object->loop) : 0;
}

int object_use(struct vm *vm, const char *key, const char *type, const char *id, struct object **out,
	       struct mortise_error *err)
{
	struct object *object = *find(vm, id);

	if (!object)
		return mortise_fail(err, -ENOENT, "Parameter '%s': object '%s' not found", key, id);
	if (!streq(object->kind->name, type))
		return mortise_fail(err, -EINVAL, "Parameter '%s': object '%s' is of type '%s', not '%s'", key, id,
				    object->kind->name, type);
	object->users++;
	*out = object;
	return 0;
}

struct loop *object_loop(const struct object *object)
{
	return object->loop;
}

const char *object_filename(const struct object *object)
{
	return object->filename;
}

void object_release(struct object *object)
{
	if (object)
		object->users--;
}
