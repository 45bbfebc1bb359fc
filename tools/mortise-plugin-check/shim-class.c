/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim-class.c - callbacks: the core's calls to the plugin, watched.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/util.h"

/* A callback that was appended to the ABI needs its line in `class` below, since it would get a `self` of the wrong
 * kind. */
_Static_assert(sizeof(struct mortise_class) == offsetof(struct mortise_class, monitor) + sizeof(void *),
	       "struct mortise_class has grown: call a new callback from here");

/* What the core is given for a plugin's class. */
struct shim_class {
	struct mortise_class class;
	const struct mortise_class *real;
};

struct shim *shim_of(struct mortise_device *device)
{
	return device_self(device);
}

/* --- around each callback --- */

static void check_watches(struct shim *shim)
{
	for (int i = 0; i < shim->watch_count; i++)
		if (fcntl(shim->watched[i], F_GETFD) < 0 && errno == EBADF)
			rule_broken(RULE_WATCH, "descriptor %d is closed while it is watched (%s)", shim->watched[i],
				    call_words());
	if (shim->watch_count)
		rule_kept(RULE_WATCH);
}

static void after(struct shim *shim)
{
	if (shim->area)
		area_check(shim->area);
	check_watches(shim);
}

/* Failures speak: a negative errno, and words where words can be left. */
static int judge(const char *callback, int r, const struct mortise_error *err)
{
	rule_kept(RULE_ERRORS);
	if (r > 0 || r < -4095)
		rule_broken(RULE_ERRORS, "%s() returns %d, which is neither 0 nor a negative errno", callback, r);
	else if (r < 0 && err && !err->message[0])
		rule_broken(RULE_ERRORS, "%s() fails with %d and no message", callback, r);
	return MIN(r, 0);
}

#define CALL(shim, callback, ...)                                    \
	do {                                                         \
		struct call call_;                                   \
		call_begin(&call_, shim, #callback);                 \
		(shim)->real->callback((shim)->self, ##__VA_ARGS__); \
		call_set_inside(false);                              \
		after(shim);                                         \
		call_end(&call_);                                    \
	} while (0)

#define CALL_FOR(result, shim, callback, ...)                                 \
	do {                                                                  \
		struct call call_;                                            \
		call_begin(&call_, shim, #callback);                          \
		result = (shim)->real->callback((shim)->self, ##__VA_ARGS__); \
		call_set_inside(false);                                       \
		after(shim);                                                  \
		call_end(&call_);                                             \
	} while (0)

/* --- the callbacks --- */

static int realize(void *opaque, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct shim *shim = opaque;
	const struct mortise_class *real;
	int r;

	shim->device = device;
	shim->real = real = shim_real_class(device_class(device));
	shim->area = area_new(real->instance_size, "the instance", RULE_INSTANCE, RULE_CRASH);
	if (!shim->area)
		return mortise_fail(err, -ENOMEM, "Out of memory for a fenced instance");
	shim->self = shim->area->data;
	memcpy(shim->self, shim->properties, real->instance_size);
	shim->realizing = true;
	CALL_FOR(r, shim, realize, device, host, err);
	shim->realizing = false;
	if (r < 0)
		area_close(shim->area);
	return judge("realize", r, err);
}

/* What was freed with the core's instance stays behind its fences, for those who come too late. */
static void unrealize(void *opaque)
{
	struct shim *shim = opaque;

	shim->watch_count = 0;
	if (shim->real->unrealize)
		CALL(shim, unrealize);
	shown_forget(shim);
	area_close(shim->area);
}

static int activate(void *opaque, uint64_t features, struct mortise_error *err)
{
	struct shim *shim = opaque;
	int r = 0;

	shown_forget(shim);
	if (shim->real->activate)
		CALL_FOR(r, shim, activate, features, err);
	return judge("activate", r, err);
}

static void notify(void *opaque, uint32_t queue)
{
	struct shim *shim = opaque;

	CALL(shim, notify, queue);
}

static void config_written(void *opaque, uint32_t offset, uint32_t size)
{
	struct shim *shim = opaque;

	CALL(shim, config_written, offset, size);
}

static int quiesce(void *opaque, struct mortise_error *err)
{
	struct shim *shim = opaque;
	int r = 0;

	if (shim->real->quiesce)
		CALL_FOR(r, shim, quiesce, err);
	io_quiesced(shim);
	return judge("quiesce", r, err);
}

static void resume(void *opaque)
{
	struct shim *shim = opaque;

	if (shim->real->resume)
		CALL(shim, resume);
}

static void reset(void *opaque)
{
	struct shim *shim = opaque;

	if (shim->real->reset)
		CALL(shim, reset);
	shown_forget(shim);
}

static int64_t save(void *opaque, void *data, uint64_t room)
{
	struct shim *shim = opaque;
	int64_t r;

	CALL_FOR(r, shim, save, data, room);
	return r;
}

static int restore(void *opaque, const void *data, uint64_t size, struct mortise_error *err)
{
	struct shim *shim = opaque;
	int r;

	CALL_FOR(r, shim, restore, data, size, err);
	return judge("restore", r, err);
}

static void block_changed(void *opaque, struct mortise_block *block)
{
	struct shim *shim = opaque;

	CALL(shim, block_changed, block);
}

static void net_ready(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events)
{
	struct shim *shim = opaque;

	CALL(shim, net_ready, net, queue, events);
}

static void timer(void *opaque, uint32_t id)
{
	struct shim *shim = opaque;

	CALL(shim, timer, id);
}

static void fd_ready(void *opaque, int fd, uint32_t events, void *of_watch)
{
	struct shim *shim = opaque;

	CALL(shim, fd_ready, fd, events, of_watch);
}

static void char_ready(void *opaque, struct mortise_chardev *chardev, uint32_t events)
{
	struct shim *shim = opaque;

	CALL(shim, char_ready, chardev, events);
}

static int child_added(void *opaque, void *child, struct mortise_error *err)
{
	struct shim *shim = opaque;
	int r;

	CALL_FOR(r, shim, child_added, ((struct shim *)child)->self, err);
	return judge("child_added", r, err);
}

static void child_removed(void *opaque, void *child)
{
	struct shim *shim = opaque;

	CALL(shim, child_removed, ((struct shim *)child)->self);
}

/* --- the class --- */

/* The core stores properties behind the shim; realize() takes them over into the instance. */
static const struct mortise_property *moved_properties(const struct mortise_class *real)
{
	struct mortise_property *table;
	size_t count = 0;

	while (real->properties[count].name)
		count++;
	table = calloc(count + 1, sizeof(*table));
	if (!table)
		phase_no_memory();
	for (size_t i = 0; i < count; i++) {
		table[i] = real->properties[i];
		table[i].offset += (uint32_t)offsetof(struct shim, properties);
	}
	return table;
}

const struct mortise_class *shim_real_class(const struct mortise_class *class)
{
	return container_of(class, struct shim_class, class)->real;
}

struct mortise_class *shim_class_new(struct mortise_class *real)
{
	struct shim_class *made = calloc(1, sizeof(*made));
	struct mortise_class *class;

	if (!made)
		phase_no_memory();
	made->real = real;
	made->class = *real;
	class = &made->class;
	class->properties = moved_properties(real);
	class->instance_size = (uint32_t)sizeof(struct shim) + real->instance_size;
	class->request_size = real->parent ? 0 : sizeof(struct shown *);
	class->realize = realize;
	class->unrealize = unrealize;
	class->activate = activate;
	class->notify = notify;
	class->quiesce = quiesce;
	class->resume = resume;
	class->reset = reset;
#define WHERE_IT_HAS(callback) class->callback = real->callback ? callback : NULL
	WHERE_IT_HAS(config_written);
	WHERE_IT_HAS(save);
	WHERE_IT_HAS(restore);
	WHERE_IT_HAS(block_changed);
	WHERE_IT_HAS(net_ready);
	WHERE_IT_HAS(timer);
	WHERE_IT_HAS(fd_ready);
	WHERE_IT_HAS(char_ready);
	WHERE_IT_HAS(child_added);
	WHERE_IT_HAS(child_removed);
	return class;
}
